//! Drives that fail, rot and lose power: an error or the right answer, never a wrong one.

use super::*;
use hamster_core::sim::{self, DiskControl, Failure, Node, Operation, World};
use hamster_core::{ByteCount, Queue};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

fn control(core: &Core) -> DiskControl {
    Node::of(core).disk("/d0")
}

fn beyond(key: &Key) -> Key {
    Key { shard: ShardIndex::new(key.shard.get() + 1), ..*key }
}

#[test]
fn a_failing_read_is_an_error_and_the_next_one_tells() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(4), 500);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        for (key, placement) in model.iter().step_by(50) {
            let cache = BlockCache::new(ByteCount::mib(1));
            let fail = || control(&core).fail_next(Operation::Read, Failure::Io);
            fail();
            let range = table.range(&cache, pool, *key, beyond(key)).await;
            assert!(matches!(range, Err(TableError::Io(_))), "{range:?}");
            fail();
            let may_hold = table.may_hold(&cache, pool, key.data).await;
            assert!(matches!(may_hold, Err(TableError::Io(_))), "{may_hold:?}");
            fail();
            let mut cursor = table.cursor(pool, Some(*key));
            assert!(matches!(cursor.next().await, Err(TableError::Io(_))));
            let expected = entry((key, placement));
            assert_eq!(cursor.next().await.expect("sound").as_ref(), Some(&expected));
            assert!(table.may_hold(&cache, pool, key.data).await.expect("sound"));
            let found = table.range(&cache, pool, *key, beyond(key)).await.expect("sound");
            assert_eq!(found, [expected]);
        }
    });
}

/// `Some(block)` if the answer was that this block is damaged, `None` if it was right.
fn damage<T: PartialEq + std::fmt::Debug>(answer: Result<T, TableError>, right: T) -> Option<u64> {
    match answer {
        Ok(answer) => {
            assert_eq!(answer, right);
            None
        }
        Err(TableError::Damaged { table: NUMBER, block }) => Some(block),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn any_rotten_block_is_named_and_never_answers() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(5), 600);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        assert_eq!(table.info().height, 2, "{:?}", table.info());
        let mut named = 0;
        for block in 0..table.info().blocks {
            let rot =
                || control(&core).corrupt(file_name(NUMBER), block * 4096 + block * 37 % 4096);
            rot();
            let cache = BlockCache::new(ByteCount::mib(4));
            let mut damaged = Vec::new();
            for (key, placement) in &model {
                let range = table.range(&cache, pool, *key, beyond(key)).await;
                damaged.extend(damage(range, vec![entry((key, placement))]));
                damaged.extend(damage(table.may_hold(&cache, pool, key.data).await, true));
            }
            assert!(!damaged.is_empty() && damaged.iter().all(|one| *one == block), "{block}");
            let mut cursor = table.cursor(pool, None);
            let mut told = Vec::new();
            loop {
                match cursor.next().await {
                    Ok(None) => break,
                    Ok(Some(entry)) => told.push(entry),
                    Err(error) => named += u64::from(damage(Err(error), ()) == Some(block)),
                }
            }
            assert!(told.iter().all(|one| model.get(&one.key) == Some(&one.placement)));
            assert_eq!(told.len() == model.len(), block >= table.info().leaves);
            assert!(told.len() + 200 > model.len(), "one leaf is missing");
            rot();
        }
        assert_eq!(named, table.info().leaves);
        println!("{} rotten blocks named", table.info().blocks);
    });
}

#[test]
fn a_file_of_another_table_or_drive_is_not_taken_for_this_one() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(6), 100);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let info = write(&directory, pool, NUMBER, &model).await;
        write(&directory, pool, NUMBER + 1, &model).await;
        let all = |drive, info| {
            let directory = directory.clone();
            async move {
                let table = Table::open(&directory, ORDINAL, drive, info).await.expect("opened");
                collect(&mut table.cursor(pool, None)).await
            }
        };
        assert_eq!(all(DRIVE, info.clone()).await.expect("sound").len(), model.len());
        let other = all(DriveUuid::from_bytes([0xd3; 16]), info.clone()).await;
        assert!(matches!(other, Err(TableError::Damaged { block: 0, .. })), "{other:?}");
        directory.rename(&file_name(NUMBER + 1), &file_name(NUMBER)).await.expect("renamed");
        let other = all(DRIVE, info.clone()).await;
        assert!(matches!(other, Err(TableError::Damaged { block: 0, .. })), "{other:?}");
        let blocks = info.blocks + 1_000_000;
        let long = TableInfo { blocks, ..info };
        assert!(Table::open(&directory, ORDINAL, DRIVE, long).await.is_err());
    });
}

#[test]
fn a_table_that_was_not_finished_leaves_nothing() {
    sim::run(1, |core| async move {
        let (directory, pool) = (drive(&core).await, core.buffers());
        let is_empty = || async { directory.list().await.expect("listed").is_empty() };
        let create = || TableWriter::create(&directory, pool, DRIVE, NUMBER, 10, 1000);
        assert_eq!(create().await.expect("made").finish().await.expect("removed"), None);
        assert!(is_empty().await);
        let mut writer = create().await.expect("made");
        writer.push(&small()).await.expect("taken");
        writer.abandon().await.expect("removed");
        assert!(is_empty().await);
        let mut writer = create().await.expect("made");
        writer.push(&small()).await.expect("taken");
        control(&core).fail_next(Operation::Sync, Failure::Io);
        assert!(writer.finish().await.is_err());
        assert!(is_empty().await);
    });
}

#[test]
#[should_panic(expected = "after")]
fn entries_out_of_order_are_a_bug() {
    sim::run(1, |core| async move {
        let (directory, pool) = (drive(&core).await, core.buffers());
        let writer = TableWriter::create(&directory, pool, DRIVE, NUMBER, 10, 1000).await;
        let mut writer = writer.expect("made");
        writer.push(&bulk(4)).await.expect("taken");
        let _ = writer.push(&small()).await;
    });
}

/// Cuts the power `micros` after a table was begun. Was it finished by then, and is it there after?
fn crash(seed: u64, micros: u64) -> (bool, bool) {
    let world = World::new(seed);
    let node = world.node(1);
    let clock = world.clock();
    world.run(async move {
        let model = random_model(&Entropy::seeded(7), 1000);
        let core = node.core(0);
        let twin = core.disk().create_directory(Path::new("/twin")).await.expect("made");
        let info = write(&twin, core.buffers(), NUMBER, &model).await;
        let finished = Rc::new(Cell::new(false));
        let (own, written, finishing) = (core.clone(), model.clone(), Rc::clone(&finished));
        let task = core.spawn(Queue::Requests, async move {
            write(&drive(&own).await, own.buffers(), NUMBER, &written).await;
            finishing.set(true);
        });
        clock.sleep(Duration::from_micros(micros)).await;
        node.crash();
        drop(task);
        node.start();
        let core = node.core(0);
        let directory = drive(&core).await;
        let table = match Table::open(&directory, ORDINAL, DRIVE, info).await {
            Ok(table) => table,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
                return (finished.get(), false);
            }
        };
        let all = collect(&mut table.cursor(core.buffers(), None)).await.expect("sound");
        assert!(all == model.iter().map(entry).collect::<Vec<_>>(), "whole or not there");
        (finished.get(), true)
    })
}

#[test]
fn after_a_crash_a_table_is_whole_or_not_there_and_there_once_it_was_finished() {
    let crashes: Vec<_> = (0..200).map(|seed| crash(seed, seed * 13)).collect();
    let count = |wanted| crashes.iter().filter(|crash| **crash == wanted).count();
    assert_eq!(count((true, false)), 0, "finished and lost");
    let (lost, lucky, kept) = (count((false, false)), count((false, true)), count((true, true)));
    println!("{lost} not there, {lucky} there before it was finished, {kept} finished");
    assert!(lost > 10 && kept > 10, "{lost} {kept}");
}
