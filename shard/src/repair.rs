//! Repair: rebuilds shards of a body from k others that verify. Called by the node, which holds a
//! lease on the body meanwhile and commits where the shards are then.
//!
//! A shard that is rotten in place is written again under its own name. The index goes by the newer
//! *table*, so the entries of the rotten runs must be in a table before the new ones are made.

use crate::append::{Append, Payload, Pending};
use crate::drive::DriveState;
use crate::free;
use crate::geometry::{Geometry, is_sound};
use crate::index::Wanted;
use crate::lane::RunEntry;
use crate::location::{Location, Piece};
use crate::read::{ReadError, Sources, StripeRead};
use crate::segment::run::{RunContent, shard_checksum};
use crate::shards::{ShardDrive, Shards};
use crate::write::pad_to_blocks;
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hamster_core::checksum::{Crc64, Crc64State};
use hamster_core::ids::{DataId, DriveOrdinal, ShardIndex};
use hamster_core::limits::{BLOCK_BYTES, SMALL_BODY_BYTES_MAX};
use hamster_core::plant::{Plant, planted};
use hamster_core::sync::Permit;
use hamster_core::{Buffer, ByteCount};
use std::rc::Rc;

/// Where a shard is to be rebuilt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Which.
    pub shard: ShardIndex,
    /// A drive that takes writes and holds no other shard of the body.
    pub drive: DriveOrdinal,
}

/// Why shards are as they were.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RepairError {
    /// There are not enough good shards, or the node is shutting down.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// A drive did not take what was rebuilt.
    #[error("{0} takes no writes")]
    NoRoom(DriveOrdinal),
    /// What the others give is not what was written: no shard is made of it.
    #[error("{data}: shard {shard} would not be what was written")]
    Mismatch {
        /// The body.
        data: DataId,
        /// The shard.
        shard: ShardIndex,
    },
    /// The index of a drive has no table of the rotten runs; it is tried again.
    #[error("the index of {0} is behind")]
    IndexBehind(DriveOrdinal),
}

/// A shard being rebuilt.
struct Rebuilt<'a> {
    target: Target,
    drive: &'a ShardDrive,
    /// As metadata has it.
    known: Option<Crc64>,
    checksum: Crc64State,
    /// What stood there before under its name.
    former: Vec<RunEntry>,
}

/// Rebuilds shards from others that are not `bad`. Returns their pieces when they are durable.
pub(crate) async fn rebuild(
    shards: &Shards,
    location: &Location,
    targets: &[Target],
    bad: &[ShardIndex],
) -> Result<Vec<Piece>, RepairError> {
    let Location { data, k, m, slice_bytes, .. } = *location;
    if !is_sound(k, m, slice_bytes) {
        return Err(ReadError::Unrecoverable { data, readable: 0, needed: k }.into());
    }
    let mut rebuilt = Vec::with_capacity(targets.len());
    for &target in targets {
        let drive = shards.drive(target.drive).ok_or(RepairError::NoRoom(target.drive))?;
        let former = settle_former(shards, data, target).await?;
        let piece = location.pieces.get(usize::from(target.shard.get()));
        rebuilt.push(Rebuilt {
            target,
            drive,
            known: piece.and_then(|piece| piece.checksum),
            checksum: shard_checksum(data, target.shard),
            former,
        });
    }
    let stripes = Geometry::of(location).stripes();
    for stripe in 0..stripes {
        one_stripe(shards, location, &mut rebuilt, bad, (stripe, stripes)).await?;
    }
    for one in &rebuilt {
        free::superseded(shards, one.drive, &one.former, slice_bytes).await?;
    }
    let piece =
        |one: &Rebuilt| Piece { drive: one.target.drive, checksum: Some(one.checksum.finish()) };
    Ok(rebuilt.iter().map(piece).collect())
}

/// The runs that stand in place of a shard now, all of them in tables.
async fn settle_former(
    shards: &Shards,
    data: DataId,
    target: Target,
) -> Result<Vec<RunEntry>, RepairError> {
    let closed = |_| ReadError::ShuttingDown;
    let wanted = Wanted { data, range: 0..u64::MAX };
    let lanes = shards.lanes();
    let mut former = lanes.find(wanted, vec![target.drive]).await.map_err(closed)?;
    former.retain(|run| run.shard == target.shard);
    for run in &former {
        if !lanes.settle(target.drive, &run.placement).await.map_err(closed)? {
            return Err(RepairError::IndexBehind(target.drive));
        }
    }
    Ok(former)
}

async fn one_stripe(
    shards: &Shards,
    location: &Location,
    rebuilt: &mut [Rebuilt<'_>],
    bad: &[ShardIndex],
    (number, stripes): (u64, u64),
) -> Result<(), RepairError> {
    let Location { data, k, m, slice_bytes, .. } = *location;
    let length = Geometry::of(location).slice_bytes_of(number);
    let stripe = StripeRead { shards, location, parts: &[] };
    let _memory = shards.slices_to_read(usize::from(k), length).await;
    let sources = stripe.sources(number).await?;
    let survivors = survivors(&stripe, &sources, rebuilt, bad, length).await?;
    let permit = Rc::new(shards.slices_to_write(rebuilt.len(), length).await);
    let last = number + 1 == stripes;
    let mut slices = Vec::with_capacity(rebuilt.len());
    for one in rebuilt.iter_mut() {
        let padded = ByteCount::new(length).align_up(BLOCK_BYTES);
        let mut slice = shards.core().buffers().take(padded).await;
        slice.set_length(usize::try_from(length).expect("at most a slice"));
        shards.restorer().restore(k, m, one.target.shard.get(), &survivors, &mut slice);
        one.checksum.update(&slice);
        // Why before the last run is written: without it the shard is not whole, and is not read.
        let shard = one.target.shard;
        let compares = !planted(Plant::RepairsFromUnverified);
        if last && compares && one.known.is_some_and(|known| known != one.checksum.finish()) {
            return Err(RepairError::Mismatch { data, shard });
        }
        slices.push(slice);
        // Restoring takes about 100 µs for 1 MiB.
        shards.core().tasks().yield_now().await;
    }
    let mut pending = Vec::with_capacity(rebuilt.len());
    for (one, slice) in rebuilt.iter().zip(slices) {
        let content = RunContent {
            data,
            shard: one.target.shard,
            run: u32::try_from(number).expect("as it was written"),
            k,
            m,
            slice_bytes,
            shard_offset: number * u64::from(slice_bytes),
            payload_bytes: u32::try_from(length).expect("at most a slice"),
            last,
        };
        pending.push((one, append(one.drive, location, content, slice, &permit).await));
    }
    for (one, pending) in pending {
        pending.wait().await.map_err(|_| RepairError::NoRoom(one.target.drive))?;
    }
    Ok(())
}

/// The slices of k good shards.
async fn survivors(
    stripe: &StripeRead<'_>,
    sources: &Sources,
    rebuilt: &[Rebuilt<'_>],
    bad: &[ShardIndex],
    length: u64,
) -> Result<Vec<(u8, Bytes)>, ReadError> {
    let Location { data, k, m, .. } = *stripe.location;
    let is_target = |shard: u8| rebuilt.iter().any(|one| one.target.shard.get() == shard);
    let is_bad = |shard: u8| bad.contains(&ShardIndex::new(shard));
    let good = (0..k + m).filter(|shard| !is_target(*shard) && !is_bad(*shard));
    let mut good: Vec<u8> = good.filter(|shard| stripe.drive(*shard).is_some()).collect();
    // A poisoned drive is asked last.
    good.sort_by_key(|shard| stripe.state(*shard) == DriveState::Poisoned);
    let read =
        |shard: u8| async move { (shard, stripe.read_patiently(sources, shard, 0..length).await) };
    let mut others = good.into_iter();
    let mut reads: FuturesUnordered<_> = others.by_ref().take(usize::from(k)).map(read).collect();
    let mut survivors = Vec::with_capacity(usize::from(k));
    while let Some((shard, outcome)) = reads.next().await {
        match outcome {
            Ok(held) => survivors.push((shard, held.bytes().clone())),
            Err(_) => reads.extend(others.next().map(read)),
        }
    }
    let readable = u8::try_from(survivors.len()).expect("at most k");
    if readable < k {
        return Err(ReadError::Unrecoverable { data, readable, needed: k });
    }
    survivors.sort_by_key(|(shard, _)| *shard);
    Ok(survivors)
}

async fn append(
    drive: &ShardDrive,
    location: &Location,
    content: RunContent,
    mut slice: Buffer,
    permit: &Rc<Permit>,
) -> Pending {
    let chunks = content.checksum_chunks(&slice);
    let is_small = location.k == 1 && location.stored_bytes <= SMALL_BODY_BYTES_MAX.get();
    let (appender, payload) = if is_small {
        (&drive.small, Payload::Packed(Bytes::copy_from_slice(&slice)))
    } else {
        let length = slice.len();
        pad_to_blocks(&mut slice, length);
        (&drive.bulk, Payload::Aligned(Some(slice)))
    };
    let (durable, permit, writer_epoch) = (content.last, Some(Rc::clone(permit)), None);
    appender.append(Append { content, chunks, payload, durable, permit, writer_epoch }).await
}
