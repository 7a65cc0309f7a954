//! Drives that vanish, refuse or rot: what was acknowledged stays readable, nothing wrong is served,
//! and a drive that refused once is never trusted again.

mod cluster;

use bytes::Bytes;
use cluster::*;
use futures_util::future::join_all;
use hamster_core::ids::DriveOrdinal;
use hamster_core::sim::{Failure, Operation};
use hamster_core::{ByteCount, Entropy};
use hamster_shard::{DriveState, Location, ReadError, Shards, WriteError};
use std::rc::Rc;

/// Bodies of both kinds, over 4+2 and 1+2.
async fn write_some(shards: &Shards, seed: u64, count: u64) -> Vec<(Rc<Location>, Bytes)> {
    let entropy = Entropy::seeded(seed);
    let mut written = Vec::new();
    for number in 0..count {
        let large = body(seed + number, 150_000 + number * 1000);
        let plan = Profile::new(4, 2).plan(new_data(shards, &entropy));
        let receipt = write_large(shards, plan, &large).await.expect("enough drives live");
        written.push((Rc::new(receipt.into_location()), large));
        let small = body(seed + number, 5000);
        let plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
        let receipt = shards.write_small(plan, small.clone()).await.expect("enough drives live");
        written.push((Rc::new(receipt.into_location()), small));
    }
    written
}

#[test]
fn any_two_of_six_drives_may_be_wiped_while_reading_and_across_a_restart() {
    for (one, other) in [(0, 1), (0, 5), (2, 4), (4, 5)] {
        with_cluster(1, 1, 6, move |cluster| async move {
            let running = cluster.open().await;
            let written = write_some(&running.shards[0], 1, 8).await;
            cluster.disk(one).wipe();
            cluster.disk(other).wipe();
            check(&running.shards[0], &written).await;
            let running = cluster.restart().await;
            for drive in [one, other] {
                assert_eq!(running.table.state(DriveOrdinal::new(drive)), DriveState::Lost);
            }
            check(&running.shards[0], &written).await;
        });
    }
}

#[test]
fn one_drive_more_is_too_many_and_says_so() {
    with_cluster(2, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let written = write_some(&running.shards[0], 1, 1).await;
        for drive in [1, 2, 3] {
            cluster.disk(drive).wipe();
        }
        let running = cluster.restart().await;
        let found = read(&running.shards[0], &written[0].0, 0..10_000_000).await;
        let data = written[0].0.data;
        assert_eq!(found, Err(ReadError::Unrecoverable { data, readable: 3, needed: 4 }));
        // The full copies have one left.
        check(&running.shards[0], &written[1..]).await;
    });
}

#[test]
fn a_drive_that_refuses_a_sync_is_never_synced_again() {
    with_cluster(3, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let (shards, sick) = (&running.shards[0], DriveOrdinal::new(2));
        let mut written = write_some(shards, 1, 2).await;
        cluster.disk(2).fail_next(Operation::Sync, Failure::Io);
        let refused = write_some(shards, 100, 1).await;
        let pieces = &refused[0].0.pieces;
        let missing: Vec<u32> =
            (0..6).filter(|one| pieces[*one as usize].checksum.is_none()).collect();
        assert_eq!(missing, [2]);
        written.extend(refused);
        assert_eq!(running.table.state(sick), DriveState::Poisoned);
        let syncs = || running.table.status()[2].syncs;
        let before = syncs();
        let later = write_some(shards, 200, 3).await;
        assert!(later.iter().all(|(location, _)| location.pieces[2].checksum.is_none()));
        assert_eq!(syncs(), before);
        written.extend(later);
        check(shards, &written).await;
    });
}

#[test]
fn a_write_error_costs_the_drive_and_not_the_body() {
    with_cluster(4, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let shards = &running.shards[0];
        let mut written = write_some(shards, 1, 1).await;
        cluster.disk(0).fail_next(Operation::Write, Failure::Io);
        written.extend(write_some(shards, 50, 2).await);
        assert_eq!(running.table.state(DriveOrdinal::new(0)), DriveState::Poisoned);
        check(shards, &written).await;
    });
}

#[test]
fn below_the_floor_there_is_no_receipt() {
    with_cluster(5, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(1));
        let written = write_some(shards, 1, 1).await;
        cluster.disk(0).set_dead(true);
        cluster.disk(1).set_dead(true);
        let plan = Profile::new(4, 2).plan(new_data(shards, &entropy));
        let refused = write_large(shards, plan, &body(1, 100_000)).await;
        assert_eq!(refused.err(), Some(WriteError::TooFewDrives { durable: 4, needed: 5 }));
        let plan = Profile::new(1, 1).plan(new_data(shards, &entropy));
        let refused = shards.write_small(plan, body(1, 100)).await;
        assert_eq!(refused.err(), Some(WriteError::TooFewDrives { durable: 0, needed: 2 }));
        // One target of three may be missing, and a lone copy that asks for no more is fine.
        let plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
        assert!(shards.write_small(plan, body(1, 100)).await.is_err());
        let mut plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
        plan.targets = [1, 2, 3].map(DriveOrdinal::new).to_vec();
        assert!(shards.write_small(plan, body(1, 100)).await.is_ok());
        check(shards, &written).await;
    });
}

#[test]
fn nothing_is_acknowledged_into_a_directory_that_was_removed() {
    with_cluster(6, 1, 3, |cluster| async move {
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(1));
        let plan = |targets: [u32; 3]| {
            let mut plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
            plan.targets = targets.map(DriveOrdinal::new).to_vec();
            plan
        };
        shards.write_small(plan([0, 1, 2]), body(1, 100)).await.expect("all drives live");
        cluster.disk(1).wipe();
        let receipt =
            shards.write_small(plan([0, 1, 2]), body(2, 100)).await.expect("two are left");
        let durable: Vec<bool> =
            receipt.location().pieces.iter().map(|piece| piece.checksum.is_some()).collect();
        assert_eq!(durable, [true, false, true]);
        assert_eq!(running.table.state(DriveOrdinal::new(1)), DriveState::Lost);
    });
}

#[test]
fn a_drive_that_is_removed_while_idle_is_noticed() {
    with_cluster(7, 1, 2, |cluster| async move {
        let running = cluster.open().await;
        cluster.disk(1).wipe();
        core_of(&cluster, 0).clock().sleep(std::time::Duration::from_secs(5)).await;
        assert_eq!(running.table.state(DriveOrdinal::new(1)), DriveState::Lost);
        assert_eq!(running.table.state(DriveOrdinal::new(0)), DriveState::Live);
    });
}

#[test]
fn rot_is_never_served_and_is_counted() {
    with_cluster(8, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let written = write_some(&running.shards[0], 1, 4).await;
        // Everything that two drives hold rots, headers of segments apart.
        for drive in [0, 3] {
            let disk = core_of(&cluster, 0).disk().clone();
            let directory = disk.directory(&path(drive).join("segments")).await.expect("there");
            for entry in directory.list().await.expect("readable") {
                for offset in (8192..600_000).step_by(1999) {
                    cluster.disk(drive).corrupt(format!("segments/{}", entry.name), offset);
                }
            }
        }
        check(&running.shards[0], &written).await;
        let corruptions: u64 = running.table.status().iter().map(|one| one.corruptions).sum();
        assert!(corruptions > 0);
    });
}

#[test]
fn a_full_drive_is_told_apart_and_comes_back() {
    with_cluster(9, 1, 1, |cluster| async move {
        cluster.disk(0).set_capacity(ByteCount::mib(100));
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(1));
        let plan = || Profile::new(1, 0).plan(new_data(shards, &entropy));
        let mut written = Vec::new();
        let refused = loop {
            let body = body(written.len() as u64, MIB);
            match write_large(shards, plan(), &body).await {
                Ok(receipt) => written.push((Rc::new(receipt.into_location()), body)),
                Err(error) => break error,
            }
            assert!(written.len() < 100, "more than there is room for");
        };
        assert_eq!(refused, WriteError::NoSpace);
        assert_eq!(running.table.state(DriveOrdinal::new(0)), DriveState::Full);
        check(shards, &written).await;
        cluster.disk(0).set_capacity(ByteCount::mib(400));
        core_of(&cluster, 0).clock().sleep(std::time::Duration::from_secs(5)).await;
        assert_eq!(running.table.state(DriveOrdinal::new(0)), DriveState::Live);
        write_large(shards, plan(), &body(1, MIB)).await.expect("there is room again");
        check(shards, &written).await;
    });
}

#[test]
fn a_crowd_of_writes_fits_the_short_segments_of_a_small_drive() {
    with_cluster(11, 1, 1, |cluster| async move {
        // A 64th of it is less than what 32 slices of 256 KiB take.
        cluster.disk(0).set_capacity(ByteCount::mib(256));
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(11));
        let profile = Profile { k: 1, m: 0, slice_bytes: 256 << 10 };
        let bodies: Vec<Bytes> = (0..24).map(|seed| body(seed, MIB)).collect();
        let writes = bodies
            .iter()
            .map(|body| write_large(shards, profile.plan(new_data(shards, &entropy)), body));
        let mut written = Vec::new();
        for (receipt, body) in join_all(writes).await.into_iter().zip(&bodies) {
            written.push((Rc::new(receipt.expect("there is room").into_location()), body.clone()));
        }
        check(shards, &written).await;
    });
}

#[test]
fn a_body_is_not_said_to_be_free_where_the_index_cannot_be_read() {
    with_cluster(12, 1, 2, |cluster| async move {
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(12));
        let mut written = Vec::new();
        for seed in 0..12 {
            let plan = Profile::new(1, 1).plan(new_data(shards, &entropy));
            let receipt = write_large(shards, plan, &body(seed, 9000)).await;
            written.push(receipt.expect("all drives live").into_location());
        }
        // The first eight are in a table by then.
        core_of(&cluster, 0).clock().sleep(std::time::Duration::from_secs(1)).await;
        let dead = &written[..1];
        cluster.disk(0).fail_next(Operation::Read, Failure::Io);
        assert_eq!(shards.free(dead).await, Ok(vec![false]));
        assert_eq!(shards.free(dead).await, Ok(vec![true]));
        for gone in 0..2 {
            let mut location = written[0].clone();
            location.pieces[1 - gone].checksum = None;
            let found = read(shards, &Rc::new(location), 0..9000).await;
            assert!(found.is_err(), "drive {gone} still has it");
        }
    });
}
