//! Facts about the metadata of one node, from the founding through restarts.

mod common;

use common::{Machine, NODE, current, found, propose, put, world};
use futures_util::future::join_all;
use hamster_core::ids::{BootNumber, BucketId, DataId, DriveOrdinal};
use hamster_core::limits;
use hamster_meta::command::Found;
use hamster_meta::query::list::ListQuery;
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{Command, MetaError, OpenError, Outcome};
use std::path::Path;
use std::time::Duration;

fn twin() -> (Machine, TwinWorld) {
    let world = TwinWorld::default();
    (Machine::new(Path::new("/node"), Storage::Twin(world.clone())), world)
}

#[test]
fn a_founded_cluster_answers_and_places() {
    let (world, node) = world(1);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let meta = machine.open(&core, true, &[0, 1]).await.expect("empty");
        assert!(meta.layout().is_none());
        let again = Outcome::Found(Found::Already);
        assert_eq!(propose(&meta, found(&[0, 1])).await, Outcome::Found(Found::Founded));
        assert_eq!(propose(&meta, found(&[0, 1])).await, again);
        let boot = propose(&meta, Command::Boot { node: NODE }).await;
        assert_eq!(boot, Outcome::Booted(BootNumber::new(1)));
        let layout = meta.layout().expect("founded");
        assert_eq!(layout.profile().to_string(), "1+1");
        assert_eq!(layout.record().nodes[0].boot, BootNumber::new(1));
        assert!(machine.recorded_drives().is_empty(), "the founding has not ended");
        meta.record_mirrors().await.expect("recorded");
        assert_eq!(machine.recorded_drives(), [0, 1]);
    });
}

#[test]
fn a_founding_that_was_cut_short_is_made_anew() {
    let (machine, twins) = twin();
    let first = machine.clone();
    let (world, node) = world(17);
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let meta = first.open(&core, true, &[0, 1]).await.expect("empty");
        propose(&meta, found(&[0, 1])).await;
    });
    twins.crash(std::path::Path::new("/node"));
    let (world, node) = common::world(18);
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let meta = machine.open(&core, true, &[0, 1]).await.expect("never founded");
        assert!(meta.layout().is_none());
        assert_eq!(propose(&meta, found(&[0, 1])).await, Outcome::Found(Found::Founded));
    });
}

#[test]
fn a_node_leads_soon_after_its_start() {
    let (world, node) = world(2);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, _) = machine.found(&core, &[0]).await;
        meta.close().await;
        let start = core.clock().now();
        let meta = machine.restart(&core, &[0]).await;
        assert!(meta.is_leader());
        assert!(core.clock().now().since(start) < Duration::from_millis(300));
    });
}

#[test]
fn reads_see_what_was_answered_before() {
    let (world, node) = world(3);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = machine.found(&core, &[0]).await;
        assert_eq!(current(&meta, bucket, "k").await, None);
        for number in 0..5 {
            propose(&meta, put(bucket, "k", number)).await;
            assert_eq!(current(&meta, bucket, "k").await, Some(number));
        }
        let object = meta.object(bucket, "k", 0..5).await.expect("readable").expect("there");
        assert_eq!(object.extents.len(), 1);
        let version = meta.version(bucket, "k", object.version.id).await;
        assert_eq!(version, Ok(Some(object.version.clone())));
        assert_eq!(meta.bucket("b").await.expect("readable").expect("there").id, bucket);
        assert_eq!(meta.bucket("c").await, Ok(None));
        assert_eq!(meta.buckets("", 10).await.expect("readable").len(), 1);
        assert_eq!(meta.buckets("b", 10).await, Ok(vec![]));
    });
}

#[test]
fn many_commands_share_few_log_entries() {
    let (world, node) = world(4);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = machine.found(&core, &[0, 1]).await;
        let before = meta.applied();
        let puts = (0..1000).map(|number| {
            let (meta, key) = (meta.clone(), format!("k{number:04}"));
            async move { meta.propose(put(bucket, &key, number)).await }
        });
        for outcome in join_all(puts).await {
            assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
        }
        assert!(meta.applied() - before <= 10, "{}", meta.applied() - before);
        let query = ListQuery { limit: limits::LIST_PAGE_MAX, ..ListQuery::default() };
        let page = meta.list(bucket, query).await.expect("readable");
        assert_eq!((page.entries.len(), page.truncated), (1000, false));
    });
}

/// Writes in several lives of a node, each of which ends in a crash.
fn lives(machine: &Machine, crash: impl Fn()) {
    let drives = [0, 1, 2];
    for life in 0..4_u32 {
        let (world, node) = world(u64::from(life));
        let (core, machine) = (node.core(0), machine.clone());
        world.run_on(&node.core(0), async move {
            let bucket = BucketId::new(1);
            let meta = match life {
                0 => machine.found(&core, &drives).await.0,
                _ => machine.restart(&core, &drives).await,
            };
            for number in 0..life * 50 {
                assert_eq!(current(&meta, bucket, &format!("k{number}")).await, Some(number));
            }
            for number in life * 50..(life + 1) * 50 {
                propose(&meta, put(bucket, &format!("k{number}"), number)).await;
            }
            let boots = meta.layout().expect("founded").record().nodes[0].boot;
            assert_eq!(boots, BootNumber::new(u64::from(life) + 1));
        });
        crash();
    }
}

#[test]
fn a_restart_keeps_everything_in_rocksdb() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    lives(&Machine::new(directory.path(), Storage::Rocks), || ());
}

#[test]
fn a_crash_that_forgets_the_unflushed_state_loses_nothing() {
    let (machine, twins) = twin();
    lives(&machine, || twins.crash(Path::new("/node")));
}

#[test]
fn a_purged_log_and_a_forgotten_state_still_make_the_whole() {
    let (machine, twins) = twin();
    let entries = u32::try_from(limits::LOG_ENTRIES_BETWEEN_FLUSHES).expect("few") + 500;
    let (before, node) = world(5);
    let (core, first) = (node.core(0), machine.clone());
    before.run_on(&node.core(0), async move {
        let (meta, bucket) = first.found(&core, &[0, 1]).await;
        for number in 0..entries {
            propose(&meta, put(bucket, &format!("k{}", number % 100), number)).await;
        }
    });
    twins.crash(Path::new("/node"));
    let (after, node) = world(6);
    let core = node.core(0);
    after.run_on(&node.core(0), async move {
        let meta = machine.restart(&core, &[0, 1]).await;
        for number in entries - 100..entries {
            let key = format!("k{}", number % 100);
            assert_eq!(current(&meta, BucketId::new(1), &key).await, Some(number));
        }
    });
}

#[test]
fn a_founding_over_metadata_is_refused() {
    let (world, node) = world(7);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, _) = machine.found(&core, &[0]).await;
        meta.close().await;
        let refused = machine.open(&core, true, &[0]).await;
        assert!(
            matches!(refused, Err(OpenError::NotEmpty(drive)) if drive == DriveOrdinal::new(0))
        );
    });
}

#[test]
fn every_core_proposes_and_reads() {
    let world = hamster_core::sim::World::new(10);
    let node = world.node(2);
    let (machine, _) = twin();
    let (first, second) = (node.core(0), node.core(1));
    world.run_on(&node.core(0), async move {
        let (meta, readers, port) = machine.open_for_two(&first).await;
        let other = hamster_meta::open_reader(&second, readers, port);
        propose(&meta, found(&[0])).await;
        propose(&other, Command::Boot { node: NODE }).await;
        let bucket = common::create_bucket(&other).await;
        let elsewhere = second.spawn(hamster_core::Queue::Requests, async move {
            propose(&other, put(bucket, "k", 1)).await;
            assert!(other.layout().is_some());
            current(&other, bucket, "k").await
        });
        assert_eq!(elsewhere.await, Ok(Some(1)));
        assert_eq!(current(&meta, bucket, "k").await, Some(1));
    });
}

#[test]
fn nothing_is_answered_after_the_end() {
    let (world, node) = world(8);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = machine.found(&core, &[0]).await;
        meta.close().await;
        let proposed = meta.propose(put(bucket, "k", 1)).await;
        assert!(matches!(proposed, Err(MetaError::Stopped(_))), "{proposed:?}");
        assert!(matches!(meta.bucket("b").await, Err(MetaError::Stopped(_))));
        assert!(meta.stopped().is_some());
    });
}

#[test]
fn a_data_id_of_a_partition_keeps_its_record_there() {
    let (world, node) = world(9);
    let (machine, _) = twin();
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = machine.found(&core, &[0]).await;
        propose(&meta, put(bucket, "k", 0xabcd_0001)).await;
        let object = meta.object(bucket, "k", 0..5).await.expect("readable").expect("there");
        let data: DataId = object.extents[0].record.data;
        assert_eq!(data.partition().get(), 0xabc);
    });
}
