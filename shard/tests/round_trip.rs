//! What is written reads back, whole and in ranges, over all profiles and around all boundaries.

mod cluster;

use bytes::Bytes;
use cluster::*;
use hamster_core::Entropy;
use std::rc::Rc;

/// Lengths around the boundaries of chunks, slices, stripes and the code's units.
fn lengths(profile: Profile) -> Vec<u64> {
    let slice = u64::from(profile.slice_bytes);
    let stripe = u64::from(profile.k) * slice;
    let around = |at: u64| [at.saturating_sub(1), at, at + 1];
    let mut lengths: Vec<u64> = [64, slice, stripe, 2 * stripe, 3 * stripe + slice]
        .into_iter()
        .flat_map(around)
        .chain([0, 1, 5 * stripe + 777])
        .collect();
    lengths.dedup();
    lengths
}

#[test]
fn large_bodies_of_all_lengths_and_rungs() {
    for (k, m) in RUNGS {
        with_cluster(1, 1, u32::from(k + m), move |cluster| async move {
            let running = cluster.open().await;
            let (shards, entropy) = (&running.shards[0], Entropy::seeded(2));
            let profile = Profile::new(k, m);
            let mut written = Vec::new();
            for length in lengths(profile) {
                let body = body(length, length);
                let plan = profile.plan(new_data(shards, &entropy));
                let receipt = write_large(shards, plan, &body).await.expect("all drives live");
                assert!(receipt.location().pieces.iter().all(|piece| piece.checksum.is_some()));
                assert_eq!(receipt.location().stored_bytes, length);
                written.push((Rc::new(receipt.into_location()), body));
            }
            check(shards, &written).await;
            let running = cluster.restart().await;
            check(&running.shards[0], &written).await;
        });
    }
}

#[test]
fn small_bodies_of_all_lengths() {
    with_cluster(3, 1, 3, |cluster| async move {
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(4));
        let mut written = Vec::new();
        for length in [0, 1, 63, 4095, 4096, 4097, 65_535, 65_536, 65_537, 128 * KIB] {
            let body = body(length, length);
            let plan = Profile { k: 1, m: 2, slice_bytes: 256 << 10 };
            let plan = plan.plan(new_data(shards, &entropy));
            let receipt = shards.write_small(plan, body.clone()).await.expect("all drives live");
            written.push((Rc::new(receipt.into_location()), body));
        }
        check(shards, &written).await;
        let running = cluster.restart().await;
        check(&running.shards[0], &written).await;
    });
}

#[test]
fn any_range_of_a_body() {
    with_cluster(5, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(6));
        let (length, profile) = (300_000, Profile::new(4, 2));
        let body = body(9, length);
        let receipt = write_large(shards, profile.plan(new_data(shards, &entropy)), &body).await;
        let location = Rc::new(receipt.expect("all drives live").into_location());
        for _ in 0..500 {
            let start = entropy.below(length + 10);
            let end = start + entropy.below(length / (1 + entropy.below(40)));
            let found = read(shards, &location, start..end).await.expect("all drives live");
            let at = |offset: u64| usize::try_from(offset.min(length)).expect("small");
            assert!(found == body[at(start)..at(end)], "{start}..{end}");
        }
    });
}

#[test]
fn a_ranged_read_touches_only_the_chunk_it_needs() {
    with_cluster(7, 1, 6, |cluster| async move {
        let running = cluster.open().await;
        let shards = &running.shards[0];
        let profile = Profile { k: 4, m: 2, slice_bytes: 256 << 10 };
        let body = body(1, 4 * MIB);
        let plan = profile.plan(new_data(shards, &Entropy::seeded(1)));
        let receipt = write_large(shards, plan, &body).await.expect("all drives live");
        let location = Rc::new(receipt.into_location());
        let reads = || running.table.status().iter().map(|drive| drive.reads).sum::<u64>();
        let before = reads();
        let found = read(shards, &location, 2_000_000..2_000_010).await.expect("readable");
        assert_eq!(found, body[2_000_000..2_000_010]);
        assert_eq!(reads() - before, 1);
        // And once verified, it comes from memory.
        let again = read(shards, &location, 2_000_001..2_000_009).await.expect("readable");
        assert_eq!(again, body[2_000_001..2_000_009]);
        assert_eq!(reads() - before, 1);
    });
}

#[test]
fn bodies_written_side_by_side_share_syncs() {
    with_cluster(8, 1, 3, |cluster| async move {
        let running = cluster.open().await;
        let shards = running.shards[0].clone();
        let core = core_of(&cluster, 0);
        let entropy = Entropy::seeded(1);
        let plan = |data| Profile { k: 1, m: 2, slice_bytes: 256 << 10 }.plan(data);
        // The first waits for the segments to be made.
        let first = plan(new_data(&shards, &entropy));
        shards.write_small(first, Bytes::from_static(b"first")).await.expect("all drives live");
        let figures = || running.table.status()[0].clone();
        let before = figures();
        let tasks: Vec<_> = (0..64)
            .map(|seed| {
                let (shards, plan) = (shards.clone(), plan(new_data(&shards, &entropy)));
                core.spawn(hamster_core::Queue::Requests, async move {
                    shards.write_small(plan, body(seed, 4096)).await.expect("all drives live");
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("written");
        }
        let after = figures();
        assert!(after.syncs - before.syncs <= 6, "{} syncs", after.syncs - before.syncs);
        let bytes = (after.used - before.used).get();
        assert!(bytes < 64 * 4096 * 112 / 100, "{bytes} bytes for 64 bodies of 4 KiB");
    });
}

#[test]
fn any_core_reads_what_another_wrote_whatever_the_number_of_cores_was() {
    for (cores_before, cores_after) in [(2, 3), (5, 2), (1, 4)] {
        with_cluster(9, cores_before, 6, move |cluster| async move {
            let running = cluster.open().await;
            let entropy = Entropy::seeded(10);
            let mut written = Vec::new();
            for round in 0..12_u64 {
                for shards in &running.shards {
                    let data = new_data(shards, &entropy);
                    let body = body(round, 1 + round * 9000);
                    let plan = Profile::new(4, 2).plan(data);
                    let receipt = write_large(shards, plan, &body).await.expect("live");
                    written.push((Rc::new(receipt.into_location()), body.clone()));
                    let plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
                    let receipt = shards.write_small(plan, body).await.expect("live");
                    let location = Rc::new(receipt.into_location());
                    written.push((location, cluster::body(round, 1 + round * 9000)));
                }
            }
            for shards in &running.shards {
                check(shards, &written).await;
            }
            let running = cluster.restart_with(cores_after).await;
            for shards in &running.shards {
                check(shards, &written).await;
            }
        });
    }
}
