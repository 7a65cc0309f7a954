//! Small segments that are used again and again, with power cuts at any moment: old bytes under new
//! ones are neither records nor rot.
//!
//! HAMSTER_RECYCLE_SEEDS: histories of each kind (default 12). HAMSTER_RECYCLE_SEED: only this one.

mod cluster;

use bytes::Bytes;
use cluster::*;
use futures_util::future::LocalBoxFuture;
use hamster_core::ids::DataId;
use hamster_core::limits::{BLOCK_BYTES, SPARE_SEGMENTS_PER_DRIVE_MAX};
use hamster_core::sim::{Failure, Operation};
use hamster_core::{ByteCount, Entropy, Queue};
use hamster_shard::{DriveState, Location, Needs, ReadMemory, Shards};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// Compaction has had its turn by then.
const LATER: Duration = Duration::from_secs(5);
const DRIVES: u32 = 3;
/// Segments of a drive of this size are as short as any.
const CAPACITY: ByteCount = ByteCount::mib(256);
const LIVE_BODIES: usize = 24;
const ROUNDS: u64 = 10;

type Written = Vec<(Rc<Location>, Bytes)>;

/// What is acknowledged and not freed. Stands for metadata.
#[derive(Clone, Default)]
struct Model(Rc<RefCell<Written>>, Rc<RefCell<Vec<DataId>>>);

impl Model {
    fn live(&self) -> Vec<(Rc<Location>, Bytes)> {
        self.0.borrow().clone()
    }
}

impl Needs for Model {
    fn needed<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Option<Vec<bool>>> {
        let Self(live, under_way) = self;
        let (live, under_way) = (live.borrow(), under_way.borrow());
        let is_needed = |id: &DataId| {
            under_way.contains(id) || live.iter().any(|(location, _)| location.data == *id)
        };
        let needed = data.iter().map(is_needed).collect();
        Box::pin(std::future::ready(Some(needed)))
    }
}

/// Writes `count` bodies, and frees older ones beyond the few that stay.
async fn write_some(shards: Shards, entropy: Entropy, model: Model, count: u64) {
    for _ in 0..count {
        let data = new_data(&shards, &entropy);
        // Rests of old payloads start anywhere in a block.
        let length = entropy.below(if entropy.below(3) == 0 { 131_073 } else { 9_000 });
        let body = body(entropy.next_u64(), length);
        model.1.borrow_mut().push(data);
        let written = shards.write_small(Profile::new(1, 2).plan(data), body.clone()).await;
        let location = Rc::new(written.expect("all drives live").into_location());
        model.0.borrow_mut().push((location, body));
        model.1.borrow_mut().retain(|id| *id != data);
        let dead = {
            let mut live = model.0.borrow_mut();
            let at = entropy.below(live.len() as u64);
            (live.len() > LIVE_BODIES).then(|| live.remove(usize::try_from(at).expect("few")).0)
        };
        if let Some(dead) = dead {
            shards.free(&[(*dead).clone()]).await.expect("the node runs");
        }
    }
}

/// Starts writers and compaction on every core.
fn start(cluster: &Cluster, running: &Running, entropy: &Entropy, model: &Model) {
    for shards in &running.shards {
        let core = core_of(cluster, shards.core_index().get());
        for _ in 0..4 {
            let entropy = Entropy::seeded(entropy.next_u64());
            let writing = write_some(shards.clone(), entropy, model.clone(), 40);
            drop(core.spawn(Queue::Requests, writing));
        }
        let (shards, needs, own) = (shards.clone(), model.clone(), core.clone());
        drop(core.spawn(Queue::Background, async move {
            loop {
                own.clock().sleep(Duration::from_millis(20)).await;
                shards.compact(&needs, Duration::ZERO).await;
            }
        }));
    }
}

async fn history(cluster: Cluster, seed: u64, recycled: Rc<Cell<u64>>) {
    let entropy = Entropy::seeded(seed);
    let model = Model::default();
    (0..DRIVES).for_each(|drive| cluster.disk(drive).set_capacity(CAPACITY));
    let mut running = cluster.open().await;
    for round in 0..ROUNDS {
        start(&cluster, &running, &entropy, &model);
        // While much is written; while spares are made and used, which begins when compaction has
        // waited for readers; or with a history behind it.
        let pause = match entropy.below(3) {
            0 => Duration::from_micros(entropy.below(60_000)),
            1 => LATER + Duration::from_micros(20_000 + entropy.below(60_000)),
            _ => 2 * LATER + Duration::from_micros(entropy.below(2_000_000)),
        };
        cluster.world.clock().sleep(pause).await;
        if round % 3 == 1 {
            // Readers of segments that went meanwhile.
            check(&running.shards[0], &model.live()).await;
        }
        let status = running.table.status();
        recycled.set(recycled.get() + status.iter().map(|drive| drive.recycled).sum::<u64>());
        assert!(status.iter().all(|drive| drive.corruptions == 0), "round {round}: {status:?}");
        let cores = [2, 1, 3][usize::try_from(entropy.below(3)).expect("small")];
        running = cluster.restart_with(cores).await;
        model.1.borrow_mut().clear();
        check(&running.shards[0], &model.live()).await;
        let status = running.table.status();
        assert!(status.iter().all(|drive| drive.corruptions == 0), "round {round}: {status:?}");
        assert!(status.iter().all(|drive| drive.state == DriveState::Live), "{status:?}");
    }
}

fn seeds() -> Vec<u64> {
    let number =
        |name| std::env::var(name).ok().map(|text: String| text.parse().expect("a number"));
    match number("HAMSTER_RECYCLE_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("HAMSTER_RECYCLE_SEEDS").unwrap_or(12)).collect(),
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_old_comes_back_in_recycled_segments() {
    let recycled = Rc::new(Cell::new(0));
    let seeds = seeds();
    for &seed in &seeds {
        println!("HAMSTER_RECYCLE_SEED={seed}");
        let counted = Rc::clone(&recycled);
        with_cluster(seed, 2, DRIVES, move |cluster| history(cluster, seed, counted));
    }
    let images = seeds.len() as u64 * ROUNDS;
    tell(&format!("crash images: {images}, segments recycled: {}", recycled.get()));
    assert!(recycled.get() >= images, "the test shows little");
}

/// Files of a drive's segments that end so.
async fn files(cluster: &Cluster, drive: u32, suffix: &str) -> Vec<String> {
    let directory = cluster.node.core(0).disk().directory(&path(drive)).await.expect("there");
    let segments = directory.subdirectory("segments").await.expect("there");
    let names = segments.list().await.expect("readable").into_iter().map(|entry| entry.name);
    names.filter(|name| name.ends_with(suffix)).collect()
}

/// Writes and compacts until something was recycled on every drive.
async fn until_recycled(cluster: &Cluster, running: &Running, model: &Model, entropy: &Entropy) {
    let shards = &running.shards[0];
    while running.table.status().iter().any(|drive| drive.recycled == 0) {
        let seeded = Entropy::seeded(entropy.next_u64());
        write_some(shards.clone(), seeded, model.clone(), 100).await;
        shards.compact(model, Duration::ZERO).await;
        let spares = files(cluster, 0, ".spare").await;
        assert!(spares.len() <= SPARE_SEGMENTS_PER_DRIVE_MAX, "{spares:?}");
    }
}

#[test]
fn what_dies_soon_anyway_is_not_written_again_and_what_stays_is_put_together() {
    with_cluster(11, 1, DRIVES, |cluster| async move {
        (0..DRIVES).for_each(|drive| cluster.disk(drive).set_capacity(CAPACITY));
        let running = cluster.open().await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(11));
        let quiet = Duration::from_secs(10);
        let clock = cluster.world.clock();
        let later = |seconds| clock.sleep(Duration::from_secs(seconds));
        let needs = Model::default();
        // Two segments, of which the first is full.
        for _ in 0..50 {
            let data = new_data(shards, &entropy);
            let body = body(entropy.next_u64(), 120_000);
            let receipt = shards.write_small(Profile::new(1, 2).plan(data), body.clone()).await;
            let location = Rc::new(receipt.expect("all drives live").into_location());
            needs.0.borrow_mut().push((location, body));
        }
        later(1).await;
        let free_first = |count: usize| {
            let dead: Written = needs.0.borrow_mut().drain(..count).collect();
            let dead: Vec<Location> =
                dead.iter().map(|(location, _)| (**location).clone()).collect();
            async move { shards.free(&dead).await.expect("the node runs") }
        };
        free_first(20).await;
        // One more dies between any two looks.
        for _ in 0..4 {
            shards.compact(&needs, quiet).await;
            later(6).await;
            assert_eq!(files(&cluster, 0, ".spare").await, [""; 0], "written again too soon");
            free_first(1).await;
        }
        // Now what is left stays.
        later(1).await;
        shards.compact(&needs, quiet).await;
        later(11).await;
        shards.compact(&needs, quiet).await;
        later(1).await;
        assert_eq!(files(&cluster, 0, ".spare").await.len(), 1);
        check(shards, &needs.live()).await;
    });
}

/// How often the file of a segment was used, as its header says.
async fn generation(cluster: &Cluster, drive: u32, name: &str) -> u8 {
    let core = cluster.node.core(0);
    let directory = core.disk().directory(&path(drive)).await.expect("there");
    let segments = directory.subdirectory("segments").await.expect("there");
    let file = segments.open(name).await.expect("there");
    let (block, read) = file.read_at(0, core.buffers().take(BLOCK_BYTES).await).await;
    read.expect("readable");
    block[40]
}

#[test]
fn rot_in_a_recycled_segment_is_told_from_old_bytes() {
    with_cluster(7, 1, DRIVES, |cluster| async move {
        (0..DRIVES).for_each(|drive| cluster.disk(drive).set_capacity(CAPACITY));
        // No tables until a segment is full: the next start reads all of the others.
        let memory = ReadMemory { stretch_entries: 1 << 14, ..ReadMemory::default() };
        let (entropy, model) = (Entropy::seeded(7), Model::default());
        let mut running = cluster.open_with(memory).await;
        until_recycled(&cluster, &running, &model, &entropy).await;
        // Goes on in what was recycled, in many batches.
        write_some(running.shards[0].clone(), Entropy::seeded(8), model.clone(), 250).await;
        cluster.node.crash();
        cluster.node.start();
        for name in files(&cluster, 1, ".small").await {
            if generation(&cluster, 1, &name).await > 1 {
                cluster.disk(1).corrupt(PathBuf::from("segments").join(name), 4096 + 40);
            }
        }
        running = cluster.open_with(memory).await;
        let status = running.table.status();
        let corruptions: Vec<u64> = status.iter().map(|drive| drive.corruptions).collect();
        assert!(corruptions[1] > 0 && corruptions[0] + corruptions[2] == 0, "{corruptions:?}");
        check(&running.shards[0], &model.live()).await;
    });
}

#[test]
fn a_drive_that_refuses_while_a_segment_is_recycled_leaves_service() {
    with_cluster(9, 1, DRIVES, |cluster| async move {
        (0..DRIVES).for_each(|drive| cluster.disk(drive).set_capacity(CAPACITY));
        let (entropy, model) = (Entropy::seeded(9), Model::default());
        let running = cluster.open().await;
        until_recycled(&cluster, &running, &model, &entropy).await;
        cluster.disk(2).fail_next(Operation::Sync, Failure::Io);
        write_some(running.shards[0].clone(), Entropy::seeded(10), model.clone(), 60).await;
        assert_eq!(running.table.status()[2].state, DriveState::Poisoned);
        check(&running.shards[0], &model.live()).await;
        let running = cluster.restart().await;
        check(&running.shards[0], &model.live()).await;
    });
}
