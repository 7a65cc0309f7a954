//! Crash images: the power is cut at many moments of many histories, at each in many ways, and what is
//! then on the drives is opened by the real store. Nothing acknowledged is lost, nothing is wrong,
//! nothing freed is back.
//!
//! Every write, punch and change of a directory is noted by the simulated disk until it is synced. An
//! image has any of those that were not: none, all, or each by itself as luck has it, torn at 512 or
//! 4,096 bytes; of a directory's changes the oldest ones. `HAMSTER_CRASH_IMAGES` says how many images,
//! `HAMSTER_SEED` which histories: the image that fails names its own.

mod cluster;

use bytes::Bytes;
use cluster::*;
use hamster_core::ids::{DataId, DriveOrdinal};
use hamster_core::sim::{Image, World};
use hamster_core::{ByteCount, Entropy, Queue};
use hamster_shard::{DriveState, Location, Piece, Plan, Shards};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const DRIVES: u32 = 3;
/// Moments of one history at which the power is cut, and ways in which it is.
const MOMENTS: u64 = 10;
const CUTS: u64 = 15;
/// Bodies that a history keeps.
const LIVE_MAX: usize = 40;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Sent,
    Acknowledged,
    Freeing,
    Freed,
}

#[derive(Clone)]
struct Body {
    location: Rc<Location>,
    bytes: Bytes,
    fate: Fate,
    readers: u32,
}

impl Body {
    fn is_small(&self) -> bool {
        self.location.slice_bytes == SMALL.slice_bytes
    }
}

type Bodies = BTreeMap<DataId, Body>;

const SMALL: Profile = Profile { k: 1, m: 1, slice_bytes: 64 << 10 };
const LARGE: [Profile; 2] =
    [Profile { k: 1, m: 1, slice_bytes: 16 << 10 }, Profile { k: 2, m: 1, slice_bytes: 16 << 10 }];

/// What several tasks do, and what came of it.
#[derive(Clone, Default)]
struct History {
    bodies: Rc<RefCell<Bodies>>,
    /// How often compaction asked what is needed.
    compactions: Rc<Cell<u64>>,
}

/// Where the body will be, if it is written.
fn intended(plan: &Plan, length: u64) -> Location {
    let piece = |drive: &DriveOrdinal| Piece { drive: *drive, checksum: Some(Default::default()) };
    Location {
        data: plan.data,
        k: plan.k,
        m: plan.m,
        slice_bytes: plan.slice_bytes,
        stored_bytes: length,
        pieces: plan.targets.iter().map(piece).collect(),
    }
}

impl History {
    /// Writes, reads and frees, for ever.
    async fn work(self, shards: Shards, entropy: Entropy) {
        loop {
            match entropy.below(12) {
                0..6 if self.live() < LIVE_MAX => {
                    self.write(&shards, &entropy, SMALL, entropy.below(100_000)).await;
                }
                6..8 if self.live() < LIVE_MAX => {
                    let profile = LARGE[index(&entropy, 2)];
                    self.write(&shards, &entropy, profile, 1 + entropy.below(150_000)).await;
                }
                8 | 9 => self.read(&shards, &entropy).await,
                _ => self.free(&shards, &entropy).await,
            }
        }
    }

    fn live(&self) -> usize {
        let bodies = self.bodies.borrow();
        bodies.values().filter(|body| body.fate == Fate::Acknowledged).count()
    }

    async fn write(&self, shards: &Shards, entropy: &Entropy, profile: Profile, length: u64) {
        let mut plan = profile.plan(new_data(shards, entropy));
        plan.targets.iter_mut().zip(entropy.below(3)..).for_each(|(target, at)| {
            *target = DriveOrdinal::new(u32::try_from(at % 3).expect("below 3"));
        });
        let (data, bytes) = (plan.data, body(entropy.next_u64(), length));
        let location = Rc::new(intended(&plan, length));
        let sent = Body { location, bytes: bytes.clone(), fate: Fate::Sent, readers: 0 };
        self.bodies.borrow_mut().insert(data, sent);
        let receipt = match profile.slice_bytes == SMALL.slice_bytes {
            true => shards.write_small(plan, bytes).await,
            false => write_large(shards, plan, &bytes).await,
        };
        let location = receipt.expect("all drives live").into_location();
        assert!(location.pieces.iter().all(|piece| piece.checksum.is_some()));
        let mut bodies = self.bodies.borrow_mut();
        let body = bodies.get_mut(&data).expect("sent");
        (body.location, body.fate) = (Rc::new(location), Fate::Acknowledged);
    }

    /// Random bodies that are there, marked as `mark` says.
    fn choose(&self, entropy: &Entropy, count: usize, mark: impl Fn(&mut Body)) -> Vec<Body> {
        let mut bodies = self.bodies.borrow_mut();
        let mut live: Vec<&mut Body> =
            bodies.values_mut().filter(|body| body.fate == Fate::Acknowledged).collect();
        let mut chosen = Vec::new();
        while chosen.len() < count && !live.is_empty() {
            let body = live.swap_remove(index(entropy, live.len()));
            mark(body);
            chosen.push(body.clone());
        }
        chosen
    }

    async fn read(&self, shards: &Shards, entropy: &Entropy) {
        for body in self.choose(entropy, 1, |body| body.readers += 1) {
            let location = with_k_pieces(&body.location, entropy);
            let found = read(shards, &location, 0..u64::MAX).await.expect("all drives live");
            assert!(found == body.bytes, "wrong bytes of {location:?}");
            let data = location.data;
            self.bodies.borrow_mut().get_mut(&data).expect("kept while read").readers -= 1;
        }
    }

    async fn free(&self, shards: &Shards, entropy: &Entropy) {
        let chosen = self.choose(entropy, 3, |body| {
            if body.readers == 0 {
                body.fate = Fate::Freeing;
            }
        });
        let chosen: Vec<Location> = chosen
            .into_iter()
            .filter(|body| body.fate == Fate::Freeing)
            .map(|body| (*body.location).clone())
            .collect();
        let freed = shards.free(&chosen).await.expect("the node runs");
        assert!(freed.iter().all(|is_free| *is_free));
        for location in chosen {
            let mut bodies = self.bodies.borrow_mut();
            bodies.get_mut(&location.data).expect("sent").fate = Fate::Freed;
            // A few are remembered.
            if entropy.below(8) > 0 {
                bodies.remove(&location.data);
            }
        }
    }

    async fn compact(self, shards: Shards, clock: hamster_core::Clock) {
        let needs = NeededIf(|data| {
            self.compactions.set(self.compactions.get() + 1);
            let bodies = self.bodies.borrow();
            bodies
                .get(&data)
                .is_some_and(|body| matches!(body.fate, Fate::Sent | Fate::Acknowledged))
        });
        loop {
            shards.compact(&needs, Duration::ZERO).await;
            clock.sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Names an image that fails.
struct Case(String);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("crash image: {}", self.0);
        }
    }
}

/// Moments of a history: what was on the drives, and what was known of the bodies.
fn moments(seed: u64, compactions: &Cell<u64>) -> Vec<(Image, Bodies)> {
    let taken = Rc::new(RefCell::new(Vec::new()));
    let (kept, history) = (Rc::clone(&taken), History::default());
    let asked = Rc::clone(&history.compactions);
    let entropy = Entropy::seeded(seed);
    let cores = u16::try_from(1 + entropy.below(3)).expect("few");
    with_cluster(seed, cores, DRIVES, move |cluster| async move {
        for drive in 0..DRIVES {
            // Its segments are short, so that they are full and compacted soon.
            cluster.disk(drive).set_capacity(ByteCount::mib(256));
        }
        let running = cluster.open().await;
        for shards in &running.shards {
            let core = core_of(&cluster, shards.core_index().get());
            for _ in 0..8 {
                let entropy = Entropy::seeded(entropy.next_u64());
                let working = history.clone().work(shards.clone(), entropy);
                drop(core.spawn(Queue::Requests, working));
            }
            let compacting = history.clone().compact(shards.clone(), core.clock().clone());
            drop(core.spawn(Queue::Background, compacting));
        }
        for _ in 0..MOMENTS {
            let pause = Duration::from_micros(2_000 + entropy.below(20_000));
            cluster.world.clock().sleep(pause).await;
            let bodies = history.bodies.borrow().clone();
            kept.borrow_mut().push((cluster.node.image(), bodies));
        }
    });
    compactions.set(compactions.get() + asked.get());
    taken.take()
}

/// What the store makes of what a power cut left.
async fn check_image(cluster: Cluster, bodies: Bodies, entropy: Entropy) -> u64 {
    let mut running = cluster.open().await;
    let status = running.table.status();
    assert!(status.iter().all(|drive| drive.state == DriveState::Live), "{status:?}");
    let mut written: Vec<(Rc<Location>, Bytes)> = bodies
        .values()
        .filter(|body| body.fate == Fate::Acknowledged)
        .map(|body| (Rc::clone(&body.location), body.bytes.clone()))
        .collect();
    check_some(&running.shards[0], &written, &entropy).await;
    // A torn tail is no corruption.
    let status = running.table.status();
    assert!(status.iter().all(|drive| drive.corruptions == 0), "{status:?}");
    for body in bodies.values().filter(|body| body.fate != Fate::Acknowledged) {
        check_other(&running.shards[0], body, &entropy).await;
    }
    if entropy.below(3) == 0 {
        let shards = running.shards.last().expect("at least one core");
        for profile in [SMALL, LARGE[1]] {
            let body = body(entropy.next_u64(), 1 + entropy.below(60_000));
            let plan = profile.plan(new_data(shards, &entropy));
            let receipt = match profile.k {
                1 => shards.write_small(plan, body.clone()).await,
                _ => write_large(shards, plan, &body).await,
            };
            written.push((Rc::new(receipt.expect("all drives live").into_location()), body));
        }
        let cores = u16::try_from(1 + entropy.below(3)).expect("few");
        running = cluster.restart_with(cores).await;
        check_some(&running.shards[0], &written, &entropy).await;
    }
    written.len() as u64
}

async fn check_some(shards: &Shards, written: &[(Rc<Location>, Bytes)], entropy: &Entropy) {
    let needed: Vec<(Rc<Location>, Bytes)> = written
        .iter()
        .map(|(location, body)| (with_k_pieces(location, entropy), body.clone()))
        .collect();
    check(shards, &needed).await;
}

/// A body that nobody was told is there: whole or unreadable, but for large ones that are known to be
/// free, which are not there.
async fn check_other(shards: &Shards, body: &Body, entropy: &Entropy) {
    let location = with_k_pieces(&body.location, entropy);
    let mut reader = shards.read(Rc::clone(&location), 0..u64::MAX);
    let mut found = Vec::new();
    let mut readable = true;
    while let Some(next) = reader.next().await {
        match next {
            Ok(bytes) => found.extend_from_slice(&bytes),
            Err(_) => readable = false,
        }
    }
    assert!(body.bytes.starts_with(&found), "wrong bytes of {:?} {location:?}", body.fate);
    assert!(!readable || found.len() == body.bytes.len(), "cut: {:?} {location:?}", body.fate);
    let is_gone = body.fate == Fate::Freed && !body.is_small();
    assert!(!readable || !is_gone, "{location:?} is back");
}

#[test]
fn every_crash_image_has_what_was_acknowledged() {
    check_images(setting("HAMSTER_SEED", 1));
}

#[test]
fn every_crash_image_of_other_histories_has_what_was_acknowledged() {
    check_images(setting("HAMSTER_SEED", 1) + 1000);
}

/// Half of the images, of the histories from `seed` on.
fn check_images(seed: u64) {
    let count = setting("HAMSTER_CRASH_IMAGES", 1800) / 2;
    let (compactions, acknowledged) = (Cell::new(0), Rc::new(Cell::new(0)));
    let mut images = 0;
    'histories: for history in seed.. {
        let case = Case(format!("HAMSTER_SEED={history}, the history itself"));
        let moments = moments(history, &compactions);
        drop(case);
        for (moment, (image, bodies)) in (0..).zip(moments) {
            for cut in 0..CUTS {
                if images == count {
                    break 'histories;
                }
                images += 1;
                let case = Case(format!("HAMSTER_SEED={history}, moment {moment}, cut {cut}"));
                let entropy = Entropy::seeded((history << 16) + moment * CUTS + cut);
                let world = World::new(entropy.next_u64());
                let node = world.node(u16::try_from(1 + entropy.below(3)).expect("few"));
                node.load(&image);
                let cluster = Cluster { world: world.clone(), node, drives: DRIVES };
                let checked = world.run(check_image(cluster, bodies.clone(), entropy));
                acknowledged.set(acknowledged.get() + checked);
                drop(case);
            }
        }
    }
    let (acknowledged, compactions) = (acknowledged.get(), compactions.get());
    tell(&format!(
        "crash images: {images} of the segment log (seed {seed}), {acknowledged} acknowledged bodies \
         read in them, {compactions} runs compacted in their histories"
    ));
    assert!(acknowledged > 5 * count && compactions > count / 10, "it shows little");
}
