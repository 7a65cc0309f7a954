//! Reads a part of one shard from its drive and verifies it.

use super::flight::Flight;
use crate::drive::local::LocalDrive;
use crate::index::Placement;
use crate::lane::RunEntry;
use crate::segment::Class;
use crate::segment::run::{FOOTER_BYTES, HEADER_BYTES, RunHeader, chunk_bytes, chunk_checksum};
use crate::shards::{ShardDrive, Shards};
use bytes::Bytes;
use hamster_core::checksum::Crc64;
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::plant::{Plant, planted};
use hamster_core::{Buffer, ByteCount};
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use Unreadable::Failed;

/// The bytes cannot be had from this shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// The segment is not there: what is needed of it may be elsewhere on the drive by now.
    Gone,
    /// The drive does not give them, or gives others.
    Failed,
}

/// Verified bytes, and the memory they keep.
#[derive(Clone)]
pub(super) struct Verified {
    pub bytes: Bytes,
    pub memory: ByteCount,
}

impl Verified {
    /// Bytes that fill most of their buffer stay there; of others a copy is cheaper to keep.
    fn within(buffer: Buffer, range: Range<usize>) -> Self {
        let capacity = buffer.capacity();
        if range.len() * 2 <= capacity {
            let bytes = Bytes::copy_from_slice(&buffer[range]);
            let memory = ByteCount::of(bytes.len());
            return Self { bytes, memory };
        }
        Self { bytes: buffer.freeze().slice(range), memory: ByteCount::of(capacity) }
    }

    /// All of a buffer that was filled with restored bytes.
    pub fn whole(buffer: Buffer) -> Self {
        let length = buffer.len();
        Self::within(buffer, 0..length)
    }
}

/// Reads `wanted` (whole chunks, an offset range of the shard) from `run`, which holds all of it.
pub(super) async fn read(
    shards: &Shards,
    drive: &ShardDrive,
    run: &RunEntry,
    slice_bytes: u32,
    wanted: Range<u64>,
) -> Result<Verified, Unreadable> {
    let start = run.shard_offset;
    let within = wanted.start - start..wanted.end - start;
    let found = match &run.placement.chunks {
        Some(chunks) => bulk(shards, drive, run, chunks, slice_bytes, within).await?,
        None => packed(shards, drive, run, slice_bytes, within).await?,
    };
    match found {
        Some(verified) => Ok(verified),
        None => Err(corrupt(&drive.local, run).await),
    }
}

/// A bulk run: its chunks are known, and start at blocks. `None`: other bytes stand there.
async fn bulk(
    shards: &Shards,
    drive: &ShardDrive,
    run: &RunEntry,
    chunks: &[Crc64],
    slice_bytes: u32,
    within: Range<u64>,
) -> Result<Option<Verified>, Unreadable> {
    let payload = (HEADER_BYTES as u64).next_multiple_of(Class::Bulk.alignment());
    let offset = run.placement.position + payload + within.start;
    let length = usize::try_from(within.end - within.start).map_err(|_| Failed)?;
    let buffer = extent(shards, drive, &run.placement, offset, offset + length as u64).await?;
    let bytes = buffer.get(..length).ok_or(Failed)?;
    let good = is_good(run, chunks, slice_bytes, within.start, bytes);
    Ok(good.then(|| Verified::within(buffer, 0..length)))
}

/// A packed run: read as a whole, with the checksums in its footer. `None`: other bytes stand there.
async fn packed(
    shards: &Shards,
    drive: &ShardDrive,
    run: &RunEntry,
    slice_bytes: u32,
    within: Range<u64>,
) -> Result<Option<Verified>, Unreadable> {
    let payload_bytes = u64::from(run.placement.payload_bytes);
    let chunk_count = payload_bytes.div_ceil(chunk_bytes(slice_bytes));
    let position = run.placement.position;
    let alignment = Class::Small.alignment();
    let footer = (HEADER_BYTES as u64 + payload_bytes).next_multiple_of(alignment);
    let end = position + footer + FOOTER_BYTES as u64 + 8 * chunk_count;
    let block = BLOCK_BYTES.get();
    let start = position / block * block;
    let buffer = extent(shards, drive, &run.placement, start, end.next_multiple_of(block)).await?;
    let at = |offset: u64| usize::try_from(position - start + offset).map_err(|_| Failed);
    let header = buffer.get(at(0)?..).and_then(RunHeader::decode).filter(|header| {
        let (content, place) = (&header.content, &header.place);
        planted(Plant::SkipsNameCheck)
            || (content.data, content.shard) == (run.data, run.shard)
                && content.shard_offset == run.shard_offset
                && content.payload_bytes == run.placement.payload_bytes
                && (place.drive, place.segment) == (drive.local.uuid, run.placement.segment)
                && place.generation == run.placement.generation
                && place.position == position
    });
    let renamed = header.as_ref().filter(|_| planted(Plant::SkipsNameCheck)).map(|header| {
        RunEntry { data: header.content.data, shard: header.content.shard, ..run.clone() }
    });
    let chunks = header.and_then(|header| header.decode_footer(buffer.get(at(footer).ok()?..)?));
    let Some(chunks) = chunks else { return Ok(None) };
    let range = at(HEADER_BYTES as u64 + within.start)?..at(HEADER_BYTES as u64 + within.end)?;
    let bytes = buffer.get(range.clone()).ok_or(Failed)?;
    let good = is_good(renamed.as_ref().unwrap_or(run), &chunks, slice_bytes, within.start, bytes);
    Ok(good.then(|| Verified::within(buffer, range)))
}

/// For [`Plant::RepairsFromUnverified`]: `wanted` of a bulk run, whatever stands there.
pub(super) async fn unverified(
    shards: &Shards,
    drive: &ShardDrive,
    run: &RunEntry,
    wanted: Range<u64>,
) -> Result<Verified, Unreadable> {
    let payload = (HEADER_BYTES as u64).next_multiple_of(Class::Bulk.alignment());
    let start = run.placement.position + payload + wanted.start - run.shard_offset;
    let length = wanted.end - wanted.start;
    let buffer = extent(shards, drive, &run.placement, start, start + length).await?;
    Ok(Verified::within(buffer, 0..usize::try_from(length).map_err(|_| Failed)?))
}

/// Reads whole blocks of the segment.
async fn extent(
    shards: &Shards,
    drive: &ShardDrive,
    placement: &Placement,
    start: u64,
    end: u64,
) -> Result<Buffer, Unreadable> {
    let length = ByteCount::new(end - start).align_up(BLOCK_BYTES);
    // Before the memory: a drive that hangs keeps nobody waiting with a buffer.
    let slot = drive.pace.slot(length).await;
    let buffer = match shards.read_buffers().try_take(length) {
        Some(buffer) => buffer,
        None => {
            shards.cache().borrow_mut().yield_memory();
            shards.read_buffers().take(length).await
        }
    };
    drive.local.gauges().reads.fetch_add(1, Ordering::Relaxed);
    let outcome = Flight::start(shards, drive, placement, start, buffer, slot).await;
    outcome.map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return Unreadable::Gone;
        }
        let (segment, drive) = (placement.segment, drive.local.ordinal);
        tracing::warn!(%drive, %segment, start, %error, "a read failed");
        Failed
    })
}

/// Checks `bytes`, which start with a chunk, `from` the start of the run's payload.
fn is_good(run: &RunEntry, chunks: &[Crc64], slice_bytes: u32, from: u64, bytes: &[u8]) -> bool {
    let is_part = bytes.len() as u64 != u64::from(run.placement.payload_bytes);
    if planted(Plant::SkipsChecksumOfRange) && is_part {
        return true;
    }
    let unit = chunk_bytes(slice_bytes);
    let first_in_shard = (run.shard_offset + from) / unit;
    let (Ok(first_in_run), Ok(unit)) = (usize::try_from(from / unit), usize::try_from(unit)) else {
        return false;
    };
    let pieces = bytes.chunks(unit);
    let Some(known) = chunks.get(first_in_run..first_in_run + pieces.len()) else { return false };
    let mut checked = (first_in_shard..).zip(pieces.zip(known));
    checked
        .all(|(chunk, (bytes, known))| chunk_checksum(run.data, run.shard, chunk, bytes) == *known)
}

/// Counts rot, unless the segment was retired since the place was looked up: its file may hold
/// other runs by now, and what is needed of it stands elsewhere.
async fn corrupt(drive: &LocalDrive, run: &RunEntry) -> Unreadable {
    if drive.is_retired(run.placement.segment, run.placement.class).await {
        return Unreadable::Gone;
    }
    drive.gauges().corruptions.fetch_add(1, Ordering::Relaxed);
    let RunEntry { data, shard, placement, .. } = run;
    let (segment, position) = (placement.segment, placement.position);
    tracing::error!(drive = %drive.ordinal, %data, %shard, %segment, position, "bytes are corrupt");
    Failed
}
