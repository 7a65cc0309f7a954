//! Gets parts of the data slices of one stripe: cached, read, or restored from other shards.

use super::ReadError;
use super::cache::SliceName;
use super::run::{self, Unreadable, Verified};
use crate::drive::DriveState;
use crate::geometry::{Geometry, SlicePart};
use crate::lane::RunEntry;
use crate::location::Location;
use crate::shards::Shards;
use bytes::Bytes;
use futures_util::future::join_all;
use hamster_core::ByteCount;
use std::ops::Range;

/// What is wanted of one stripe of a body.
pub(super) struct StripeRead<'a> {
    pub shards: &'a Shards,
    pub location: &'a Location,
    pub parts: &'a [SlicePart],
}

/// The runs of a stripe, and which of its shards have failed on this read.
struct Sources {
    runs: Vec<RunEntry>,
    /// Where the stripe's slices start in their shards.
    shard_offset: u64,
}

/// Verified bytes of a range (whole chunks) of a slice.
struct Held {
    shard: u8,
    range: Range<u64>,
    verified: Verified,
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
        // A hedge goes here: when one of these is late, restore it from the rest.
        let reads = self.parts.iter().map(|part| {
            let range = self.geometry().whole_chunks(part.stripe, &part.range);
            let usable = self.state(part.index) != DriveState::Poisoned;
            let sources = &sources;
            async move {
                let held = match usable {
                    true => self.read(sources, part.index, range.clone()).await,
                    false => Err(Unreadable),
                };
                (range, held)
            }
        });
        let mut held: Vec<Held> = Vec::with_capacity(self.parts.len());
        let mut missing: Vec<(u8, Range<u64>)> = Vec::new();
        for (part, (range, read)) in self.parts.iter().zip(join_all(reads).await) {
            match read {
                Ok(read) => held.push(read),
                Err(Unreadable) => missing.push((part.index, range)),
            }
        }
        if !missing.is_empty() {
            self.restore(&sources, &mut held, &missing).await?;
        }
        Ok(self.parts.iter().map(|part| self.deliver(part, &held)).collect())
    }

    async fn sources(&self, stripe: u64) -> Result<Sources, ReadError> {
        let shard_offset = self.geometry().shard_offset(stripe);
        let range = shard_offset..shard_offset + self.geometry().slice_bytes_of(stripe);
        let found = self.shards.lanes().find(self.location.data, range).await;
        let runs = found.map_err(|_| ReadError::ShuttingDown)?;
        Ok(Sources { runs, shard_offset })
    }

    fn state(&self, shard: u8) -> DriveState {
        let piece = self.location.pieces.get(usize::from(shard));
        piece.map_or(DriveState::Lost, |piece| self.shards.drives().state(piece.drive))
    }

    /// Reads a range of a shard's slice from the drive that holds it.
    async fn read(
        &self,
        sources: &Sources,
        shard: u8,
        range: Range<u64>,
    ) -> Result<Held, Unreadable> {
        let piece = self.location.pieces.get(usize::from(shard)).ok_or(Unreadable)?;
        if piece.checksum.is_none() || self.state(shard) == DriveState::Lost {
            return Err(Unreadable);
        }
        let drive = &self.shards.drive(piece.drive).ok_or(Unreadable)?.local;
        let wanted = sources.shard_offset + range.start..sources.shard_offset + range.end;
        let holds = |run: &&RunEntry| {
            let held = run.range();
            (run.shard.get(), run.drive) == (shard, piece.drive)
                && held.start <= wanted.start
                && wanted.end <= held.end
        };
        let run = sources.runs.iter().find(holds).ok_or(Unreadable)?;
        let slice_bytes = self.location.slice_bytes;
        let verified = run::read(self.shards, drive, run, slice_bytes, wanted).await?;
        Ok(Held { shard, range, verified })
    }

    /// Restores missing parts from any k shards, and adds them to what is held.
    async fn restore(
        &self,
        sources: &Sources,
        held: &mut Vec<Held>,
        missing: &[(u8, Range<u64>)],
    ) -> Result<(), ReadError> {
        let start = missing.iter().map(|(_, range)| range.start).min().unwrap_or(0);
        let end = missing.iter().map(|(_, range)| range.end).max().unwrap_or(0);
        let survivors = self.survivors(sources, held, missing, &(start..end)).await?;
        for (lost, range) in missing {
            let length = ByteCount::new(range.end - range.start);
            let mut output = self.shards.read_buffers().take(length).await;
            let inputs: Vec<(u8, Bytes)> = survivors
                .iter()
                .map(|(shard, from, bytes)| (*shard, part_of(bytes, *from, range)))
                .collect();
            let Location { k, m, .. } = *self.location;
            self.shards.restorer().restore(k, m, *lost, &inputs, &mut output);
            let verified = Verified::whole(output);
            held.push(Held { shard: *lost, range: range.clone(), verified });
            // Restoring takes about 100 µs for 1 MiB.
            self.shards.core().tasks().yield_now().await;
        }
        Ok(())
    }

    /// Bytes of `range` of k different shards: those at hand first, then those of live drives, then
    /// of poisoned ones. Each with the offset in the slice at which its bytes start.
    async fn survivors(
        &self,
        sources: &Sources,
        held: &[Held],
        missing: &[(u8, Range<u64>)],
        range: &Range<u64>,
    ) -> Result<Vec<(u8, u64, Bytes)>, ReadError> {
        let needed = self.location.k;
        let covers = |one: &&Held| one.range.start <= range.start && range.end <= one.range.end;
        let at_hand = held.iter().filter(covers);
        let mut survivors: Vec<(u8, u64, Bytes)> =
            at_hand.map(|one| (one.shard, one.range.start, one.verified.bytes.clone())).collect();
        let tried = |shard: u8| {
            let failed = missing.iter().any(|(lost, _)| *lost == shard);
            failed && self.state(shard) != DriveState::Poisoned
        };
        let mut candidates: Vec<u8> = (0..needed + self.location.m)
            .filter(|shard| !tried(*shard) && !survivors.iter().any(|(one, ..)| one == shard))
            .collect();
        candidates.sort_by_key(|shard| (self.state(*shard) == DriveState::Poisoned, *shard));
        let mut candidates = candidates.into_iter();
        while survivors.len() < usize::from(needed) {
            let lacking = usize::from(needed) - survivors.len();
            let round: Vec<u8> = candidates.by_ref().take(lacking).collect();
            if round.is_empty() {
                let readable = u8::try_from(survivors.len()).expect("below k");
                return Err(ReadError::Unrecoverable {
                    data: self.location.data,
                    readable,
                    needed,
                });
            }
            let reads = round.iter().map(|shard| self.read(sources, *shard, range.clone()));
            for one in join_all(reads).await.into_iter().flatten() {
                survivors.push((one.shard, range.start, one.verified.bytes));
            }
        }
        survivors.truncate(usize::from(needed));
        survivors.sort_by_key(|(shard, ..)| *shard);
        Ok(survivors)
    }

    /// The bytes of a part, and all that was verified for it into the cache.
    fn deliver(&self, part: &SlicePart, held: &[Held]) -> Bytes {
        let one = held.iter().find(|one| one.shard == part.index).expect("read or restored");
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
