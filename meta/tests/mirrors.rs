//! Facts about metadata mirrors: what may be lost, and what is never used again.

mod common;

use common::{Machine, copy_all, current, propose, put, world};
use hamster_core::ids::{BucketId, DriveOrdinal};
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{MetaError, OpenError};
use std::future::Future;
use std::path::Path;

const BUCKET: BucketId = BucketId::new(1);

fn twin() -> (Machine, TwinWorld) {
    let world = TwinWorld::default();
    (Machine::new(Path::new("/node"), Storage::Twin(world.clone())), world)
}

/// One life of the node.
fn live<F: Future<Output = ()> + 'static>(seed: u64, life: impl FnOnce(hamster_core::Core) -> F) {
    let (world, node) = world(seed);
    world.run_on(&node.core(0), life(node.core(0)));
}

async fn put_numbers(meta: &hamster_meta::Meta, numbers: std::ops::Range<u32>) {
    for number in numbers {
        propose(meta, put(BUCKET, &format!("k{number}"), number)).await;
    }
}

async fn assert_numbers(meta: &hamster_meta::Meta, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(current(meta, BUCKET, &format!("k{number}")).await, Some(number));
    }
}

#[test]
fn a_mirror_that_fails_is_left_out_and_nothing_is_lost() {
    // Each of the three in turn, the one that is read from among them.
    for failing in 0..3 {
        let (machine, twins) = twin();
        let (first, breaking) = (machine.clone(), twins.clone());
        live(1, move |core| async move {
            let (meta, _) = first.found(&core, &[0, 1, 2]).await;
            put_numbers(&meta, 0..20).await;
            breaking.fail(&first.drive(failing));
            put_numbers(&meta, 20..40).await;
            assert_numbers(&meta, 0..40).await;
            let others: Vec<u32> = (0..3).filter(|drive| *drive != failing).collect();
            assert_eq!(first.recorded_drives(), others);
        });
        twins.crash(Path::new("/node"));
        live(2, move |core| async move {
            let others: Vec<u32> = (0..3).filter(|drive| *drive != failing).collect();
            let meta = machine.restart(&core, &others).await;
            assert_numbers(&meta, 0..40).await;
        });
    }
}

#[test]
fn without_a_mirror_nothing_is_acknowledged() {
    let (machine, twins) = twin();
    live(3, move |core| async move {
        let (meta, bucket) = machine.found(&core, &[0, 1]).await;
        twins.fail(Path::new("/node"));
        let answer = meta.propose(put(bucket, "k", 1)).await;
        assert!(matches!(answer, Err(MetaError::Stopped(_))), "{answer:?}");
        assert!(meta.stopped().is_some());
        assert!(matches!(meta.current(bucket, "k").await, Err(MetaError::Stopped(_))));
    });
}

#[test]
fn a_mirror_that_the_node_drops_is_not_written_any_more() {
    let (machine, _) = twin();
    live(4, move |core| async move {
        let (meta, _) = machine.found(&core, &[0, 1, 2]).await;
        put_numbers(&meta, 0..10).await;
        meta.drop_mirror(DriveOrdinal::new(0)).await.expect("two are left");
        assert_eq!(machine.recorded_drives(), [1, 2]);
        meta.drop_mirror(DriveOrdinal::new(0)).await.expect("nothing to do");
        put_numbers(&meta, 10..20).await;
        meta.drop_mirror(DriveOrdinal::new(2)).await.expect("one is left");
        assert_numbers(&meta, 0..20).await;
        assert_eq!(machine.recorded_drives(), [1]);
        assert!(meta.drop_mirror(DriveOrdinal::new(1)).await.is_err());
    });
}

#[test]
fn a_wiped_mirror_is_made_anew() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rocks = Machine::new(directory.path(), Storage::Rocks);
    let (twin, twins) = twin();
    let wipe_rocks = |path: &Path| std::fs::remove_dir_all(path).expect("there");
    let wipe_twin = |path: &Path| twins.wipe(path);
    type Wipe<'a> = &'a dyn Fn(&Path);
    let wipes: [(&Machine, Wipe<'_>); 2] = [(&rocks, &wipe_rocks), (&twin, &wipe_twin)];
    for (machine, wipe) in wipes {
        let first = machine.clone();
        live(5, move |core| async move {
            let (meta, _) = first.found(&core, &[0, 1, 2]).await;
            put_numbers(&meta, 0..30).await;
        });
        wipe(&machine.drive(0));
        let second = machine.clone();
        live(6, move |core| async move {
            let meta = second.restart(&core, &[0, 1, 2]).await;
            assert_numbers(&meta, 0..30).await;
            put_numbers(&meta, 30..40).await;
            assert_eq!(second.recorded_drives(), [0, 1, 2]);
        });
        wipe(&machine.drive(1));
        wipe(&machine.drive(2));
        let third = machine.clone();
        live(7, move |core| async move {
            let meta = third.restart(&core, &[0, 1, 2]).await;
            assert_numbers(&meta, 0..40).await;
        });
    }
}

#[test]
fn a_stale_mirror_is_never_used() {
    let (machine, twins) = twin();
    let first = machine.clone();
    live(8, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        put_numbers(&meta, 0..10).await;
        meta.drop_mirror(DriveOrdinal::new(0)).await.expect("one is left");
        put_numbers(&meta, 10..20).await;
    });
    twins.crash(Path::new("/node"));
    // The stale one alone: refused.
    let second = machine.clone();
    live(9, move |core| async move {
        let refused = second.open(&core, false, &[0]).await;
        let expected = vec![DriveOrdinal::new(1)];
        assert!(matches!(refused, Err(OpenError::NoMirror(drives)) if drives == expected));
    });
    // Beside the current one: made anew from that.
    let third = machine.clone();
    live(10, move |core| async move {
        let meta = third.restart(&core, &[0, 1]).await;
        assert_numbers(&meta, 0..20).await;
        assert_eq!(third.recorded_drives(), [0, 1]);
    });
    twins.wipe(&machine.drive(1));
    live(11, move |core| async move {
        let meta = machine.restart(&core, &[0]).await;
        assert_numbers(&meta, 0..20).await;
    });
}

#[test]
fn mirrors_crash_at_any_moment_and_agree_again() {
    for seed in 0..20 {
        let (machine, twins) = twin();
        let mut acknowledged = 0;
        for life in 0..3_u32 {
            let (world, node) = world(seed * 10 + u64::from(life));
            let (core, first) = (node.core(0), machine.clone());
            let progress = std::rc::Rc::new(std::cell::Cell::new(acknowledged));
            let counting = std::rc::Rc::clone(&progress);
            let deadline = std::time::Duration::from_micros(2_000 + seed * 700);
            world.run_on(&node.core(0), async move {
                let meta = match life {
                    0 => first.found(&core, &[0, 1, 2]).await.0,
                    _ => first.restart(&core, &[0, 1, 2]).await,
                };
                assert_numbers(&meta, 0..counting.get()).await;
                let clock = core.clock().clone();
                let writing = async {
                    loop {
                        let number = counting.get();
                        propose(&meta, put(BUCKET, &format!("k{number}"), number + life * 10_000))
                            .await;
                        // Why again: a write whose answer was cut off may have taken its data id.
                        propose(&meta, put(BUCKET, &format!("k{number}"), number)).await;
                        counting.set(number + 1);
                    }
                };
                let ended: Result<(), _> = clock.timeout(deadline, writing).await;
                assert!(ended.is_err(), "writes go on until the crash");
            });
            acknowledged = progress.get();
            twins.crash(Path::new("/node"));
        }
    }
}

#[test]
fn an_older_copy_put_back_is_never_used_though_the_set_is_the_same() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let machine = Machine::new(directory.path(), Storage::Rocks);
    let first = machine.clone();
    live(12, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        put_numbers(&meta, 0..10).await;
    });
    let copy = directory.path().join("copy");
    copy_all(&machine.drive(0), &copy);
    let second = machine.clone();
    live(13, move |core| async move {
        let meta = second.restart(&core, &[0, 1]).await;
        put_numbers(&meta, 10..20).await;
        assert_eq!(second.recorded_drives(), [0, 1]);
    });
    let (last, newest) = (machine.drive(0), directory.path().join("newest"));
    std::fs::rename(&last, &newest).expect("there");
    let whole = directory.path().join("whole");
    std::fs::rename(machine.drive(1), &whole).expect("there");
    copy_all(&copy, &last);
    let third = machine.clone();
    live(14, move |core| async move {
        let refused = third.open(&core, false, &[0, 1]).await.map(drop);
        let zero = DriveOrdinal::new(0);
        assert!(
            matches!(refused, Err(OpenError::Stale { drive, .. }) if drive == zero),
            "{refused:?}"
        );
    });
    // Beside a mirror that was there last it is made anew.
    std::fs::rename(&whole, machine.drive(1)).expect("there");
    live(15, move |core| async move {
        let meta = machine.restart(&core, &[0, 1]).await;
        assert_numbers(&meta, 0..20).await;
    });
}

#[test]
fn a_boot_that_dies_before_the_superblocks_locks_nobody_out() {
    let (machine, twins) = twin();
    let first = machine.clone();
    live(16, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        put_numbers(&meta, 0..10).await;
    });
    for seed in 17..20 {
        twins.crash(Path::new("/node"));
        let (again, before) = (machine.clone(), machine.recorded.borrow().clone());
        live(seed, move |core| async move {
            let meta = again.open(&core, false, &[0, 1]).await.expect("metadata");
            assert_numbers(&meta, 0..10).await;
        });
        // The marks are durable, no superblock is.
        assert!(machine.recorded.borrow().epoch > before.epoch, "each start raises the epoch");
        machine.recorded.replace(before);
    }
    twins.crash(Path::new("/node"));
    twins.wipe(&machine.drive(1));
    live(20, move |core| async move {
        let meta = machine.open(&core, false, &[0]).await.expect("either mirror will do");
        assert_numbers(&meta, 0..10).await;
    });
}

#[test]
fn a_start_that_is_refused_demotes_no_mirror() {
    let (machine, twins) = twin();
    let first = machine.clone();
    live(30, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1, 2]).await;
        put_numbers(&meta, 0..10).await;
    });
    let before = machine.recorded.borrow().clone();
    for (seed, present) in (31..).zip([0, 0, 2]) {
        twins.crash(Path::new("/node"));
        let again = machine.clone();
        live(seed, move |core| async move {
            let meta = again.open_only(&core, false, &[present]).await.expect("metadata");
            assert!(meta.layout().is_some(), "the node judges by it");
            let refused = meta.propose(put(BUCKET, "k", 1)).await;
            assert!(matches!(refused, Err(MetaError::NoLeader)), "{refused:?}");
        });
        assert_eq!(*machine.recorded.borrow(), before);
    }
    // Those that were absent are as good as the one that was there.
    for (seed, present) in (34..).zip([&[1, 2][..], &[1]]) {
        twins.crash(Path::new("/node"));
        let again = machine.clone();
        live(seed, move |core| async move {
            let meta = again.restart(&core, present).await;
            assert_numbers(&meta, 0..10).await;
        });
    }
}

#[test]
fn a_mirror_that_is_left_out_before_the_node_takes_over_is_recorded_only_then() {
    let (machine, _) = twin();
    live(36, move |core| async move {
        let (meta, _) = machine.found(&core, &[0, 1]).await;
        put_numbers(&meta, 0..10).await;
        meta.close().await;
        let before = machine.recorded.borrow().clone();
        let meta = machine.open_only(&core, false, &[0, 1]).await.expect("metadata");
        meta.drop_mirror(DriveOrdinal::new(0)).await.expect("one is left");
        assert_eq!(*machine.recorded.borrow(), before);
        meta.take_over().await.expect("recorded");
        assert_eq!(machine.recorded_drives(), [1]);
        assert_numbers(&meta, 0..10).await;
    });
}

#[test]
fn a_mirror_is_made_while_writes_go_on_and_has_everything() {
    let (machine, twins) = twin();
    let first = machine.clone();
    live(21, move |core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        put_numbers(&meta, 0..50).await;
        let place = first.place(&core, 2).await.expect("a directory");
        let writing = put_numbers(&meta, 50..400);
        let (added, ()) = futures_util::future::join(meta.add_mirror(&place), writing).await;
        added.expect("a new mirror");
        assert_eq!(first.recorded_drives(), [0, 1, 2]);
        for drive in 0..2 {
            meta.drop_mirror(DriveOrdinal::new(drive)).await.expect("one is left");
        }
        put_numbers(&meta, 400..410).await;
        assert_numbers(&meta, 0..410).await;
    });
    twins.crash(Path::new("/node"));
    live(22, move |core| async move {
        let meta = machine.restart(&core, &[2]).await;
        assert_numbers(&meta, 0..410).await;
    });
}

#[test]
fn a_mirror_whose_files_are_removed_is_noticed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let machine = Machine::new(directory.path(), Storage::Rocks);
    live(23, move |core| async move {
        let (meta, _) = machine.found(&core, &[0, 1, 2]).await;
        put_numbers(&meta, 0..10).await;
        meta.look_at_mirrors().await.expect("nothing is wrong");
        assert_eq!(machine.recorded_drives(), [0, 1, 2]);
        std::fs::remove_dir_all(machine.drive(0)).expect("there");
        meta.look_at_mirrors().await.expect("two are left");
        assert_eq!(machine.recorded_drives(), [1, 2]);
        assert_numbers(&meta, 0..10).await;
    });
}
