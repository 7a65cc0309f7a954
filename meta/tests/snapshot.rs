//! Facts about snapshots: a node that is behind takes the state of its leader, from one moment to the
//! next; what is not whole changes nothing.

mod common;

use common::{Machine, current, found, propose, put, world};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream;
use hamster_core::Core;
use hamster_core::ids::{BucketId, DriveOrdinal, NodeId};
use hamster_meta::query::list::ListQuery;
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{Command, Leader, Meta, MetaError, SnapshotError};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

const BUCKET: BucketId = BucketId::new(1);
const LEADER: Leader = Leader { term: 9, node: NodeId::new(2) };
/// What the sender has, and the receiver before.
const MANY: u32 = 300;
const FEW: u32 = 10;

fn live<F: Future<Output = ()> + 'static>(seed: u64, life: impl FnOnce(Core) -> F) {
    let (world, node) = world(seed);
    world.run_on(&node.core(0), life(node.core(0)));
}

fn key(number: u32) -> String {
    format!("k{number}")
}

async fn put_numbers(meta: &Meta, numbers: std::ops::Range<u32>, step: u32) {
    for number in numbers {
        propose(meta, put(BUCKET, &key(number), number + step)).await;
    }
}

async fn chunks_of(meta: &Meta) -> Vec<Vec<u8>> {
    let mut snapshot = meta.snapshot().await.expect("readable");
    let mut chunks = vec![];
    while let Some(chunk) = snapshot.chunk().await.expect("readable") {
        chunks.push(chunk);
    }
    chunks
}

/// The snapshot of a node with [`MANY`] keys, each of another value than the receiver's.
fn sent() -> Vec<Vec<u8>> {
    let (world, node) = world(1);
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        let machine = Machine::new(Path::new("/sender"), Storage::Twin(TwinWorld::default()));
        let (meta, _) = machine.found(&core, &[0]).await;
        put_numbers(&meta, 0..MANY, 1000).await;
        chunks_of(&meta).await
    })
}

async fn install(meta: &Meta, chunks: &[Vec<u8>]) -> Result<(), SnapshotError> {
    let chunks = chunks.iter().cloned().map(Ok);
    meta.install_snapshot(LEADER, stream::iter(chunks).boxed_local()).await
}

/// Waits until the node leads again: it is the only voter.
async fn lead(core: &Core, meta: &Meta) {
    while !meta.is_leader() {
        core.clock().sleep(Duration::from_millis(10)).await;
    }
    // Why: the sender was a node of the same number, which has had this one's session.
    propose(meta, Command::Boot { node: common::NODE }).await;
}

async fn assert_sent(meta: &Meta) {
    for number in 0..MANY {
        assert_eq!(current(meta, BUCKET, &key(number)).await, Some(number + 1000));
    }
    let query = ListQuery { limit: 1000, ..ListQuery::default() };
    let page = meta.list(BUCKET, query).await.expect("readable");
    assert_eq!(page.entries.len(), MANY as usize);
}

/// Each kind of storage, empty.
fn storages(directory: &Path) -> [(Machine, Option<TwinWorld>); 2] {
    let twins = TwinWorld::default();
    let twin = Machine::new(Path::new("/node"), Storage::Twin(twins.clone()));
    [(Machine::new(directory, Storage::Rocks), None), (twin, Some(twins))]
}

#[test]
fn a_node_that_is_behind_takes_the_leaders_state_and_goes_on_from_there() {
    let sent = sent();
    for drives in [&[0][..], &[0, 1]] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (machine, twins) in storages(directory.path()) {
            let (first, sent) = (machine.clone(), sent.clone());
            live(2, move |core| async move {
                let (meta, _) = first.found(&core, drives).await;
                put_numbers(&meta, 0..FEW, 0).await;
                install(&meta, &sent).await.expect("sound");
                lead(&core, &meta).await;
                assert_eq!(meta.mirrors().drives.len(), drives.len(), "no mirror is lost");
                assert_sent(&meta).await;
                put_numbers(&meta, MANY..MANY + 5, 0).await;
            });
            twins.iter().for_each(|twins| twins.crash(Path::new("/node")));
            live(3, move |core| async move {
                let meta = machine.restart(&core, drives).await;
                for number in 0..MANY {
                    assert_eq!(current(&meta, BUCKET, &key(number)).await, Some(number + 1000));
                }
                for number in MANY..MANY + 5 {
                    assert_eq!(current(&meta, BUCKET, &key(number)).await, Some(number));
                }
                assert_eq!(meta.mirrors().drives.len(), drives.len(), "no mirror is lost");
            });
        }
    }
}

#[test]
fn each_mirror_alone_has_what_was_installed() {
    let sent = sent();
    for kept in 0..2 {
        let twins = TwinWorld::default();
        let machine = Machine::new(Path::new("/node"), Storage::Twin(twins.clone()));
        let (first, sent) = (machine.clone(), sent.clone());
        live(4, move |core| async move {
            let (meta, _) = first.found(&core, &[0, 1]).await;
            install(&meta, &sent).await.expect("sound");
        });
        twins.crash(Path::new("/node"));
        twins.wipe(&machine.drive(1 - kept));
        live(5, move |core| async move {
            let meta = machine.restart(&core, &[kept]).await;
            assert_sent(&meta).await;
        });
    }
}

#[test]
fn reads_go_on_and_see_the_old_state_or_the_new_one() {
    let sent = sent();
    for storage in 0..2 {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (machine, _) = storages(directory.path())[storage].clone();
        let sent = sent.clone();
        let world = hamster_core::sim::World::new(6);
        let node = world.node(2);
        let (core, second) = (node.core(0), node.core(1));
        world.run_on(&node.core(0), async move {
            let (meta, readers, port) = machine.open_for_two(&core).await;
            let other = hamster_meta::open_reader(&second, readers, port);
            propose(&meta, found(&[0])).await;
            propose(&meta, Command::Boot { node: common::NODE }).await;
            let bucket = common::create_bucket(&meta).await;
            put_numbers(&meta, 0..FEW, 0).await;
            let elsewhere = second.clone();
            let reading = second.spawn(hamster_core::Queue::Requests, async move {
                let (mut old, mut new, mut none) = (0, 0, 0);
                // A second of its time: the node leads again in less.
                for _round in 0..20_000 {
                    if new > 0 {
                        break;
                    }
                    for number in 0..FEW {
                        // The whole object: a core remembers that.
                        let version = match other.object(bucket, &key(number), 0..5).await {
                            Ok(object) => object.expect("there in both").version.clone(),
                            Err(MetaError::NoLeader) => {
                                none += 1;
                                continue;
                            }
                            Err(error) => panic!("{error}"),
                        };
                        if version.etag == number.to_string() {
                            assert_eq!(new, 0, "the old state behind the new one");
                            old += 1;
                        } else {
                            assert_eq!(version.etag, (number + 1000).to_string());
                            new += 1;
                        }
                    }
                    elsewhere.clock().sleep(Duration::from_micros(50)).await;
                }
                (old, new, none)
            });
            install(&meta, &sent).await.expect("sound");
            let (old, new, none) = reading.await.expect("it ends");
            assert!(
                old > 0 && none > 0 && new > 0,
                "{old} old, {none} without a leader, {new} new"
            );
        });
    }
}

#[test]
fn a_snapshot_that_is_not_whole_changes_nothing() {
    let sent = sent();
    let mut flipped = sent.clone();
    flipped[1][1000] ^= 1;
    let swapped: Vec<_> = sent.iter().rev().cloned().collect();
    let cut = sent[..sent.len() - 1].to_vec();
    let doubled = [sent.clone(), sent[1..].to_vec()].concat();
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (machine, _) in storages(directory.path()) {
        let damaged = [flipped.clone(), swapped.clone(), cut.clone(), doubled.clone(), vec![]];
        let sent = sent.clone();
        live(7, move |core| async move {
            let (meta, _) = machine.found(&core, &[0, 1]).await;
            put_numbers(&meta, 0..FEW, 0).await;
            for (number, chunks) in damaged.iter().enumerate() {
                let refused = install(&meta, chunks).await;
                assert!(refused.is_err(), "{number}");
                assert!(meta.is_leader(), "nothing has changed");
                for number in 0..FEW {
                    assert_eq!(current(&meta, BUCKET, &key(number)).await, Some(number));
                }
                put_numbers(&meta, 0..FEW, 0).await;
            }
            let lost = io::Error::other("the connection is gone");
            let broken = stream::iter([Ok(sent[0].clone()), Err(lost)]).boxed_local();
            let refused = meta.install_snapshot(LEADER, broken).await;
            assert!(matches!(refused, Err(SnapshotError::Lost(_))), "{refused:?}");
            assert!(meta.is_leader());
            install(&meta, &sent).await.expect("sound");
            lead(&core, &meta).await;
            assert_sent(&meta).await;
        });
    }
}

#[test]
fn what_no_leader_of_the_group_can_have_sent_is_refused() {
    let sent = sent();
    let machine = Machine::new(Path::new("/node"), Storage::Twin(TwinWorld::default()));
    live(8, move |core| async move {
        let (meta, _) = machine.found(&core, &[0]).await;
        put_numbers(&meta, 0..FEW, 0).await;
        let from = |leader| {
            let chunks = stream::iter(sent.iter().cloned().map(Ok)).boxed_local();
            meta.install_snapshot(leader, chunks)
        };
        // Its last entry is of node 1 in a later term than this leader's.
        let refused = from(Leader { term: 0, node: NodeId::new(2) }).await;
        assert!(matches!(refused, Err(SnapshotError::Contradicts(_))), "{refused:?}");
        assert!(meta.is_leader());
        from(LEADER).await.expect("sound");
        lead(&core, &meta).await;
        // This node has led since.
        let refused = from(LEADER).await;
        assert_eq!(refused, Err(SnapshotError::Deposed { term: LEADER.term + 1 }));
        assert_sent(&meta).await;
    });
}

#[test]
fn a_snapshot_that_is_not_ahead_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (machine, _) in storages(directory.path()) {
        let root = machine.drive(0);
        let on_drives = matches!(machine.storage, Storage::Rocks);
        live(9, move |core| async move {
            let (meta, _) = machine.found(&core, &[0]).await;
            put_numbers(&meta, 0..FEW, 0).await;
            let own = chunks_of(&meta).await;
            put_numbers(&meta, FEW..2 * FEW, 0).await;
            install(&meta, &own).await.expect("sound");
            lead(&core, &meta).await;
            for number in 0..2 * FEW {
                assert_eq!(current(&meta, BUCKET, &key(number)).await, Some(number));
            }
            if on_drives {
                assert_eq!(names(&root), ["log", "state"], "what was received is gone");
            }
        });
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("there");
    let name = |entry: io::Result<std::fs::DirEntry>| {
        entry.expect("readable").file_name().into_string().expect("a name of ours")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn snapshots_are_installed_one_after_the_other_and_leave_one_state() {
    let (sent, directory) = (sent(), tempfile::tempdir().expect("a temporary directory"));
    let machine = Machine::new(directory.path(), Storage::Rocks);
    let first = machine.clone();
    live(10, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        install(&meta, &sent).await.expect("sound");
        lead(&core, &meta).await;
        assert_sent(&meta).await;
        assert_eq!(names(&first.drive(1)), ["log", "state-1", "state.current"]);
        // What an install that was cut short leaves.
        std::fs::create_dir(first.drive(0).join("state-2")).expect("made");
        std::fs::write(first.drive(0).join("state.next"), b"torn").expect("written");
    });
    live(11, move |core| async move {
        let meta = machine.restart(&core, &[0, 1]).await;
        for drive in 0..2 {
            let expected = ["log", "state-1", "state.current"];
            assert_eq!(names(&machine.drive(drive)), expected, "leftovers go at the start");
        }
        assert_sent(&meta).await;
        put_numbers(&meta, 0..FEW, 0).await;
    });
}

#[test]
fn a_mirror_that_fails_while_a_snapshot_comes_is_left_out() {
    for failing in 0..2_u32 {
        let (sent, twins) = (sent(), TwinWorld::default());
        let machine = Machine::new(Path::new("/node"), Storage::Twin(twins.clone()));
        live(12, move |core| async move {
            let (meta, _) = machine.found(&core, &[0, 1]).await;
            put_numbers(&meta, 0..FEW, 0).await;
            let (breaking, drive) = (Cell::new(Some(twins)), machine.drive(failing));
            let chunks = sent.iter().cloned().enumerate().map(|(number, chunk)| {
                if number == 1 {
                    breaking.take().expect("once").fail(&drive);
                }
                Ok(chunk)
            });
            let installed = meta.install_snapshot(LEADER, stream::iter(chunks).boxed_local());
            installed.await.expect("one mirror is left");
            lead(&core, &meta).await;
            assert_sent(&meta).await;
            assert_eq!(machine.recorded_drives(), [1 - failing]);
        });
    }
}

#[test]
fn a_mirror_is_made_before_or_behind_an_install_and_has_everything() {
    let sent = sent();
    let twins = TwinWorld::default();
    let machine = Machine::new(Path::new("/node"), Storage::Twin(twins.clone()));
    let first = machine.clone();
    live(13, move |core| async move {
        let (meta, _) = first.found(&core, &[0]).await;
        put_numbers(&meta, 0..FEW, 0).await;
        let place = first.place(&core, 1).await.expect("a directory");
        let (installed, added) = join(install(&meta, &sent), meta.add_mirror(&place)).await;
        installed.expect("sound");
        added.expect("a new mirror");
        lead(&core, &meta).await;
        put_numbers(&meta, MANY..MANY + 5, 0).await;
        meta.drop_mirror(DriveOrdinal::new(0)).await.expect("one is left");
    });
    twins.crash(Path::new("/node"));
    live(14, move |core| async move {
        let meta = machine.restart(&core, &[1]).await;
        for number in 0..MANY {
            assert_eq!(current(&meta, BUCKET, &key(number)).await, Some(number + 1000));
        }
        assert_eq!(current(&meta, BUCKET, &key(MANY)).await, Some(MANY));
    });
}
