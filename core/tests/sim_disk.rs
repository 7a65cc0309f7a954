//! What the simulated disk keeps, loses and refuses.

use hamster_core::sim::{self, Failure, Node, Operation, World};
use hamster_core::{Buffer, ByteCount, Core, Directory, File};
use std::io;
use std::path::Path;

const BLOCK: ByteCount = ByteCount::kib(4);

async fn buffer(core: &Core, blocks: u64, fill: u8) -> Buffer {
    let mut buffer = core.buffers().take(ByteCount::new(BLOCK.get() * blocks)).await;
    buffer.fill(fill);
    buffer
}

async fn drive(core: &Core) -> Directory {
    core.disk().create_directory(Path::new("/d0")).await.expect("made")
}

async fn write(core: &Core, file: &File, offset: u64, fill: u8) -> io::Result<()> {
    file.write_at(offset, buffer(core, 1, fill).await).await.1
}

/// The first byte of the block at `offset`.
async fn read(core: &Core, file: &File, offset: u64) -> io::Result<u8> {
    let (buffer, result) = file.read_at(offset, buffer(core, 1, 0xee).await).await;
    assert_eq!(result?, BLOCK.as_usize());
    Ok(buffer[0])
}

fn number<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn bytes_are_read_back_and_the_rest_is_zeroes() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        let file = directory.create("f", ByteCount::mib(64), true).await.expect("made");
        write(&core, &file, 8192, 7).await.expect("written");
        assert_eq!(read(&core, &file, 8192).await.expect("read"), 7);
        assert_eq!(read(&core, &file, 4096).await.expect("read"), 0);
        file.punch(8192, BLOCK).await.expect("punched");
        assert_eq!(read(&core, &file, 8192).await.expect("read"), 0);
        let (_, result) = file.read_at(ByteCount::mib(64).get(), buffer(&core, 1, 0).await).await;
        assert_eq!(result.expect("at the end"), 0);
        assert_eq!(
            directory.open("f").await.expect("opened").length().await.expect("length"),
            ByteCount::mib(64)
        );
    });
}

#[test]
fn direct_io_that_is_not_aligned_is_refused() {
    sim::run(1, |core| async move {
        let file = drive(&core).await.create("f", BLOCK, false).await.expect("made");
        assert_eq!(number(write(&core, &file, 512, 1).await), Some(22));
        let short = core.buffers().take(ByteCount::new(100)).await;
        assert_eq!(number(file.read_at(0, short).await.1), Some(22));
    });
}

/// Crashes a node after `before`; what `after` finds on its drives.
fn after_crash<B, A, T>(
    seed: u64,
    before: impl FnOnce(Core) -> B + 'static,
    after: fn(Core) -> A,
) -> T
where
    B: Future<Output = ()> + 'static,
    A: Future<Output = T> + 'static,
    T: 'static,
{
    let world = World::new(seed);
    let node = world.node(1);
    world.run(async move {
        let core = node.core(0);
        core.spawn(hamster_core::Queue::Requests, before(core.clone())).await.expect("ran");
        node.crash();
        node.start();
        let core = node.core(0);
        core.spawn(hamster_core::Queue::Requests, after(core.clone())).await.expect("ran")
    })
}

/// In some of fifty crashes, not in all, a synced block of zeroes is there again after `write_one`.
fn some_crashes_lose<F: Future<Output = ()> + 'static>(write_one: fn(Core, File) -> F) {
    let lost = (0..50).filter(|seed| {
        after_crash(
            *seed,
            move |core| async move {
                let directory = drive(&core).await;
                let file = directory.create("f", BLOCK, true).await.expect("made");
                file.sync().await.expect("synced");
                directory.sync().await.expect("synced");
                write_one(core, file).await;
            },
            |core| async move {
                let file = drive(&core).await.open("f").await.expect("synced");
                read(&core, &file, 0).await.expect("read") == 0
            },
        )
    });
    let losses = lost.count();
    assert!((1..50).contains(&losses), "{losses}");
}

#[test]
fn a_crash_keeps_what_was_synced_and_may_lose_or_tear_the_rest() {
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let bytes = after_crash(
            seed,
            |core| async move {
                let directory = drive(&core).await;
                let file = directory.create("f", ByteCount::mib(1), true).await.expect("made");
                write(&core, &file, 0, 1).await.expect("written");
                write(&core, &file, 4096, 1).await.expect("written");
                file.sync().await.expect("synced");
                directory.sync().await.expect("synced");
                write(&core, &file, 4096, 2).await.expect("written");
            },
            |core| async move {
                let file = drive(&core).await.open("f").await.expect("its entry was synced");
                let (bytes, result) = file.read_at(0, buffer(&core, 2, 0).await).await;
                assert_eq!(result.expect("read"), 8192);
                bytes.to_vec()
            },
        );
        let (synced, unsynced) = bytes.split_at(4096);
        assert!(synced.iter().all(|&byte| byte == 1), "seed {seed} lost synced bytes");
        let is_new = |sector: &[u8]| {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "a torn sector");
            sector[0] == 2
        };
        found.insert(unsynced.chunks(512).map(is_new).collect::<Vec<bool>>());
    }
    assert!(found.contains(&vec![false; 8]) && found.contains(&vec![true; 8]), "{found:?}");
    let (prefixes, others): (Vec<_>, Vec<_>) =
        found.iter().partition(|sectors| sectors.is_sorted_by(|one, next| one >= next));
    assert!(prefixes.len() > 2 && others.len() > 2, "sectors come in any order: {found:?}");
}

/// What a block is in many images of one moment, with a byte synced before and one written since.
fn in_images(under_way: bool) -> std::collections::BTreeSet<u8> {
    let image = {
        let world = World::new(1);
        let node = world.node(1);
        world.run(async move {
            let core = node.core(0);
            let directory = drive(&core).await;
            let file = directory.create("f", BLOCK, true).await.expect("made");
            write(&core, &file, 0, 1).await.expect("written");
            file.sync().await.expect("synced");
            directory.sync().await.expect("synced");
            if under_way {
                let own = core.clone();
                let writing = async move { write(&own, &file, 0, 2).await };
                drop(core.spawn(hamster_core::Queue::Requests, writing));
                core.clock().sleep(std::time::Duration::from_micros(10)).await;
            } else {
                write(&core, &file, 0, 2).await.expect("written");
            }
            node.image()
        })
    };
    let found = |seed| {
        let world = World::new(seed);
        let node = world.node(1);
        node.load(&image);
        world.run(async move {
            let core = node.core(0);
            let file = drive(&core).await.open("f").await.expect("its entry was synced");
            read(&core, &file, 0).await.unwrap_or(0)
        })
    };
    (0..50).map(found).collect()
}

#[test]
fn images_of_one_moment_keep_what_was_synced_and_some_of_the_rest() {
    for under_way in [false, true] {
        let found = in_images(under_way);
        assert!(found.contains(&1) && found.contains(&2), "{found:?}");
    }
}

#[test]
fn a_sync_covers_no_write_that_completed_after_it_began() {
    some_crashes_lose(|core, file| async move {
        let own = file.clone();
        let sync = core.spawn(hamster_core::Queue::Requests, async move { own.sync().await });
        core.clock().sleep(std::time::Duration::from_micros(10)).await;
        write(&core, &file, 0, 1).await.expect("written");
        sync.await.expect("ran").expect("synced");
    });
}

#[test]
fn a_write_whose_future_was_dropped_still_happens() {
    sim::run(1, |core| async move {
        let file = drive(&core).await.create("f", BLOCK, true).await.expect("made");
        let given_up = core.clock().timeout(std::time::Duration::ZERO, write(&core, &file, 0, 1));
        assert!(given_up.await.is_err());
        assert_eq!(core.buffers().lent(), BLOCK, "the operation keeps the buffer");
        core.clock().sleep(std::time::Duration::from_millis(1)).await;
        assert_eq!(core.buffers().lent(), ByteCount::ZERO);
        assert_eq!(read(&core, &file, 0).await.expect("read"), 1);
    });
}

#[test]
fn random_writes_syncs_and_crashes_lose_nothing_synced_and_invent_nothing() {
    const BLOCKS: u8 = 8;
    for seed in 0..100 {
        let world = World::new(seed);
        let node = world.node(1);
        let dice = hamster_core::Entropy::seeded(seed);
        world.run(async move {
            // For each block, what it may hold after a crash: the last synced byte and all since.
            let mut allowed = vec![vec![0]; usize::from(BLOCKS)];
            let directory = drive(&node.core(0)).await;
            directory
                .create("f", ByteCount::new(u64::from(BLOCKS) * BLOCK.get()), true)
                .await
                .expect("made");
            directory.open("f").await.expect("opened").sync().await.expect("synced");
            directory.sync().await.expect("synced");
            for byte in 1..=100 {
                let core = node.core(0);
                let file = drive(&core).await.open("f").await.expect("opened");
                let block = dice.below(u64::from(BLOCKS));
                let holds = &mut allowed[usize::try_from(block).expect("small")];
                match dice.below(10) {
                    0 => {
                        file.sync().await.expect("synced");
                        allowed.iter_mut().for_each(|holds| drop(holds.drain(..holds.len() - 1)));
                    }
                    1 => {
                        file.punch(block * BLOCK.get(), BLOCK).await.expect("punched");
                        holds.push(0);
                    }
                    2 => {
                        node.crash();
                        node.start();
                        let core = node.core(0);
                        let file = drive(&core).await.open("f").await.expect("opened");
                        for (number, holds) in (0..).zip(&mut allowed) {
                            let into = buffer(&core, 1, 0xee).await;
                            let (bytes, result) = file.read_at(number * BLOCK.get(), into).await;
                            assert_eq!(result.expect("read"), BLOCK.as_usize());
                            let known = bytes.iter().all(|byte| holds.contains(byte));
                            assert!(known, "seed {seed}, block {number}");
                            // Why rewritten: a torn block holds more than one.
                            write(&core, &file, number * BLOCK.get(), 0).await.expect("written");
                            *holds = vec![0];
                        }
                        file.sync().await.expect("synced");
                    }
                    _ => {
                        write(&core, &file, block * BLOCK.get(), byte).await.expect("written");
                        holds.push(byte);
                        let now = read(&core, &file, block * BLOCK.get()).await.expect("read");
                        assert_eq!(now, byte);
                    }
                }
            }
        });
    }
}

#[test]
fn an_entry_outlives_a_crash_for_sure_only_once_its_directory_was_synced() {
    let mut losses = 0;
    for seed in 0..50 {
        let names = after_crash(
            seed,
            |core| async move {
                let directory = drive(&core).await;
                directory.create("kept", BLOCK, false).await.expect("made");
                directory.create("removed", BLOCK, false).await.expect("made");
                directory.sync().await.expect("synced");
                directory.remove("removed").await.expect("removed");
                let file = directory.create("lost", BLOCK, false).await.expect("made");
                file.sync().await.expect("synced");
            },
            |core| async move {
                let entries = drive(&core).await.list().await.expect("listed");
                entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
            },
        );
        assert!(names.contains(&"kept".to_owned()));
        losses += u32::from(!names.contains(&"lost".to_owned()));
        let made = names.contains(&"lost".to_owned());
        assert!(!(made && names.contains(&"removed".to_owned())), "entries change in order");
    }
    assert!((1..50).contains(&losses), "{losses}");
}

#[test]
fn a_small_file_is_replaced_durably_as_a_whole() {
    for seed in 0..50 {
        let content = after_crash(
            seed,
            |core| async move {
                let directory = drive(&core).await;
                directory.replace_small("s", b"old".to_vec()).await.expect("replaced");
                directory.replace_small("s", b"new content".to_vec()).await.expect("replaced");
            },
            |core| async move { drive(&core).await.read_small("s", BLOCK).await.expect("read") },
        );
        assert_eq!(content.as_deref(), Some(&b"new content"[..]));
    }
}

#[test]
fn a_full_drive_says_so_and_removal_makes_room() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        Node::of(&core).disk("/d0").set_capacity(ByteCount::mib(3));
        directory.create("a", ByteCount::mib(2), false).await.expect("made");
        assert_eq!(number(directory.create("b", ByteCount::mib(2), false).await), Some(28));
        assert_eq!(directory.space().await.expect("space").free, ByteCount::mib(1));
        directory.remove("a").await.expect("removed");
        directory.create("b", ByteCount::mib(2), false).await.expect("made");
    });
}

#[test]
fn what_a_failed_sync_covered_is_not_made_durable_by_the_next_one() {
    some_crashes_lose(|core, file| async move {
        write(&core, &file, 0, 1).await.expect("written");
        Node::of(&core).disk("/d0").fail_next(Operation::Sync, Failure::Io);
        assert_eq!(number(file.sync().await), Some(5));
        file.sync().await.expect("says so");
        assert_eq!(read(&core, &file, 0).await.expect("read"), 1);
    });
}

#[test]
fn faults_come_when_told() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        let file = directory.create("f", BLOCK, false).await.expect("made");
        let disk = Node::of(&core).disk("/d0");
        disk.fail_next(Operation::Write, Failure::NoSpace);
        disk.fail_next(Operation::Read, Failure::Io);
        assert_eq!(number(write(&core, &file, 0, 1).await), Some(28));
        assert_eq!(number(read(&core, &file, 0).await), Some(5));
        write(&core, &file, 0, 1).await.expect("written");
        disk.corrupt("f", 0);
        assert_eq!(read(&core, &file, 0).await.expect("read"), 0xfe);
        disk.set_dead(true);
        assert_eq!(number(file.sync().await), Some(5));
        disk.set_dead(false);
        disk.set_hung(true);
        let second = std::time::Duration::from_secs(1);
        assert!(core.clock().timeout(second, file.sync()).await.is_err());
        assert_eq!(disk.unanswered(), 1, "it has not forgotten");
        disk.set_hung(false);
        file.sync().await.expect("synced");
        disk.set_delay(Operation::Sync, second);
        assert!(core.clock().timeout(second, file.sync()).await.is_err());
        disk.set_delay(Operation::Sync, std::time::Duration::ZERO);
        disk.fail_after(Operation::Sync, 1, Failure::Io);
        file.sync().await.expect("synced");
        assert_eq!(number(file.sync().await), Some(5));
    });
}

#[test]
fn an_open_file_works_on_after_a_wipe_but_is_linked_from_nowhere() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        let inner = directory.subdirectory("inner").await.expect("made");
        let file = inner.create("f", BLOCK, false).await.expect("made");
        assert!(file.is_linked().await.expect("asked"));
        Node::of(&core).disk("/d0").wipe();
        assert!(!file.is_linked().await.expect("asked"));
        write(&core, &file, 0, 3).await.expect("written");
        assert_eq!(read(&core, &file, 0).await.expect("read"), 3);
        assert_eq!(number(inner.create("g", BLOCK, false).await), Some(2));
        assert_eq!(directory.list().await.expect("listed"), []);
    });
}

#[test]
fn a_wipe_while_a_directory_is_synced_leaves_it_empty() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        directory.create("f", BLOCK, false).await.expect("made");
        let own = directory.clone();
        let sync = core.spawn(hamster_core::Queue::Requests, async move { own.sync().await });
        core.clock().sleep(std::time::Duration::from_micros(1)).await;
        Node::of(&core).disk("/d0").wipe();
        sync.await.expect("ran").expect("synced");
        assert_eq!(directory.list().await.expect("listed"), []);
    });
}

#[test]
fn a_directory_has_one_owner_until_it_lets_go_or_crashes() {
    let owned = after_crash(
        1,
        |core| async move {
            let directory = drive(&core).await;
            let lock = directory.lock().await.expect("asked");
            assert!(lock.is_some());
            assert!(directory.lock().await.expect("asked").is_none());
            core.spawn(hamster_core::Queue::Background, async move {
                let _lock = lock;
                std::future::pending::<()>().await;
            });
        },
        |core| async move { drive(&core).await.lock().await.expect("asked").is_some() },
    );
    assert!(owned);
}
