//! Gives the space of dead bodies back. Called by the node, for what metadata says is dead and no
//! core holds a lease on.
//!
//! The payload of a bulk run is punched out of its segment; its header stays, so that a scan finds
//! its way. A small run stays where it is and counts as dead in its segment, which is compacted when
//! enough of it is. Either way a crash loses at most that it was done, and it is done again: the
//! caller forgets a body only after this says that it was freed. A drive that is out of service is
//! left alone: what it holds is unreferenced, whenever it comes back.

use crate::drive::Failure;
use crate::drive::local::LocalDrive;
use crate::index::{Dead, Placement, Wanted};
use crate::lane::RunEntry;
use crate::location::Location;
use crate::read::ReadError;
use crate::segment::Class;
use crate::segment::run::{Framing, RunHeader, chunk_bytes, framing};
use crate::shards::{ShardDrive, Shards};
use hamster_core::disk::is_full;
use hamster_core::ids::{DriveOrdinal, SegmentNumber};
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::mesh::MeshClosed;
use hamster_core::{ByteCount, File, Set};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

/// Frees every shard of these bodies, and tells of each whether all of it is free now. What was freed
/// before is left out: nothing is wrong with it.
pub(crate) async fn bodies(shards: &Shards, bodies: &[Location]) -> Result<Vec<bool>, MeshClosed> {
    let mut is_free = vec![true; bodies.len()];
    let mut by_drive = BTreeMap::<DriveOrdinal, Vec<(usize, &Location)>>::new();
    for (at, body) in bodies.iter().enumerate() {
        for piece in &body.pieces {
            by_drive.entry(piece.drive).or_default().push((at, body));
        }
    }
    for (ordinal, bodies) in by_drive {
        let Some(drive) = shards.drive(ordinal) else { continue };
        if !shards.drives().in_service(ordinal) {
            continue;
        }
        let mut dead = Vec::new();
        let mut owners = Vec::new();
        for (at, body) in bodies {
            let wanted = Wanted { data: body.data, range: 0..u64::MAX };
            let Some(found) = shards.lanes().find_all(wanted, ordinal).await? else {
                tracing::warn!(drive = %ordinal, data = %body.data, "cannot be freed there now");
                is_free[at] = false;
                continue;
            };
            for run in found {
                dead.push((run.placement, body.slice_bytes));
                owners.push(at);
            }
        }
        for left in runs(shards, drive, &dead).await?.left {
            is_free[owners[left]] = false;
        }
    }
    Ok(is_free)
}

/// Frees runs that were written anew elsewhere on their drive.
pub(crate) async fn superseded(
    shards: &Shards,
    drive: &ShardDrive,
    former: &[RunEntry],
    slice_bytes: u32,
) -> Result<(), ReadError> {
    let dead = former.iter().map(|run| (run.placement.clone(), slice_bytes));
    let dead: Vec<_> = dead.collect();
    runs(shards, drive, &dead).await.map(drop).map_err(|_| ReadError::ShuttingDown)
}

/// Frees runs of bulk segments that belong to nothing. Returns how many were not free yet.
pub(crate) async fn strays(
    shards: &Shards,
    drive: &ShardDrive,
    strays: &[RunEntry],
) -> Result<u64, MeshClosed> {
    let mut dead = Vec::new();
    for run in strays {
        match slice_bytes(&drive.local, run).await {
            Ok(Some(slice_bytes)) => dead.push((run.placement.clone(), slice_bytes)),
            // What is rotten is told by a scrub, if anyone needs it.
            Ok(None) => {}
            Err(error) => failed(&drive.local, &error),
        }
    }
    Ok(runs(shards, drive, &dead).await?.freed)
}

/// As the run itself says.
async fn slice_bytes(drive: &LocalDrive, run: &RunEntry) -> io::Result<Option<u32>> {
    let place = &run.placement;
    let file = drive.segment(place.segment, place.class).await?;
    let block = drive.core.buffers().take(BLOCK_BYTES).await;
    let (block, outcome) = file.read_at(place.position, block).await;
    let header = block.get(..outcome?).and_then(RunHeader::decode);
    let header = header
        .filter(|header| (header.content.data, header.content.shard) == (run.data, run.shard));
    Ok(header.map(|header| header.content.slice_bytes))
}

/// What came of freeing runs.
#[derive(Default)]
struct Freed {
    /// So many were not free yet, and are now.
    freed: u64,
    /// Those, by their place in the list, that are still in the way.
    left: Vec<usize>,
}

/// Frees runs of a drive, each of a body with slices of this length.
async fn runs(
    shards: &Shards,
    drive: &ShardDrive,
    runs: &[(Placement, u32)],
) -> Result<Freed, MeshClosed> {
    // Why one after the other: of two who free the same run, one must see what the other has done.
    let _turn = shards.turn_to_free().await;
    let local = &drive.local;
    // A drive that has left meanwhile is left alone.
    let punched = local.while_in_service(punch(local, runs)).await;
    let (dead, left) = punched.unwrap_or_default();
    let freed = dead.len() as u64;
    shards.lanes().died(local.ordinal, dead).await?;
    Ok(Freed { freed, left })
}

/// What of these was not free yet, and is now, durably; and which could not be freed.
async fn punch(local: &LocalDrive, runs: &[(Placement, u32)]) -> (Vec<Dead>, Vec<usize>) {
    let (mut dead, mut left) = (Vec::new(), Vec::new());
    let mut punched = Set::default();
    for (at, (place, slice_bytes)) in runs.iter().enumerate() {
        match free(local, place, *slice_bytes).await {
            Ok(freed) => {
                if place.class == Class::Bulk {
                    punched.insert(place.segment);
                }
                dead.extend(freed);
            }
            // A file system may need space to give some back.
            Err(error) if is_full(&error) => left.push(at),
            Err(error) => failed(local, &error),
        }
    }
    // Why: a punch that a power cut undoes would bring back what nobody remembers.
    for segment in punched {
        if let Err(error) = sync(local, segment).await {
            failed(local, &error);
        }
    }
    (dead, left)
}

async fn free(drive: &LocalDrive, place: &Placement, slice_bytes: u32) -> io::Result<Option<Dead>> {
    let chunks = u64::from(place.payload_bytes).div_ceil(chunk_bytes(slice_bytes));
    let Framing { payload, footer, end } = framing(place.class, place.payload_bytes, chunks);
    let dead = Dead { segment: place.segment, bytes: end };
    if place.class == Class::Bulk {
        let file = drive.segment(place.segment, place.class).await?;
        if is_punched(drive, &file, place.position + footer).await? {
            return Ok(None);
        }
        file.punch(place.position + payload, ByteCount::new(end - payload)).await?;
        let gauges = drive.gauges();
        gauges.segment_bytes.fetch_sub(end - payload, Ordering::Relaxed);
        gauges.record_bytes.fetch_sub(end - payload, Ordering::Relaxed);
    }
    Ok(Some(dead))
}

/// Whether a run was freed before: where its footer stood are zeroes.
async fn is_punched(drive: &LocalDrive, file: &File, footer: u64) -> io::Result<bool> {
    let block = drive.core.buffers().take(BLOCK_BYTES).await;
    let (block, outcome) = file.read_at(footer, block).await;
    let read = outcome?;
    Ok(block.iter().take(read).all(|&byte| byte == 0))
}

async fn sync(drive: &LocalDrive, segment: SegmentNumber) -> io::Result<()> {
    let file = drive.segment(segment, Class::Bulk).await?;
    drive.count(0, 1);
    file.sync().await
}

fn failed(drive: &LocalDrive, error: &io::Error) {
    match error.kind() {
        // Its segment is gone already.
        io::ErrorKind::NotFound => {}
        _ => drive.fail(Failure::of(error), "freeing space", error),
    }
}
