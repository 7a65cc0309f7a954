//! Gets parts of the data slices of one stripe: cached, read, or restored from other shards.

use super::ReadError;
use super::cache::SliceName;
use super::race::{Ended, Part, Race};
use super::run::{self, Unreadable, Verified};
use crate::drive::DriveState;
use crate::geometry::{Geometry, SlicePart};
use crate::index::Wanted;
use crate::lane::RunEntry;
use crate::location::Location;
use crate::shards::{ShardDrive, Shards};
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hamster_core::ByteCount;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::RUN_MOVES_MAX;
use hamster_core::plant::{Plant, planted};
use std::ops::Range;
use std::pin::pin;

/// What is wanted of one stripe of a body.
pub(crate) struct StripeRead<'a> {
    pub shards: &'a Shards,
    pub location: &'a Location,
    pub parts: &'a [SlicePart],
}

/// The runs of a stripe.
pub(crate) struct Sources {
    runs: Vec<RunEntry>,
    /// Where the stripe's slices start in their shards.
    shard_offset: u64,
}

/// Verified bytes of a range (whole chunks) of a slice.
pub(crate) struct Held {
    pub shard: u8,
    pub range: Range<u64>,
    verified: Verified,
}

impl Held {
    pub fn bytes(&self) -> &Bytes {
        &self.verified.bytes
    }

    /// Is all of `range` of the slice here?
    pub fn covers(&self, range: &Range<u64>) -> bool {
        self.range.start <= range.start && range.end <= self.range.end
    }
}

impl StripeRead<'_> {
    fn geometry(&self) -> Geometry {
        Geometry::of(self.location)
    }

    fn name(&self, part: &SlicePart) -> SliceName {
        let slice = part.stripe * u64::from(self.location.k) + u64::from(part.index);
        SliceName { data: self.location.data, slice }
    }

    /// What reading it may keep in memory, if parts of it must be restored.
    pub fn memory(&self) -> ByteCount {
        let Location { k, m, .. } = *self.location;
        ByteCount::new(match self.parts {
            [] => 0,
            [part] => {
                let range = self.geometry().whole_chunks(part.stripe, &part.range);
                (u64::from(k) + 1) * (range.end - range.start).next_power_of_two()
            }
            [part, ..] => {
                let slice = self.geometry().slice_bytes_of(part.stripe);
                (u64::from(k) + u64::from(m)) * slice.next_power_of_two()
            }
        })
    }

    /// The parts, if all of them are cached.
    pub fn cached(&self) -> Option<Vec<Bytes>> {
        let mut cache = self.shards.cache().borrow_mut();
        self.parts.iter().map(|part| cache.get(self.name(part), &part.range)).collect()
    }

    /// Are all parts cached? Counts as no look.
    pub fn is_cached(&self) -> bool {
        let cache = self.shards.cache().borrow();
        self.parts.iter().all(|part| cache.holds(self.name(part), &part.range))
    }

    /// The parts, from the drives.
    pub async fn fetch(&self) -> Result<Vec<Bytes>, ReadError> {
        let Some(first) = self.parts.first() else { return Ok(Vec::new()) };
        let sources = self.sources(first.stripe).await?;
        let Ended { mut held, missing, restored } = self.race(&sources).await?;
        if !missing.is_empty() {
            self.restore(&mut held, &missing, &restored).await;
        }
        Ok(self.parts.iter().map(|part| self.deliver(part, &held)).collect())
    }

    /// Reads the parts, or enough shards to restore those that are missing in the end.
    async fn race(&self, sources: &Sources) -> Result<Ended, ReadError> {
        let geometry = self.geometry();
        let wanted = self
            .parts
            .iter()
            .map(|part| (part.index, geometry.whole_chunks(part.stripe, &part.range)))
            .collect();
        let clock = self.shards.core().clock();
        let mut race = Race::new(self, wanted);
        let mut reads = FuturesUnordered::new();
        let mut starts = race.begin(clock.now());
        // One timer for the whole race: it may fire early, and is set again then.
        let mut timer_at = race.look_at();
        let mut timer = pin!(clock.sleep_until(timer_at));
        loop {
            for (shard, range) in starts {
                reads.push(async move { (shard, self.read(sources, shard, range).await) });
            }
            if race.is_over() {
                return race.end();
            }
            if race.look_at() < timer_at {
                timer_at = race.look_at();
                timer.set(clock.sleep_until(timer_at));
            }
            starts = match select(reads.next(), timer.as_mut()).await {
                Either::Left((Some((shard, read)), _)) => race.finish(shard, read, clock.now()),
                Either::Left((None, _)) => Vec::new(),
                Either::Right(((), _)) => {
                    let starts = race.look(clock.now());
                    timer_at = race.look_at();
                    timer.set(clock.sleep_until(timer_at));
                    starts
                }
            };
        }
    }

    /// Where the slices of a stripe are.
    pub async fn sources(&self, stripe: u64) -> Result<Sources, ReadError> {
        let stripe = stripe.saturating_sub(u64::from(planted(Plant::ReadsWrongStripe)));
        let shard_offset = self.geometry().shard_offset(stripe);
        let range = shard_offset..shard_offset + self.geometry().slice_bytes_of(stripe);
        let pieces = self.location.pieces.iter().filter(|piece| piece.checksum.is_some());
        let runs = self.find(range, pieces.map(|piece| piece.drive).collect()).await?;
        Ok(Sources { runs, shard_offset })
    }

    /// The runs of a range of the shards on these drives.
    async fn find(
        &self,
        range: Range<u64>,
        drives: Vec<DriveOrdinal>,
    ) -> Result<Vec<RunEntry>, ReadError> {
        let wanted = Wanted { data: self.location.data, range };
        let found = self.shards.lanes().find(wanted, drives).await;
        found.map_err(|_| ReadError::ShuttingDown)
    }

    pub fn state(&self, shard: u8) -> DriveState {
        let piece = self.location.pieces.get(usize::from(shard));
        piece.map_or(DriveState::Lost, |piece| self.shards.drives().state(piece.drive))
    }

    /// The drive that holds a shard, if it is in reach.
    pub fn drive(&self, shard: u8) -> Option<&ShardDrive> {
        let piece = self.location.pieces.get(usize::from(shard))?;
        let usable = piece.checksum.is_some() && self.state(shard) != DriveState::Lost;
        if usable { self.shards.drive(piece.drive) } else { None }
    }

    /// As [`StripeRead::read`], for who has no others to turn to while the drive does not answer.
    pub async fn read_patiently(
        &self,
        sources: &Sources,
        shard: u8,
        range: Range<u64>,
    ) -> Result<Held, Unreadable> {
        let drive = self.drive(shard).ok_or(Unreadable::Failed)?;
        let read = drive.local.while_in_service(self.read(sources, shard, range)).await;
        read.unwrap_or(Err(Unreadable::Failed))
    }

    /// Reads a range of a shard's slice from the drive that holds it.
    async fn read(
        &self,
        sources: &Sources,
        shard: u8,
        range: Range<u64>,
    ) -> Result<Held, Unreadable> {
        let drive = self.drive(shard).ok_or(Unreadable::Failed)?;
        let wanted = sources.shard_offset + range.start..sources.shard_offset + range.end;
        let mut outcome = self.read_of(&sources.runs, drive, shard, &wanted).await;
        for _ in 0..RUN_MOVES_MAX {
            if !matches!(outcome, Err(Unreadable::Gone)) {
                break;
            }
            let found = self.find(wanted.clone(), vec![drive.local.ordinal]).await;
            let runs = found.map_err(|_| Unreadable::Failed)?;
            outcome = self.read_of(&runs, drive, shard, &wanted).await;
        }
        Ok(Held { shard, range, verified: outcome? })
    }

    /// Reads a range of a shard from the one of `runs` that holds it.
    async fn read_of(
        &self,
        runs: &[RunEntry],
        drive: &ShardDrive,
        shard: u8,
        wanted: &Range<u64>,
    ) -> Result<Verified, Unreadable> {
        let holds = |run: &&RunEntry| {
            let held = run.range();
            (run.shard.get(), run.drive) == (shard, drive.local.ordinal)
                && held.start <= wanted.start
                && wanted.end <= held.end
        };
        let run = runs.iter().find(holds).ok_or(Unreadable::Failed)?;
        // Parts are named by whoever reads for a client.
        if planted(Plant::RepairsFromUnverified) && self.parts.is_empty() && self.location.k > 1 {
            return run::unverified(self.shards, drive, run, wanted.clone()).await;
        }
        run::read(self.shards, drive, run, self.location.slice_bytes, wanted.clone()).await
    }

    /// Restores missing parts within `range`, which k of what is held cover, and adds them.
    async fn restore(&self, held: &mut Vec<Held>, missing: &[Part], range: &Range<u64>) {
        let Location { k, m, .. } = *self.location;
        let covering = held.iter().filter(|one| one.covers(range)).take(usize::from(k));
        let mut survivors: Vec<(u8, u64, Bytes)> =
            covering.map(|one| (one.shard, one.range.start, one.verified.bytes.clone())).collect();
        survivors.sort_by_key(|(shard, ..)| *shard);
        for (lost, range) in missing {
            let length = ByteCount::new(range.end - range.start);
            let mut output = self.shards.read_buffers().take(length).await;
            let inputs: Vec<(u8, Bytes)> = survivors
                .iter()
                .map(|(shard, from, bytes)| (*shard, part_of(bytes, *from, range)))
                .collect();
            self.shards.restorer().restore(k, m, *lost, &inputs, &mut output);
            let verified = Verified::whole(output);
            held.push(Held { shard: *lost, range: range.clone(), verified });
            // Restoring takes about 100 µs for 1 MiB.
            self.shards.core().tasks().yield_now().await;
        }
    }

    /// The bytes of a part, and all that was verified for it into the cache.
    fn deliver(&self, part: &SlicePart, held: &[Held]) -> Bytes {
        let of_part = |one: &&Held| one.shard == part.index && one.covers(&part.range);
        let one = held.iter().find(of_part).expect("read or restored");
        let Verified { bytes, memory } = &one.verified;
        let mut cache = self.shards.cache().borrow_mut();
        cache.insert(self.name(part), one.range.start, bytes.clone(), *memory);
        part_of(bytes, one.range.start, &part.range)
    }
}

/// `range` of `bytes` that start at `from`.
fn part_of(bytes: &Bytes, from: u64, range: &Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset - from).expect("a slice fits in memory");
    bytes.slice(at(range.start)..at(range.end))
}
