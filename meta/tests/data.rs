//! Facts about data ids, living and dead, as reclaim, scrub and repair see them.

mod common;

use common::{Machine, NODE, found, propose, put, world};
use futures_util::future::join_all;
use hamster_core::ids::{BucketId, DataId, DriveOrdinal};
use hamster_core::limits::DATA_IDS_PER_CALL_MAX;
use hamster_meta::query::Object;
use hamster_meta::record::{Piece, Sequence};
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{Command, Meta, Outcome};
use std::path::Path;
use std::rc::Rc;

/// The data id of [`put`] with this number.
fn data(number: u32) -> DataId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    DataId::from_bytes(bytes)
}

async fn dead(
    meta: &Meta,
    after: Option<(Sequence, DataId)>,
    limit: usize,
) -> Vec<(Sequence, DataId)> {
    let page = meta.dead(after, limit).await.expect("readable");
    page.into_iter().map(|(sequence, record)| (sequence, record.data)).collect()
}

async fn records(meta: &Meta, after: Option<DataId>, limit: usize) -> Vec<DataId> {
    let page = meta.data_records(after, limit).await.expect("readable");
    page.into_iter().map(|record| record.data).collect()
}

/// Walks, buries and asks, in two lives of a node.
fn walk(machine: &Machine) {
    let (world, node) = world(1);
    let (core, first) = (node.core(0), machine.clone());
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = first.found(&core, &[0]).await;
        // The ids do not die in the order of their bytes.
        for number in [5, 4, 3, 2, 1, 9, 8] {
            let key = if number > 5 { number.to_string() } else { "k".into() };
            propose(&meta, put(bucket, &key, number)).await;
        }
        let all = dead(&meta, None, 100).await;
        let ids: Vec<DataId> = all.iter().map(|(_, data)| *data).collect();
        assert_eq!(ids, [5, 4, 3, 2].map(data));
        assert!(all.is_sorted());
        assert_eq!(dead(&meta, None, 3).await, all[..3]);
        assert_eq!(dead(&meta, Some(all[1]), 100).await, all[2..]);
        assert!(dead(&meta, Some(all[3]), 100).await.is_empty());
        assert!(dead(&meta, None, 0).await.is_empty());
        assert_eq!(records(&meta, None, 100).await, [1, 8, 9].map(data));
        assert_eq!(records(&meta, None, 2).await, [1, 8].map(data));
        assert_eq!(records(&meta, Some(data(1)), 100).await, [8, 9].map(data));
        assert!(records(&meta, Some(data(9)), 100).await.is_empty());
        let asked = [1, 2, 9, 77].map(data);
        assert_eq!(meta.referenced(&asked).await, Ok(vec![true, false, true, false]));
        assert_eq!(meta.bury(all[..2].to_vec()).await, Ok(Outcome::Buried));
        assert_eq!(dead(&meta, None, 100).await, all[2..]);
        meta.close().await;
        assert!(meta.dead(None, 1).await.is_err());
    });
    let (world, node) = common::world(2);
    let (core, machine) = (node.core(0), machine.clone());
    world.run_on(&node.core(0), async move {
        let meta = machine.restart(&core, &[0]).await;
        let left = dead(&meta, None, 100).await;
        assert_eq!(left.iter().map(|(_, data)| *data).collect::<Vec<_>>(), [3, 2].map(data));
        assert_eq!(meta.bury(left.clone()).await, Ok(Outcome::Buried));
        assert_eq!(meta.bury(left).await, Ok(Outcome::Buried));
        assert!(dead(&meta, None, 100).await.is_empty());
        assert_eq!(records(&meta, None, 100).await, [1, 8, 9].map(data));
    });
}

#[test]
fn the_dead_are_walked_and_buried_in_rocksdb() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    walk(&Machine::new(directory.path(), Storage::Rocks));
}

#[test]
fn the_dead_are_walked_and_buried_in_the_twin() {
    walk(&Machine::new(Path::new("/node"), Storage::Twin(TwinWorld::default())));
}

#[test]
fn a_page_is_bounded() {
    let (world, node) = world(3);
    let machine = Machine::new(Path::new("/node"), Storage::Twin(TwinWorld::default()));
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let (meta, bucket) = machine.found(&core, &[0]).await;
        let puts = (0..2300_u32).map(|number| {
            let (meta, key) = (meta.clone(), format!("k{}", number % 1150));
            async move { propose(&meta, put(bucket, &key, number)).await }
        });
        join_all(puts).await;
        let first = dead(&meta, None, usize::MAX).await;
        assert_eq!(first.len(), DATA_IDS_PER_CALL_MAX);
        let rest = dead(&meta, first.last().copied(), usize::MAX).await;
        assert_eq!(rest.len(), 1150 - DATA_IDS_PER_CALL_MAX);
        let living = records(&meta, None, usize::MAX).await;
        assert_eq!(living.len(), DATA_IDS_PER_CALL_MAX);
        assert!(matches!(meta.bury([first, rest].concat()).await, Ok(Outcome::Refused(_))));
    });
}

/// Looks a key up twice: the second time it is remembered.
async fn remembered(meta: &Meta, bucket: BucketId) -> Rc<Object> {
    let mut looks = vec![];
    for _ in 0..2 {
        looks.push(meta.object(bucket, "k", 0..5).await.expect("readable").expect("there"));
    }
    assert!(Rc::ptr_eq(&looks[0], &looks[1]));
    looks.remove(0)
}

#[test]
fn every_core_that_remembers_an_object_sees_its_shards_moved() {
    let world = hamster_core::sim::World::new(4);
    let node = world.node(2);
    let machine = Machine::new(Path::new("/node"), Storage::Twin(TwinWorld::default()));
    let (first, second) = (node.core(0), node.core(1));
    world.run_on(&node.core(0), async move {
        let (meta, readers, port) = machine.open_for_two(&first).await;
        let other = hamster_meta::open_reader(&second, readers, port);
        propose(&meta, found(&[0])).await;
        propose(&meta, Command::Boot { node: NODE }).await;
        let bucket = common::create_bucket(&meta).await;
        propose(&meta, put(bucket, "k", 1)).await;
        let before = Object::clone(&*remembered(&meta, bucket).await);
        let pieces = vec![Piece { drive: DriveOrdinal::new(7), checksum: Some(1) }];
        let mut moved = before.clone();
        moved.extents[0].record.pieces.clone_from(&pieces);
        let (seen, expected) = (moved.clone(), before.extents[0].record.pieces.clone());
        let elsewhere = second.spawn(hamster_core::Queue::Requests, async move {
            assert_eq!(*remembered(&other, bucket).await, before);
            let moving = Command::MoveShards { data: data(1), expected, pieces };
            assert_eq!(propose(&other, moving).await, Outcome::ShardsMoved);
            assert_eq!(*remembered(&other, bucket).await, seen);
        });
        elsewhere.await.expect("it ends");
        assert_eq!(*remembered(&meta, bucket).await, moved);
        assert_eq!(meta.data_records(None, 1).await, Ok(vec![moved.extents[0].record.clone()]));
    });
}
