//! Space: what is freed can be written again, for ever, and the figures tell the truth.

mod cluster;

use cluster::*;
use hamster_core::limits::DRIVE_CHECK_INTERVAL;
use hamster_core::{ByteCount, Entropy};
use hamster_shard::Location;
use std::rc::Rc;

/// Writes `count` bodies of a MiB.
async fn fill(running: &Running, entropy: &Entropy, count: u64) -> Vec<Location> {
    let mut written = Vec::new();
    for number in 0..count {
        let shards = &running.shards[usize::try_from(number).expect("few") % running.shards.len()];
        let plan = Profile { slice_bytes: 256 << 10, ..Profile::new(1, 1) };
        let plan = plan.plan(new_data(shards, entropy));
        let body = body(entropy.next_u64(), MIB - 7 * number);
        let receipt = write_large(shards, plan, &body).await.expect("there is room");
        written.push(receipt.into_location());
    }
    written
}

fn held(running: &Running) -> u64 {
    running.table.status().iter().map(|drive| (drive.used + drive.preallocated).get()).sum()
}

#[test]
fn what_is_acknowledged_on_a_full_drive_is_there_after_a_power_cut() {
    // Why not until one is refused again: that ends the segment once more, behind what would be lost.
    for smaller in 0..4 {
        with_cluster(3, 1, 1, move |cluster| async move {
            cluster.disk(0).set_capacity(ByteCount::mib(64));
            let entropy = Entropy::seeded(3);
            let running = cluster.open().await;
            let shards = &running.shards[0];
            let write = async |length| {
                let plan = Profile { slice_bytes: 1 << 20, ..Profile::new(1, 0) };
                let (plan, body) =
                    (plan.plan(new_data(shards, &entropy)), body(entropy.next_u64(), length));
                let receipt = write_large(shards, plan, &body).await.ok()?;
                Some((Rc::new(receipt.into_location()), body))
            };
            let mut written = Vec::new();
            while let Some(one) = write(MIB).await {
                written.push(one);
            }
            assert!(written.len() > 30, "only {} bodies were written", written.len());
            // These would fit into the rest of the segment.
            for _ in 0..smaller {
                written.extend(write(200 * KIB).await);
            }
            // The index has been told how the segment ended.
            cluster.world.clock().sleep(DRIVE_CHECK_INTERVAL / 2).await;
            let running = cluster.restart().await;
            check(&running.shards[0], &written).await;
        });
    }
}

#[test]
fn filling_and_freeing_goes_on_for_ever() {
    with_cluster(1, 2, 2, |cluster| async move {
        for drive in 0..2 {
            cluster.disk(drive).set_capacity(ByteCount::mib(128));
        }
        let entropy = Entropy::seeded(1);
        let mut running = cluster.open().await;
        let mut most = 0;
        // Fills the drives several times over.
        for round in 0..8 {
            let bodies = fill(&running, &entropy, 40).await;
            let shards = &running.shards[round % 2];
            for some in bodies.chunks(7) {
                shards.free(some).await.expect("the node runs");
                // Once more: nothing happens twice.
                shards.free(some).await.expect("the node runs");
            }
            if round == 3 {
                most = held(&running);
                running = cluster.restart().await;
            }
        }
        assert!(
            most > 0 && held(&running) <= most + 4 * 4 * MIB,
            "{most} and then {}",
            held(&running)
        );
        // The free space is looked at every now and then.
        cluster.world.clock().sleep(2 * DRIVE_CHECK_INTERVAL).await;
        for drive in running.table.status() {
            let taken = drive.total.saturating_sub(drive.free);
            let told = drive.used + drive.preallocated;
            // The superblock, the index and the lock file are not counted.
            let apart = taken.saturating_sub(told);
            assert!(told <= taken && apart <= ByteCount::mib(2), "{told} of {taken}");
            assert_eq!(drive.corruptions, 0);
        }
    });
}
