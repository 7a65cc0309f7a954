//! The profile ladder: how wide a version may be spread over given drives.

use super::rank::find_node;
use crate::record::{Drive, LayoutRecord, Profile};
use std::collections::BTreeMap;

/// The rungs from narrow to wide.
const RUNGS: [Profile; 6] = [
    Profile::new(1, 0),
    Profile::new(1, 1),
    Profile::new(2, 1),
    Profile::new(2, 2),
    Profile::new(3, 2),
    Profile::new(4, 2),
];

/// The widest rung whose even placement over `drives` puts at most m shards on any node where there
/// are two or more, and on any zone where there are two or more. `None` without drives.
pub(super) fn widest(record: &LayoutRecord, drives: &[&Drive]) -> Option<Profile> {
    let nodes = drives_by(drives, |drive| drive.node);
    let zones = drives_by(drives, |drive| find_node(record, drive.node).map(|node| &*node.zone));
    RUNGS.into_iter().rev().find(|rung| {
        rung.width() <= drives.len()
            && [&nodes, &zones].iter().all(|places| survives(*rung, places))
    })
}

/// The widest rung that is no wider than `bound` and than `drives` drives.
pub(super) fn step_down(bound: Profile, drives: usize) -> Option<Profile> {
    let width_max = bound.width().min(drives);
    RUNGS.into_iter().rev().find(|rung| rung.width() <= width_max)
}

fn drives_by<K: Ord>(drives: &[&Drive], place: impl Fn(&Drive) -> K) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    for drive in drives {
        *counts.entry(place(drive)).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

/// Dealt evenly over places with so many drives each, no place gets more than m shards.
fn survives(rung: Profile, places: &[usize]) -> bool {
    let room: usize = places.iter().map(|drives| (*drives).min(usize::from(rung.m))).sum();
    places.len() < 2 || room >= rung.width()
}
