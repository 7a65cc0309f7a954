//! Gives the space of dead bodies back. Called by the node, for what metadata says is dead and no
//! core holds a lease on.
//!
//! The payload of a bulk run is punched out of its segment; its header stays, so that a scan finds
//! its way. A small run stays where it is and counts as dead in its segment, which is compacted when
//! enough of it is. Either way a crash loses at most that it was done, and it is done again: the
//! caller forgets a body only after this returns. A drive that is out of service is left alone:
//! what it holds is unreferenced, whenever it comes back.

use crate::drive::Failure;
use crate::drive::local::LocalDrive;
use crate::index::{Dead, Placement, Wanted};
use crate::lane::RunEntry;
use crate::location::Location;
use crate::read::ReadError;
use crate::segment::Class;
use crate::segment::run::{Framing, RunHeader, chunk_bytes, framing};
use crate::shards::{ShardDrive, Shards};
use hamster_core::ids::{DriveOrdinal, SegmentNumber};
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::mesh::MeshClosed;
use hamster_core::{ByteCount, File, Set};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

/// Frees every shard of these bodies. What was freed before is left out: nothing is wrong with it.
pub(crate) async fn bodies(shards: &Shards, bodies: &[Location]) -> Result<(), MeshClosed> {
    let mut by_drive = BTreeMap::<DriveOrdinal, Vec<&Location>>::new();
    for body in bodies {
        for piece in &body.pieces {
            by_drive.entry(piece.drive).or_default().push(body);
        }
    }
    for (ordinal, bodies) in by_drive {
        let Some(drive) = shards.drive(ordinal) else { continue };
        if !shards.drives().in_service(ordinal) {
            continue;
        }
        let mut dead = Vec::new();
        for body in bodies {
            let wanted = Wanted { data: body.data, range: 0..u64::MAX };
            for run in shards.lanes().find(wanted, vec![ordinal]).await? {
                dead.push((run.placement, body.slice_bytes));
            }
        }
        runs(shards, drive, &dead).await?;
    }
    Ok(())
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
    runs(shards, drive, &dead).await
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

/// Frees runs of a drive, each of a body with slices of this length. Returns how many were not free
/// yet.
async fn runs(
    shards: &Shards,
    drive: &ShardDrive,
    runs: &[(Placement, u32)],
) -> Result<u64, MeshClosed> {
    // Why one after the other: of two who free the same run, one must see what the other has done.
    let _turn = shards.turn_to_free().await;
    let local = &drive.local;
    let dead = local.while_in_service(punch(local, runs)).await.unwrap_or_default();
    let freed = dead.len() as u64;
    shards.lanes().died(local.ordinal, dead).await?;
    Ok(freed)
}

/// What of these was not free yet, and is now, durably.
async fn punch(local: &LocalDrive, runs: &[(Placement, u32)]) -> Vec<Dead> {
    let mut dead = Vec::new();
    let mut punched = Set::default();
    for (place, slice_bytes) in runs {
        match free(local, place, *slice_bytes).await {
            Ok(freed) => {
                if place.class == Class::Bulk {
                    punched.insert(place.segment);
                }
                dead.extend(freed);
            }
            Err(error) => failed(local, &error),
        }
    }
    // Why: a punch that a power cut undoes would bring back what nobody remembers.
    for segment in punched {
        if let Err(error) = sync(local, segment).await {
            failed(local, &error);
        }
    }
    dead
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
