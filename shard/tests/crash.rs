//! Power cuts at any moment: everything acknowledged is there afterwards, byte for byte.

mod cluster;

use bytes::Bytes;
use cluster::*;
use futures_util::future::join_all;
use hamster_core::ids::DataId;
use hamster_core::{ByteCount, Entropy, Queue, Set};
use hamster_shard::{Location, Shards};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Written = Rc<RefCell<Vec<(Rc<Location>, Bytes)>>>;

/// Writes for ever; notes what was acknowledged.
async fn keep_writing(shards: Shards, entropy: Entropy, written: Written) {
    loop {
        let data = new_data(&shards, &entropy);
        let small = entropy.below(4) > 0;
        let body = body(entropy.next_u64(), entropy.below(if small { 9_000 } else { 200_000 }));
        let receipt = match small {
            true => shards.write_small(Profile::new(1, 2).plan(data), body.clone()).await,
            false => write_large(&shards, Profile::new(4, 2).plan(data), &body).await,
        };
        let location = Rc::new(receipt.expect("all drives live").into_location());
        written.borrow_mut().push((location, body));
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut_under_load() {
    let mut acknowledged = 0;
    for seed in 0..12 {
        let count = Rc::new(RefCell::new(0));
        let counted = Rc::clone(&count);
        with_cluster(seed, 2, 6, move |cluster| async move {
            let entropy = Entropy::seeded(seed);
            let written = Written::default();
            let mut running = cluster.open().await;
            for cores in [2, 3, 1] {
                for shards in &running.shards {
                    for _ in 0..8 {
                        let entropy = Entropy::seeded(entropy.next_u64());
                        let writing = keep_writing(shards.clone(), entropy, Rc::clone(&written));
                        let core = core_of(&cluster, shards.core_index().get());
                        drop(core.spawn(Queue::Requests, writing));
                    }
                }
                let pause = Duration::from_micros(3_000 + entropy.below(20_000));
                cluster.world.clock().sleep(pause).await;
                running = cluster.restart_with(cores).await;
                let so_far = written.borrow().clone();
                check(&running.shards[0], &so_far).await;
                // A torn tail is no corruption.
                let status = running.table.status();
                assert!(status.iter().all(|drive| drive.corruptions == 0), "{status:?}");
            }
            *counted.borrow_mut() = written.borrow().len();
        });
        acknowledged += *count.borrow();
    }
    assert!(acknowledged > 1000, "only {acknowledged} writes: the test shows little");
}

#[derive(Clone, Debug)]
enum Step {
    Small(u64),
    Large {
        k_m: usize,
        length: u64,
    },
    Read {
        which: prop::sample::Index,
        start: u64,
        length: u64,
    },
    Crash {
        cores: u16,
    },
    /// Frees a body, as reclaim does.
    Free(prop::sample::Index),
    /// Fills a small segment and frees most of it.
    Churn,
    /// Compacts every drive; the power fails after so many microseconds, if it has not ended.
    Compact {
        cut: Option<u64>,
    },
    /// At most one drive at a time, so that every rung with parity survives.
    Wipe(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..131_072_u64).prop_map(Step::Small),
        4 => (0..RUNGS.len(), 0..400_000_u64).prop_map(|(k_m, length)| Step::Large { k_m, length }),
        8 => (any::<prop::sample::Index>(), 0..300_000_u64, 0..100_000_u64)
            .prop_map(|(which, start, length)| Step::Read { which, start, length }),
        3 => any::<prop::sample::Index>().prop_map(Step::Free),
        2 => Just(Step::Churn),
        3 => prop::option::of(0..20_000_u64).prop_map(|cut| Step::Compact { cut }),
        1 => (1..4_u16).prop_map(|cores| Step::Crash { cores }),
        1 => (0..6_u32).prop_map(Step::Wipe),
    ]
}

/// Does what `steps` say to the drives and to a plain list, and compares.
async fn follow(cluster: Cluster, steps: Vec<Step>) {
    let entropy = Entropy::seeded(1);
    for drive in 0..6 {
        // Its segments are short: one is full after a step or two.
        cluster.disk(drive).set_capacity(ByteCount::mib(256));
    }
    let mut model: Vec<(Rc<Location>, Bytes)> = Vec::new();
    let mut running = cluster.open().await;
    let mut wiped = false;
    for (number, step) in (0..).zip(steps) {
        let turn = usize::try_from(number).expect("few steps") % running.shards.len();
        let shards = running.shards[turn].clone();
        match step {
            Step::Small(length) => {
                let body = body(number, length);
                let plan = Profile::new(1, 2).plan(new_data(&shards, &entropy));
                let receipt = shards.write_small(plan, body.clone()).await.expect("one is lost");
                model.push((Rc::new(receipt.into_location()), body));
            }
            Step::Large { k_m, length } => {
                let (k, m) = RUNGS[k_m];
                // Without parity to spare a wiped drive fails the write, as it should.
                if wiped && m < 2 {
                    continue;
                }
                let body = body(number, length);
                let plan = Profile::new(k, m).plan(new_data(&shards, &entropy));
                let receipt = write_large(&shards, plan, &body).await.expect("one is lost");
                model.push((Rc::new(receipt.into_location()), body));
            }
            Step::Read { which, start, length } if !model.is_empty() => {
                let (location, body) = which.get(&model);
                let end = (start + length).min(body.len() as u64);
                let start = start.min(end);
                let found = read(&shards, location, start..end).await.expect("recoverable");
                let at = |offset| usize::try_from(offset).expect("small");
                assert!(found == body[at(start)..at(end)], "{location:?} {start}..{end}");
            }
            Step::Free(which) if !model.is_empty() => {
                let (location, _) = model.remove(which.index(model.len()));
                shards.free(&[(*location).clone()]).await.expect("the node runs");
            }
            Step::Churn => {
                for kept in 0..36 {
                    let body = body(kept, 120_000);
                    let plan = Profile::new(1, 2).plan(new_data(&shards, &entropy));
                    let receipt = shards.write_small(plan, body.clone()).await;
                    let location = receipt.expect("one is lost").into_location();
                    if kept.is_multiple_of(12) {
                        model.push((Rc::new(location), body));
                    } else {
                        shards.free(&[location]).await.expect("the node runs");
                    }
                }
            }
            Step::Compact { cut } => {
                let needed: Set<DataId> = model.iter().map(|(location, _)| location.data).collect();
                let compacting = running.shards.clone().into_iter().map(|shards| {
                    let core = core_of(&cluster, shards.core_index().get());
                    let needed = needed.clone();
                    core.spawn(Queue::Background, async move {
                        shards
                            .compact(&NeededIf(|data| needed.contains(&data)), Duration::ZERO)
                            .await;
                    })
                });
                let compacting = join_all(compacting.collect::<Vec<_>>());
                match cut {
                    None => drop(compacting.await),
                    Some(cut) => {
                        cluster.world.clock().sleep(Duration::from_micros(cut)).await;
                        running = cluster.restart().await;
                    }
                }
            }
            Step::Crash { cores } => running = cluster.restart_with(cores).await,
            Step::Wipe(drive) if !wiped => {
                wiped = true;
                cluster.disk(drive).wipe();
                model.retain(|(location, _)| location.m > 0);
            }
            Step::Read { .. } | Step::Free(_) | Step::Wipe(_) => {}
        }
    }
    check(&running.shards[0], &model).await;
    running = cluster.restart_with(2).await;
    check(&running.shards[1], &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_sequence_of_steps_agrees_with_a_plain_list(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        with_cluster(seed, 2, 6, move |cluster| follow(cluster, steps));
    }
}
