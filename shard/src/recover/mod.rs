//! The index, read back from the segments of a drive. Runs once, while the drive is opened.
//!
//! Each core reads its share of the segments and hands what it finds to the lanes' owners. What is
//! bad above the last watermark is a torn tail and cut; what is bad below is corruption: counted,
//! told, and left for repair. Never writes to a segment.

mod scan;
mod window;

use crate::append::Segment;
use crate::drive::local::LocalDrive;
use crate::lane::{Lanes, RunEntry};
use crate::segment::header::RUNS_START;
use crate::segment::{Class, FileName, parse_file_name};
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::RECOVERED_RUNS_PER_CALL;
use hamster_core::mesh::MeshClosed;
use scan::Scan;
use std::io;
use std::sync::atomic::Ordering;

/// A segment with less room than this part of its length is not taken up again.
const ROOM_FRACTION: u64 = 8;

/// Why a drive was not recovered.
pub(crate) enum RecoverError {
    /// Its directory cannot be read: it must leave service.
    Drive(io::Error),
    /// The node is going down.
    Closed,
}

impl From<io::Error> for RecoverError {
    fn from(error: io::Error) -> Self {
        Self::Drive(error)
    }
}

impl From<MeshClosed> for RecoverError {
    fn from(_: MeshClosed) -> Self {
        Self::Closed
    }
}

/// Segments of a drive that still have room, by class.
#[derive(Default)]
pub(crate) struct Unfinished {
    pub small: Vec<Segment>,
    pub bulk: Vec<Segment>,
}

/// Reads this core's share of the segments of `drive`.
pub(crate) async fn drive(drive: &LocalDrive, lanes: &Lanes) -> Result<Unfinished, RecoverError> {
    let mut unfinished = Unfinished::default();
    let step = u64::from(drive.core.count());
    let is_own = |number: SegmentNumber| number.get() % step == u64::from(drive.core.index().get());
    for entry in drive.segments.list().await? {
        match parse_file_name(&entry.name) {
            Some(FileName::Draft(number)) if is_own(number) => {
                drive.segments.remove(&entry.name).await?;
            }
            Some(FileName::Segment(number, class)) => {
                drive.take_number(number);
                if is_own(number) {
                    let segment = segment(drive, lanes, number, class).await?;
                    match class {
                        Class::Small => unfinished.small.extend(segment),
                        Class::Bulk => unfinished.bulk.extend(segment),
                    }
                }
            }
            Some(FileName::Draft(_)) | None => {}
        }
    }
    Ok(unfinished)
}

/// Reads one segment and hands over its runs. Returns it if it has room and a clean end.
async fn segment(
    drive: &LocalDrive,
    lanes: &Lanes,
    number: SegmentNumber,
    class: Class,
) -> Result<Option<Segment>, RecoverError> {
    let file = drive.segment(number, class).await?;
    let length = file.length().await?.get();
    let mut scan = Scan::new(drive, &file, number, class, length);
    let mut found: Vec<RunEntry> = Vec::new();
    let outcome = loop {
        match scan.next().await {
            Ok(Some(run)) => found.push(run),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        if found.len() >= RECOVERED_RUNS_PER_CALL {
            lanes.keep(std::mem::take(&mut found)).await?;
        }
    };
    lanes.keep(found).await?;
    let gauges = drive.gauges();
    gauges.segment_bytes.fetch_add(length, Ordering::Relaxed);
    gauges.record_bytes.fetch_add(scan.end(), Ordering::Relaxed);
    if let Err(error) = outcome {
        gauges.corruptions.fetch_add(1, Ordering::Relaxed);
        tracing::error!(drive = %drive.ordinal, segment = %number, %error, "unreadable from here on");
        return Ok(None);
    }
    let corrupt = scan.corrupt();
    if !corrupt.is_empty() {
        gauges.corruptions.fetch_add(corrupt.len() as u64, Ordering::Relaxed);
        tracing::error!(drive = %drive.ordinal, segment = %number, ?corrupt, "damaged runs");
    }
    let end = scan.end().min(length);
    let generation = scan.generation();
    if length - end < length / ROOM_FRACTION || !scan.is_clean().await? {
        return Ok(None);
    }
    Ok(generation.map(|generation| Segment {
        file,
        number,
        generation,
        length,
        position: end,
        // Nothing that was found was synced by this process.
        watermark: RUNS_START,
    }))
}
