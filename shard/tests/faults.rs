//! A drive that fails once, at every index of a history: ENOSPC at each write, EIO at each write, read
//! and sync. Nothing acknowledged is lost, nothing wrong is served, errors say what is wrong, and
//! where there is space again writes go on.
//!
//! `HAMSTER_FAULT_STEP` takes every so many-th index only (1).

mod cluster;

use bytes::Bytes;
use cluster::*;
use hamster_core::ids::{DataId, DriveOrdinal};
use hamster_core::limits::DRIVE_CHECK_INTERVAL;
use hamster_core::sim::{Failure, Operation};
use hamster_core::{ByteCount, Entropy, Set};
use hamster_shard::{DriveState, Location, Shards, WriteError};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const SICK: u32 = 0;
const ROUNDS: u64 = 12;

type Written = Vec<(Rc<Location>, Bytes)>;

/// What came of a history.
#[derive(Default)]
struct Told {
    /// Acknowledged and not freed.
    written: Written,
    errors: Vec<WriteError>,
    compactions: u64,
}

/// A little of everything, one after the other, on three drives of which one may fail.
async fn history(shards: &Shards, bytes: &Bytes) -> Told {
    let entropy = Entropy::seeded(1);
    let Told { mut written, mut errors, .. } = Told::default();
    let compactions = Cell::new(0);
    for round in 0..ROUNDS {
        let mut note =
            |receipt: Result<hamster_shard::Receipt, WriteError>, body: Bytes| match receipt {
                Ok(receipt) => written.push((Rc::new(receipt.into_location()), body)),
                Err(error) => errors.push(error),
            };
        for _ in 0..5 {
            let body = part(bytes, &entropy, 100_000 + entropy.below(30_000));
            let plan = Profile::new(1, 2).plan(new_data(shards, &entropy));
            let receipt = shards.write_small(plan, body.clone()).await;
            assert!(receipt.is_ok(), "two of three drives are well: {:?}", receipt.err());
            note(receipt, body);
        }
        for (k, m) in [(2, 1), (1, 1)] {
            let body = part(bytes, &entropy, 1 + entropy.below(80_000));
            let plan = Profile::new(k, m).plan(new_data(shards, &entropy));
            note(write_large(shards, plan, &body).await, body);
        }
        for _ in 0..4 {
            let (location, _) = written.swap_remove(index(&entropy, written.len()));
            // What could not be freed is freed again one day.
            shards.free(&[(*location).clone()]).await.expect("the node runs");
        }
        let (location, body) = &written[index(&entropy, written.len())];
        let found = read(shards, location, 0..u64::MAX).await;
        assert!(found.as_ref() == Ok(&body.to_vec()), "{location:?}: {:?}", found.err());
        if round % 3 == 1 {
            let needed: Set<DataId> = written.iter().map(|(location, _)| location.data).collect();
            let is_needed = |data| {
                compactions.set(compactions.get() + 1);
                needed.contains(&data)
            };
            shards.compact(&NeededIf(is_needed), Duration::ZERO).await;
        }
    }
    Told { written, errors, compactions: compactions.get() }
}

fn part(bytes: &Bytes, entropy: &Entropy, length: u64) -> Bytes {
    let start = index(entropy, bytes.len() / 2);
    bytes.slice(start..start + usize::try_from(length).expect("small"))
}

/// Runs the history with `failure` at one index of `operation`; returns how many there are.
fn run(operation: Operation, failure: Option<(usize, Failure)>, bytes: &Bytes) -> usize {
    let (asked, told) = (Rc::new(Cell::new(0)), bytes.clone());
    let counted = Rc::clone(&asked);
    with_cluster(1, 1, 3, move |cluster| async move {
        for drive in 0..3 {
            cluster.disk(drive).set_capacity(ByteCount::mib(256));
        }
        let running = cluster.open().await;
        let (shards, sick) = (&running.shards[0], cluster.disk(SICK));
        let before = sick.asked(operation);
        if let Some((at, failure)) = failure {
            sick.fail_after(operation, at, failure);
        }
        let Told { mut written, errors, compactions } = history(shards, &told).await;
        counted.set(sick.asked(operation) - before);
        sick.fail_no_more();
        check(shards, &written).await;
        let state = || running.table.state(DriveOrdinal::new(SICK));
        match failure {
            None => assert!(errors.is_empty() && compactions > 0, "{errors:?}"),
            Some((_, Failure::NoSpace)) => {
                assert!(errors.iter().all(|error| *error == WriteError::NoSpace), "{errors:?}");
                // There is space, and it is seen.
                cluster.world.clock().sleep(2 * DRIVE_CHECK_INTERVAL).await;
                assert_eq!(state(), DriveState::Live, "{:?}", running.table.status());
                written.extend(write_on_all(shards, &told).await);
            }
            Some((_, Failure::Io)) => {
                let is_clear =
                    |error: &WriteError| matches!(error, WriteError::TooFewDrives { .. });
                assert!(errors.iter().all(is_clear), "{errors:?}");
                assert!(errors.is_empty() || state() != DriveState::Live);
            }
        }
        let running = cluster.restart().await;
        let entropy = Entropy::seeded(2);
        let needed: Written = written
            .iter()
            .map(|(location, body)| (with_k_pieces(location, &entropy), body.clone()))
            .collect();
        check(&running.shards[0], &needed).await;
    });
    asked.get()
}

/// One body of each kind, on all drives.
async fn write_on_all(shards: &Shards, bytes: &Bytes) -> Written {
    let entropy = Entropy::seeded(3);
    let small = part(bytes, &entropy, 5000);
    let plan = || Profile::new(1, 2).plan(new_data(shards, &entropy));
    let one = shards.write_small(plan(), small.clone()).await;
    let other = write_large(shards, plan(), &small).await;
    let location = |receipt: Result<hamster_shard::Receipt, WriteError>| {
        let location = receipt.expect("there is space").into_location();
        assert!(location.pieces.iter().all(|piece| piece.checksum.is_some()), "{location:?}");
        (Rc::new(location), small.clone())
    };
    vec![location(one), location(other)]
}

/// Names an index that fails.
struct Case(Operation, usize, Failure);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(operation, at, failure) = self;
            eprintln!("{failure:?} at {operation:?} {at}");
        }
    }
}

/// Returns how many indexes were tried.
fn sweep(operation: Operation, failure: Failure, limit: usize, bytes: &Bytes) -> usize {
    let step = usize::try_from(setting("HAMSTER_FAULT_STEP", 1)).expect("small");
    let count = run(operation, None, bytes).min(limit);
    let indexes = (0..count).step_by(step);
    for at in indexes.clone() {
        let case = Case(operation, at, failure);
        run(operation, Some((at, failure)), bytes);
        drop(case);
    }
    indexes.count()
}

#[test]
fn no_space_at_any_of_the_first_300_writes_costs_nothing_acknowledged() {
    let bytes = body(1, 512 * KIB);
    let tried = sweep(Operation::Write, Failure::NoSpace, 300, &bytes);
    tell(&format!("ENOSPC on write: {tried} indexes"));
    assert!(tried == 300 || setting("HAMSTER_FAULT_STEP", 1) > 1, "{tried}");
}

#[test]
fn an_error_at_any_write_read_or_sync_costs_nothing_acknowledged() {
    let bytes = body(1, 512 * KIB);
    let sweep = |operation| sweep(operation, Failure::Io, usize::MAX, &bytes);
    let [write, read, sync] = [Operation::Write, Operation::Read, Operation::Sync].map(sweep);
    tell(&format!("EIO on write: {write}, on read: {read}, on sync: {sync} indexes"));
}
