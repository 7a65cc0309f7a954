//! Facts about placement: the ladder, spread, balance, movement, and a few placements for ever.

use super::*;
use crate::record::ProfileChoice;
use hamster_core::ids::{BootNumber, ClusterUuid, DriveUuid};

/// A layout of nodes, each in a zone of its own unless named, with so many drives.
fn layout(nodes: &[(&str, u32)]) -> LayoutRecord {
    let mut record = LayoutRecord {
        version: 1,
        cluster: ClusterUuid::from_bytes([1; 16]),
        name: "test".into(),
        profile: ProfileChoice::Auto,
        nodes: vec![],
        drives: vec![],
        root_id: String::new(),
    };
    for (id, (zone, drives)) in (1..).zip(nodes) {
        record.nodes.push(Node {
            id: NodeId::new(id),
            name: format!("n{id}"),
            host: format!("h{id}"),
            zone: (*zone).into(),
            address: String::new(),
            boot: BootNumber::new(1),
        });
        (0..*drives).for_each(|_| add_drive(&mut record, id, 1));
    }
    record
}

fn add_drive(record: &mut LayoutRecord, node: u64, weight: u32) {
    let ordinal = u32::try_from(record.drives.len()).expect("few drives");
    record.drives.push(Drive {
        ordinal: DriveOrdinal::new(ordinal),
        uuid: DriveUuid::from_bytes([7; 16]),
        node: NodeId::new(node),
        weight,
        state: DriveState::Live,
        incarnation: 1,
    });
}

fn partitions() -> impl Iterator<Item = Partition> {
    (0..limits::PARTITIONS).map(Partition::new)
}

fn auto(nodes: &[(&str, u32)]) -> String {
    Layout::new(layout(nodes)).profile().to_string()
}

#[test]
fn one_node_takes_the_widest_rung_for_its_drives() {
    let rungs: Vec<String> = (1..=8).map(|drives| auto(&[("a", drives)])).collect();
    assert_eq!(rungs, ["1+0", "1+1", "2+1", "2+2", "3+2", "4+2", "4+2", "4+2"]);
}

#[test]
fn with_more_nodes_a_rung_survives_the_loss_of_any() {
    assert_eq!(auto(&[("a", 3), ("b", 3)]), "2+2");
    assert_eq!(auto(&[("a", 1), ("b", 1), ("c", 1)]), "2+1");
    assert_eq!(auto(&[("a", 2), ("b", 2), ("c", 2)]), "4+2");
    assert_eq!(auto(&[("a", 5), ("b", 1)]), "1+1");
    // Six nodes in two zones: a zone may be lost as well.
    let zones: Vec<_> = ["a", "b"].into_iter().cycle().take(6).map(|zone| (zone, 1)).collect();
    assert_eq!(auto(&zones), "2+2");
}

#[test]
fn a_plan_steps_down_with_the_drives_that_live() {
    let layout = Layout::new(layout(&[("a", 6)]));
    for partition in partitions().step_by(97) {
        let rungs: Vec<String> = (0..=6)
            .map(|dead| {
                let plan = layout.plan(partition, Body::Large, |drive| drive.get() >= dead);
                plan.map_or("none".into(), |plan| {
                    assert!(plan.targets.iter().all(|drive| drive.get() >= dead));
                    assert_eq!(plan.targets.len(), usize::from(plan.k + plan.m));
                    Profile::new(plan.k, plan.m).to_string()
                })
            })
            .collect();
        assert_eq!(rungs, ["4+2", "3+2", "2+2", "2+1", "1+1", "1+0", "none"]);
    }
}

#[test]
fn a_small_body_takes_a_prefix_of_the_same_order() {
    let layout = Layout::new(layout(&[("a", 6)]));
    let partition = Partition::new(77);
    let large = layout.plan(partition, Body::Large, |_| true).expect("six drives live");
    let small = layout.plan(partition, Body::Small, |_| true).expect("six drives live");
    assert_eq!((small.k, small.m), (1, 2));
    assert_eq!(small.targets, large.targets[..3]);
}

#[test]
fn no_plan_puts_more_than_m_shards_on_a_node_while_two_live() {
    let layout = Layout::new(layout(&[("a", 3), ("b", 3), ("c", 2)]));
    for partition in partitions() {
        for dead in 0..8 {
            let plan = layout
                .plan(partition, Body::Large, |drive| drive.get() != dead && drive.get() != 4)
                .expect("six drives live");
            for node in 1..=3 {
                let on_node = plan.targets.iter().filter(|target| {
                    layout.drive(**target).expect("placed").node == NodeId::new(node)
                });
                assert!(on_node.count() <= usize::from(plan.m), "{partition} {plan:?}");
            }
        }
    }
}

#[test]
fn poisoned_and_lost_drives_take_nothing_new() {
    let mut record = layout(&[("a", 4)]);
    record.drives[0].state = DriveState::Poisoned;
    record.drives[1].state = DriveState::Lost;
    let layout = Layout::new(record);
    assert_eq!(layout.profile(), Profile::new(2, 1));
    for partition in partitions().step_by(13) {
        let plan = layout.plan(partition, Body::Large, |_| true).expect("two drives live");
        assert_eq!((plan.k, plan.m), (1, 1));
        assert!(plan.targets.iter().all(|drive| drive.get() >= 2));
    }
}

#[test]
fn a_pinned_profile_is_kept_as_long_as_enough_drives_live() {
    let mut record = layout(&[("a", 12)]);
    record.profile = ProfileChoice::Pinned(Profile::new(8, 4));
    let layout = Layout::new(record);
    let rung = |dead: u32| {
        let plan = layout.plan(Partition::new(5), Body::Large, |drive| drive.get() >= dead);
        plan.map(|plan| (plan.k, plan.m))
    };
    assert_eq!((rung(0), rung(1)), (Some((8, 4)), Some((4, 2))));
}

#[test]
fn first_places_are_shared_by_weight() {
    let mut record = layout(&[("a", 0)]);
    [1, 1, 2, 4].into_iter().for_each(|weight| add_drive(&mut record, 1, weight));
    let layout = Layout::new(record);
    let mut firsts = [0_u32; 4];
    for partition in partitions() {
        firsts[usize::try_from(layout.ranking(partition)[0].get()).expect("few drives")] += 1;
    }
    for (first, weight) in firsts.into_iter().zip([1, 1, 2, 4]) {
        let fair = u32::from(limits::PARTITIONS) * weight / 8;
        assert!(first.abs_diff(fair) * 100 < fair * 12, "{firsts:?}");
    }
}

#[test]
fn a_new_drive_takes_its_share_and_moves_nothing_between_others() {
    let before = layout(&[("a", 6)]);
    let mut after = before.clone();
    add_drive(&mut after, 1, 1);
    let (before, after) = (Layout::new(before), Layout::new(after));
    let added = DriveOrdinal::new(6);
    for partition in partitions() {
        let order = after.ranking(partition).iter().copied().filter(|drive| *drive != added);
        assert!(order.eq(before.ranking(partition).iter().copied()));
    }
}

#[test]
fn some_placements_for_ever() {
    let layout = Layout::new(layout(&[("a", 2), ("a", 2), ("b", 3)]));
    let order = |partition| -> Vec<u32> {
        layout.ranking(Partition::new(partition)).iter().map(|drive| drive.get()).collect()
    };
    assert_eq!(
        [order(0), order(1), order(4095)],
        [[5, 3, 0, 6, 2, 4, 1], [5, 3, 0, 4, 1, 6, 2], [0, 4, 2, 5, 1, 6, 3]]
    );
}
