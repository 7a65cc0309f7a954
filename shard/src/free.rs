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
use crate::index::{Dead, Wanted};
use crate::lane::RunEntry;
use crate::location::Location;
use crate::segment::Class;
use crate::segment::run::{Framing, chunk_bytes, framing};
use crate::shards::Shards;
use hamster_core::disk::is_full;
use hamster_core::ids::{DriveOrdinal, SegmentNumber};
use hamster_core::mesh::MeshClosed;
use hamster_core::{ByteCount, Set};
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
        let mut punched = Set::default();
        for (at, body) in bodies {
            let wanted = Wanted { data: body.data, range: 0..u64::MAX };
            let Some(runs) = shards.lanes().find_all(wanted, ordinal).await? else {
                tracing::warn!(drive = %ordinal, data = %body.data, "cannot be freed there now");
                is_free[at] = false;
                continue;
            };
            for run in runs {
                match free(&drive.local, body, &run).await {
                    Ok(freed) => {
                        if run.placement.class == Class::Bulk {
                            punched.insert(run.placement.segment);
                        }
                        dead.extend(freed);
                    }
                    // A file system may need space to give some back.
                    Err(error) if is_full(&error) => is_free[at] = false,
                    Err(error) => failed(&drive.local, &error),
                }
            }
        }
        // Why: a punch that a power cut undoes would bring back what nobody remembers.
        for segment in punched {
            if let Err(error) = sync(&drive.local, segment).await {
                failed(&drive.local, &error);
            }
        }
        shards.lanes().died(ordinal, dead).await?;
    }
    Ok(is_free)
}

async fn free(drive: &LocalDrive, body: &Location, run: &RunEntry) -> io::Result<Option<Dead>> {
    let place = &run.placement;
    let chunks = u64::from(place.payload_bytes).div_ceil(chunk_bytes(body.slice_bytes));
    let Framing { payload, end, .. } = framing(place.class, place.payload_bytes, chunks);
    let dead = Dead { segment: place.segment, bytes: end };
    if place.class == Class::Bulk {
        let file = drive.segment(place.segment, place.class).await?;
        let before = file.allocated().await?;
        file.punch(place.position + payload, ByteCount::new(end - payload)).await?;
        let freed = before.saturating_sub(file.allocated().await?);
        let gauges = drive.gauges();
        gauges.segment_bytes.fetch_sub(freed.get(), Ordering::Relaxed);
        gauges.record_bytes.fetch_sub(freed.get(), Ordering::Relaxed);
        if freed == ByteCount::ZERO {
            return Ok(None);
        }
    }
    Ok(Some(dead))
}

async fn sync(drive: &LocalDrive, segment: SegmentNumber) -> io::Result<()> {
    drive.segment(segment, Class::Bulk).await?.sync().await
}

fn failed(drive: &LocalDrive, error: &io::Error) {
    match error.kind() {
        // Its segment is gone already.
        io::ErrorKind::NotFound => {}
        _ => drive.fail(Failure::of(error), "freeing space", error),
    }
}
