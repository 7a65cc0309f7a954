//! Drives that are slow, hang, or fail to read: others give the bytes meanwhile, nothing piles up,
//! and whoever recovers is used again.

mod cluster;

use bytes::Bytes;
use cluster::*;
use futures_util::future::join_all;
use hamster_core::limits::{
    DRIVE_ANSWER_TIMEOUT, READ_PATIENCE_MAX, READ_PATIENCE_MIN, READ_WAIT_MAX, READS_PER_DRIVE_MAX,
    STRIPE_BYTES_MAX,
};
use hamster_core::sim::{Failure, Operation};
use hamster_core::{ByteCount, Core, Entropy};
use hamster_shard::{DriveState, Location, ReadError, ReadMemory, Shards};
use std::rc::Rc;
use std::time::Duration;

const SLOW: Duration = Duration::from_secs(2);
/// What the first read may take, which does not know yet that a drive is slow.
const FIRST: Duration = READ_PATIENCE_MAX.saturating_add(Duration::from_millis(20));
/// What a read may take once that is known.
const LATER: Duration = READ_PATIENCE_MIN;

const STRIPED: Profile = Profile { k: 4, m: 2, slice_bytes: 256 << 10 };
const COPIED: Profile = Profile { k: 1, m: 2, slice_bytes: 256 << 10 };

/// Every read is one of the drives.
const UNCACHED: ReadMemory =
    ReadMemory { cache: ByteCount::ZERO, in_flight: ByteCount::mib(256), stretch_entries: 8 };

type Written = (Rc<Location>, Bytes);

async fn write(shards: &Shards, profile: Profile, length: u64) -> Written {
    let entropy = Entropy::seeded(length);
    let (plan, body) = (profile.plan(new_data(shards, &entropy)), body(length, length));
    let receipt = match profile.k {
        1 => shards.write_small(plan, body.clone()).await,
        _ => write_large(shards, plan, &body).await,
    };
    (Rc::new(receipt.expect("all drives live").into_location()), body)
}

/// Reads all of a body, and how long that takes.
async fn time(core: &Core, shards: &Shards, (location, body): &Written) -> Duration {
    let start = core.clock().now();
    let bytes = read(shards, location, 0..u64::MAX).await.expect("enough drives answer");
    assert!(bytes == body[..], "wrong bytes");
    core.clock().now().since(start)
}

#[test]
fn a_slow_drive_is_overtaken() {
    for (profile, length) in [(STRIPED, MIB), (STRIPED, 3 * MIB), (COPIED, 4 * KIB)] {
        for slow in 0..u32::from(profile.k) {
            with_cluster(1, 1, 6, move |cluster| async move {
                let running = cluster.open_with(UNCACHED).await;
                let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
                let written = write(shards, profile, length).await;
                cluster.disk(slow).set_delay(Operation::Read, SLOW);
                let took = time(&core, shards, &written).await;
                assert!(took < FIRST, "drive {slow}, first: {took:?}");
                for _ in 0..10 {
                    let took = time(&core, shards, &written).await;
                    assert!(took < LATER, "drive {slow}, later: {took:?}");
                }
                let status = &running.table.status()[slow as usize];
                assert!(status.reads_late > 0 && status.reads_overtaken > 0);
                assert!(cluster.disk(slow).unanswered() <= 3, "probes, one at a time");
                assert_eq!(running.table.state(status.ordinal), DriveState::Live);
            });
        }
    }
}

#[test]
fn a_range_within_a_slice_on_a_slow_drive_is_restored_from_others() {
    with_cluster(2, 1, 6, |cluster| async move {
        let running = cluster.open_with(UNCACHED).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let (location, body) = write(shards, STRIPED, MIB).await;
        cluster.disk(1).set_delay(Operation::Read, SLOW);
        for (start, end) in [(300 * KIB, 304 * KIB), (255 * KIB, 257 * KIB), (100, 600 * KIB)] {
            let before = core.clock().now();
            let bytes = read(shards, &location, start..end).await.expect("enough drives answer");
            let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
            assert!(bytes == body[range], "wrong bytes of {start}..{end}");
            assert!(core.clock().now().since(before) < FIRST);
        }
    });
}

#[test]
fn a_drive_much_slower_than_the_others_is_avoided_until_it_is_not() {
    with_cluster(3, 1, 6, |cluster| async move {
        let running = cluster.open_with(UNCACHED).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let written = write(shards, COPIED, 4 * KIB).await;
        // Slow and steady: within what is usual of it, so never late.
        cluster.disk(0).set_delay(Operation::Read, Duration::from_millis(50));
        for _ in 0..20 {
            time(&core, shards, &written).await;
        }
        let reads = || running.table.status()[0].reads;
        let before = reads();
        for _ in 0..100 {
            assert!(time(&core, shards, &written).await < LATER);
        }
        assert!(reads() - before < 10, "{} of 100 reads went there", reads() - before);
        cluster.disk(0).set_delay(Operation::Read, Duration::ZERO);
        core.clock().sleep(Duration::from_secs(1)).await;
        for _ in 0..100 {
            time(&core, shards, &written).await;
        }
        let before = reads();
        for _ in 0..100 {
            time(&core, shards, &written).await;
        }
        assert_eq!(reads() - before, 100, "it is as fast as the others again");
    });
}

#[test]
fn a_drive_that_hangs_blocks_no_read_owes_few_and_is_used_again() {
    for profile in [COPIED, STRIPED] {
        with_cluster(4, 1, 6, move |cluster| async move {
            let running = cluster.open_with(UNCACHED).await;
            let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
            let written = write(shards, profile, 4 * KIB).await;
            time(&core, shards, &written).await;
            cluster.disk(0).set_hung(true);
            // The watch of the drives asks it, too.
            let bound = READS_PER_DRIVE_MAX + 1;
            for round in 0..100 {
                let took = join_all((0..100).map(|_| time(&core, shards, &written))).await;
                let longest = took.into_iter().max().unwrap_or_default();
                assert!(longest < FIRST, "round {round}: {longest:?}");
                assert!(round == 0 || longest < LATER * 2, "round {round}: {longest:?}");
                assert!(cluster.disk(0).unanswered() <= bound);
            }
            cluster.disk(0).set_hung(false);
            core.clock().sleep(Duration::from_secs(1)).await;
            assert_eq!(cluster.disk(0).unanswered(), 0);
            for _ in 0..100 {
                time(&core, shards, &written).await;
            }
            let reads = || running.table.status()[0].reads;
            let before = reads();
            for _ in 0..100 {
                time(&core, shards, &written).await;
            }
            assert_eq!(reads() - before, 100, "it is trusted again");
        });
    }
}

#[test]
fn readers_that_leave_do_not_pile_up_reads_of_a_drive_that_hangs() {
    with_cluster(5, 1, 6, |cluster| async move {
        let running = cluster.open_with(UNCACHED).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let written = write(shards, COPIED, 4 * KIB).await;
        time(&core, shards, &written).await;
        cluster.disk(0).set_hung(true);
        for _ in 0..10_000 {
            let reading = time(&core, shards, &written);
            // Too short to find out that it hangs.
            let _ = core.clock().timeout(Duration::from_micros(50), reading).await;
            assert!(cluster.disk(0).unanswered() <= READS_PER_DRIVE_MAX + 1);
        }
        assert!(cluster.disk(0).unanswered() > 0, "what was asked is not forgotten");
        assert!(time(&core, shards, &written).await < LATER);
    });
}

#[test]
fn a_drive_that_hangs_does_not_keep_the_memory_of_reads() {
    with_cluster(6, 1, 6, |cluster| async move {
        let memory = ReadMemory { in_flight: STRIPE_BYTES_MAX, ..UNCACHED };
        let running = cluster.open_with(memory).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let profile = Profile { k: 4, m: 2, slice_bytes: 1 << 20 };
        let written = write(shards, profile, 4 * MIB).await;
        cluster.disk(0).set_hung(true);
        cluster.disk(1).set_hung(true);
        for _ in 0..3 {
            join_all((0..20).map(|_| time(&core, shards, &written))).await;
        }
    });
}

#[test]
fn with_m_drives_that_hang_and_one_more_slow_the_bytes_still_come() {
    with_cluster(7, 1, 6, |cluster| async move {
        let running = cluster.open_with(UNCACHED).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let striped = write(shards, STRIPED, 2 * MIB).await;
        let copied = write(shards, COPIED, 4 * KIB).await;
        cluster.disk(0).set_hung(true);
        cluster.disk(1).set_hung(true);
        cluster.disk(2).set_delay(Operation::Read, SLOW);
        for written in [&striped, &copied, &striped, &copied] {
            let took = time(&core, shards, written).await;
            assert!(took < 4 * SLOW, "{took:?}");
        }
    });
}

#[test]
fn a_read_that_fails_is_restored_whichever_it_is() {
    // A slow drive beside it makes others than the data shards fail as well.
    for slow in [None, Some(0)] {
        for failing in 0..6 {
            for good in 0..6 {
                with_cluster(8, 1, 6, move |cluster| async move {
                    let running = cluster.open_with(UNCACHED).await;
                    let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
                    let striped = write(shards, STRIPED, 4 * MIB).await;
                    let copied = write(shards, COPIED, 4 * KIB).await;
                    if let Some(slow) = slow {
                        cluster.disk(slow).set_delay(Operation::Read, SLOW);
                    }
                    cluster.disk(failing).fail_after(Operation::Read, good, Failure::Io);
                    time(&core, shards, &striped).await;
                    time(&core, shards, &copied).await;
                });
            }
        }
    }
}

#[test]
fn the_only_source_is_waited_for_but_not_for_ever() {
    with_cluster(9, 1, 6, |cluster| async move {
        let running = cluster.open_with(UNCACHED).await;
        let (core, shards) = (core_of(&cluster, 0), &running.shards[0]);
        let alone = write(shards, Profile { k: 1, m: 0, ..COPIED }, 4 * KIB).await;
        let striped = write(shards, STRIPED, MIB).await;
        cluster.disk(0).set_delay(Operation::Read, Duration::from_secs(10));
        let took = time(&core, shards, &alone).await;
        assert!(took >= Duration::from_secs(10), "{took:?}");
        for drive in 0..3 {
            cluster.disk(drive).set_hung(true);
        }
        let start = core.clock().now();
        for (written, readable, needed) in [(&alone, 0, 1), (&striped, 3, 4)] {
            let found = read(shards, &written.0, 0..u64::MAX).await;
            let data = written.0.data;
            assert_eq!(found, Err(ReadError::Unrecoverable { data, readable, needed }));
            let took = core.clock().now().since(start);
            assert!(took >= READ_WAIT_MAX && took < READ_WAIT_MAX * 3, "{took:?}");
        }
    });
}

#[test]
fn a_drive_that_hangs_leaves_service_and_holds_up_writes_no_longer() {
    for profile in [STRIPED, COPIED] {
        with_cluster(10, 2, 6, move |cluster| async move {
            let running = cluster.open_with(UNCACHED).await;
            let core = core_of(&cluster, 0);
            let before = write(&running.shards[0], profile, 64 * KIB).await;
            cluster.disk(1).set_hung(true);
            let start = core.clock().now();
            let writes = (0..80u64).map(|number| {
                let shards = &running.shards[usize::from(number % 2 == 1)];
                write(shards, profile, 64 * KIB + number)
            });
            let written = join_all(writes).await;
            let took = core.clock().now().since(start);
            assert!(took < DRIVE_ANSWER_TIMEOUT + Duration::from_secs(5), "{took:?}");
            let states: Vec<DriveState> =
                running.table.status().iter().map(|drive| drive.state).collect();
            let live = DriveState::Live;
            assert_eq!(states, [live, DriveState::Lost, live, live, live, live]);
            for (location, _) in &written {
                let durable = location.pieces.iter().filter(|piece| piece.checksum.is_some());
                assert_eq!(durable.count(), location.pieces.len() - 1);
            }
            // Nothing waits for it any more.
            let start = core.clock().now();
            let later = write(&running.shards[1], profile, 70 * KIB).await;
            time(&core, &running.shards[0], &before).await;
            assert!(core.clock().now().since(start) < Duration::from_secs(1));
            cluster.disk(1).set_hung(false);
            let running = cluster.restart().await;
            let all: Vec<Written> = written.into_iter().chain([before, later]).collect();
            check(&running.shards[0], &all).await;
        });
    }
}
