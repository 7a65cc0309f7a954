//! The sweep: what nothing refers to gives its space back, and nothing else does.

mod cluster;

use bytes::Bytes;
use cluster::*;
use futures_util::future::LocalBoxFuture;
use hamster_core::ids::{DataId, DriveOrdinal, ShardIndex};
use hamster_core::limits::COMPACTION_RETRY_INTERVAL;
use hamster_core::{ByteCount, Entropy, Map};
use hamster_shard::{Claims, Location, Shards, Target};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// What metadata would say.
#[derive(Default)]
struct Truth {
    shards: Vec<Shards>,
    locations: RefCell<Map<DataId, Location>>,
}

impl Truth {
    fn of(running: &Running, written: &[(Rc<Location>, Bytes)]) -> Self {
        let locations = written.iter().map(|(location, _)| (location.data, (**location).clone()));
        Self { shards: running.shards.clone(), locations: RefCell::new(locations.collect()) }
    }
}

impl Claims for Truth {
    fn held<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Vec<bool>> {
        Box::pin(async move {
            let mut held = vec![false; data.len()];
            for shards in &self.shards {
                let there = shards.held(data).await;
                held.iter_mut().zip(there).for_each(|(held, there)| *held |= there);
            }
            held
        })
    }

    fn locations<'a>(
        &'a self,
        data: &'a [DataId],
    ) -> LocalBoxFuture<'a, Option<Vec<Option<Location>>>> {
        Box::pin(async move {
            let known = self.locations.borrow();
            Some(data.iter().map(|data| known.get(data).cloned()).collect())
        })
    }
}

/// Sweeps every drive. Returns the live runs and the orphans.
async fn sweep(running: &Running, truth: &Truth) -> (u64, u64) {
    let (mut live, mut orphans) = (0, 0);
    for drive in running.table.ordinals() {
        let swept = running.shards[0].sweep(drive, truth).await.expect("in service");
        live += swept.live;
        orphans += swept.orphans;
    }
    (live, orphans)
}

fn used(running: &Running) -> u64 {
    running.table.status().iter().map(|drive| drive.used.get()).sum()
}

/// Bodies of both kinds on six drives, from every core.
async fn write_some(
    running: &Running,
    entropy: &Entropy,
    count: u64,
) -> Vec<(Rc<Location>, Bytes)> {
    let mut written = Vec::new();
    for number in 0..count {
        let turn = usize::try_from(number).expect("few") % running.shards.len();
        let shards = &running.shards[turn];
        let large = body(entropy.next_u64(), 300_000);
        let plan = Profile::new(4, 2).plan(new_data(shards, entropy));
        let receipt = write_large(shards, plan, &large).await.expect("all drives live");
        written.push((Rc::new(receipt.into_location()), large));
        let small = body(entropy.next_u64(), 4000);
        let plan = Profile::new(1, 2).plan(new_data(shards, entropy));
        let receipt = shards.write_small(plan, small.clone()).await.expect("all drives live");
        written.push((Rc::new(receipt.into_location()), small));
    }
    written
}

#[test]
fn what_was_cut_off_goes_and_what_is_referred_to_or_held_stays() {
    for seed in 0..8 {
        with_cluster(seed, 2, 6, move |cluster| async move {
            let entropy = Entropy::seeded(seed);
            let mut running = cluster.open().await;
            let written = write_some(&running, &entropy, 6).await;
            let before = used(&running);
            // A client that goes in the middle, and one that is still there.
            let plan = Profile::new(4, 2).plan(new_data(&running.shards[1], &entropy));
            let mut gone = running.shards[1].writer(plan);
            gone.write(&body(1, 500_000)).await.expect("all drives live");
            drop(gone);
            let plan = Profile::new(4, 2).plan(new_data(&running.shards[1], &entropy));
            let mut slow = running.shards[1].writer(plan);
            let slow_body = body(2, 400_000);
            slow.write(&slow_body[..300_000]).await.expect("all drives live");
            // One whose commit is not decided.
            let plan = Profile::new(4, 2).plan(new_data(&running.shards[0], &entropy));
            let undecided = write_large(&running.shards[0], plan, &slow_body).await;
            let (undecided, lease) = undecided.expect("all drives live").into_parts();
            let truth = Truth::of(&running, &written);
            let (live, orphans) = sweep(&running, &truth).await;
            assert!(orphans > 12, "{orphans}");
            assert_eq!(sweep(&running, &truth).await, (live, 0));
            slow.write(&slow_body[300_000..]).await.expect("all drives live");
            let receipt = slow.finish().await.expect("nothing of it was freed");
            let mut whole = written.clone();
            whole.push((Rc::new(receipt.into_location()), slow_body.clone()));
            whole.push((Rc::new(undecided), slow_body));
            check(&running.shards[0], &whole).await;
            drop(lease);
            if seed % 2 == 1 {
                running = cluster.restart().await;
            }
            // Neither was committed: they are orphans now.
            let truth = Truth::of(&running, &written);
            assert!(sweep(&running, &truth).await.1 > 12);
            check(&running.shards[1], &written).await;
            // Headers of freed runs stay.
            let after = used(&running);
            assert!(after < before + (1 << 20), "{before} {after}");
            running = cluster.restart_with(3).await;
            assert_eq!(sweep(&running, &Truth::of(&running, &written)).await.1, 0);
            check(&running.shards[2], &written).await;
        });
    }
}

#[test]
fn a_segment_with_rot_goes_when_what_was_rotten_is_rebuilt() {
    with_cluster(5, 1, 3, |cluster| async move {
        // Segments are short then.
        (0..3).for_each(|drive| cluster.disk(drive).set_capacity(ByteCount::mib(256)));
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(5));
        let mut written = Vec::new();
        for _ in 0..50 {
            let body = body(entropy.next_u64(), 120_000);
            let plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
            let receipt = shards.write_small(plan, body.clone()).await.expect("all drives live");
            written.push((Rc::new(receipt.into_location()), body));
        }
        cluster.world.clock().sleep(Duration::from_secs(1)).await;
        // The header of the first run, and nothing else of the segment stays in use.
        let segments = || async {
            let disk = cluster.node.core(0).disk().clone();
            let directory = disk.directory(&path(1).join("segments")).await.expect("there");
            let mut names: Vec<String> =
                directory.list().await.expect("told").into_iter().map(|entry| entry.name).collect();
            names.retain(|name| name.ends_with(".small"));
            names.sort();
            names
        };
        let rotten = segments().await.remove(0);
        cluster.disk(1).corrupt(PathBuf::from("segments").join(&rotten), 4096 + 40);
        let rest = written.split_off(1);
        let (dead, live) = rest.split_at(40);
        let dead: Vec<Location> = dead.iter().map(|(location, _)| (**location).clone()).collect();
        shards.free(&dead).await.expect("the node runs");
        written.extend_from_slice(live);
        let ids: Vec<DataId> = written.iter().map(|(location, _)| location.data).collect();
        let needs = NeededIf(|data| ids.contains(&data));
        let truth = Truth::of(&running, &written);
        sweep(&running, &truth).await;
        shards.compact(&needs, Duration::ZERO).await;
        cluster.world.clock().sleep(Duration::from_secs(1)).await;
        assert!(segments().await.contains(&rotten), "what is rotten may be wanted");
        let mut repaired = (*written[0].0).clone();
        let bad = ShardIndex::new(1);
        let target = Target { shard: bad, drive: DriveOrdinal::new(1) };
        let rebuilt = shards.rebuild(&repaired, &[target], &[bad]).await;
        repaired.pieces[1] = rebuilt.expect("all drives live")[0];
        written[0].0 = Rc::new(repaired);
        sweep(&running, &Truth::of(&running, &written)).await;
        cluster.world.clock().sleep(2 * COMPACTION_RETRY_INTERVAL).await;
        shards.compact(&needs, Duration::ZERO).await;
        cluster.world.clock().sleep(Duration::from_secs(1)).await;
        assert!(!segments().await.contains(&rotten), "nothing in it is needed");
        check(shards, &written).await;
        let running = cluster.restart().await;
        check(&running.shards[0], &written).await;
        assert!(running.table.status().iter().all(|drive| drive.corruptions == 0));
    });
}

#[test]
fn what_was_moved_is_freed_where_it_was() {
    with_cluster(3, 2, 7, |cluster| async move {
        let running = cluster.open().await;
        let entropy = Entropy::seeded(3);
        let mut written = write_some(&running, &entropy, 4).await;
        for (location, _) in &mut written {
            let mut moved = (**location).clone();
            let target = Target { shard: ShardIndex::new(0), drive: DriveOrdinal::new(6) };
            let rebuilt = running.shards[0].rebuild(&moved, &[target], &[]).await;
            moved.pieces[0] = rebuilt.expect("all drives live")[0];
            *location = Rc::new(moved);
        }
        let (_, orphans) = sweep(&running, &Truth::of(&running, &written)).await;
        assert!(orphans >= 4, "{orphans}");
        check(&running.shards[1], &written).await;
        let running = cluster.restart().await;
        check(&running.shards[1], &written).await;
    });
}
