//! Scrub: is every shard of a body where metadata says, whole and good? Called by the node, which
//! holds a lease on the body meanwhile.

use crate::geometry::{Geometry, is_sound};
use crate::index::Wanted;
use crate::lane::RunEntry;
use crate::location::Location;
use crate::read::{ReadError, StripeRead};
use crate::segment::run::shard_checksum;
use crate::shards::Shards;
use futures_util::future::join_all;
use hamster_core::checksum::Crc64State;
use hamster_core::ids::ShardIndex;

/// How closely a body is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Not at all: only what metadata itself says is missing counts.
    Record,
    /// Does the index know runs for all of it?
    Index,
    /// Is every byte there, and as metadata says?
    Bytes,
}

/// What a look at a body found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Shards on drives in service that are missing or rotten there.
    pub bad: Vec<ShardIndex>,
    /// Bytes that were read and verified.
    pub bytes: u64,
}

/// A shard while it is read.
struct Trial {
    shard: ShardIndex,
    checksum: Crc64State,
    good: bool,
}

pub(crate) async fn check(
    shards: &Shards,
    location: &Location,
    depth: Depth,
) -> Result<Checked, ReadError> {
    let Location { data, k, m, slice_bytes, .. } = *location;
    if !is_sound(k, m, slice_bytes) {
        return Err(ReadError::Unrecoverable { data, readable: 0, needed: k });
    }
    if depth == Depth::Record {
        return Ok(Checked::default());
    }
    let drives = shards.drives();
    let promised = (0..)
        .map(ShardIndex::new)
        .zip(&location.pieces)
        .filter(|(_, piece)| piece.checksum.is_some() && drives.in_service(piece.drive));
    let promised: Vec<_> = promised.collect();
    let wanted = Wanted { data, range: 0..u64::MAX };
    let ordinals = promised.iter().map(|(_, piece)| piece.drive).collect();
    let runs = shards.lanes().find(wanted, ordinals).await;
    let runs = runs.map_err(|_| ReadError::ShuttingDown)?;
    let length = Geometry::of(location).shard_bytes();
    let trials = promised.iter().map(|(shard, piece)| {
        let own = runs.iter().filter(|run| (run.shard, run.drive) == (*shard, piece.drive));
        let (shard, checksum) = (*shard, shard_checksum(data, *shard));
        Trial { shard, checksum, good: holds_all(own, length) }
    });
    let mut trials: Vec<Trial> = trials.collect();
    let mut bytes = 0;
    if depth == Depth::Bytes {
        bytes = read_all(shards, location, &mut trials).await?;
        for (trial, (_, piece)) in trials.iter_mut().zip(&promised) {
            trial.good &= Some(trial.checksum.finish()) == piece.checksum;
        }
    }
    let bad = trials.iter().filter(|trial| !trial.good).map(|trial| trial.shard).collect();
    Ok(Checked { bad, bytes })
}

/// Whether runs hold the bytes of a shard without a gap. They come in the order of their offsets.
fn holds_all<'a>(runs: impl Iterator<Item = &'a RunEntry>, length: u64) -> bool {
    let mut held = 0;
    for run in runs {
        if run.shard_offset > held {
            return false;
        }
        held = held.max(run.range().end);
    }
    held >= length
}

async fn read_all(
    shards: &Shards,
    location: &Location,
    trials: &mut [Trial],
) -> Result<u64, ReadError> {
    let geometry = Geometry::of(location);
    let mut bytes = 0;
    for number in 0..geometry.stripes() {
        let length = geometry.slice_bytes_of(number);
        let stripe = StripeRead { shards, location, parts: &[] };
        let _memory = shards.slices_to_read(trials.len(), length).await;
        let sources = stripe.sources(number).await?;
        let reads = trials.iter_mut().filter(|trial| trial.good).map(|trial| {
            let (stripe, sources) = (&stripe, &sources);
            async move {
                match stripe.read_patiently(sources, trial.shard.get(), 0..length).await {
                    Ok(held) => trial.checksum.update(held.bytes()),
                    Err(_) => trial.good = false,
                }
                trial.good
            }
        });
        let good = join_all(reads).await.into_iter().filter(|good| *good).count();
        bytes += length * good as u64;
        // Checksums take some 50 µs for 1 MiB.
        shards.core().tasks().yield_now().await;
    }
    Ok(bytes)
}
