//! What no table of the index holds yet, read back from the segments of a drive. Runs once, while
//! the drive is opened.
//!
//! Each core reads its share of the segments, each from where its tables end, and hands what it
//! finds to the lanes' owners; a long stretch becomes a table at once. What is bad above the last watermark is a torn tail and cut; what is bad below is corruption: counted,
//! told, and left for repair. Never writes to a segment.

pub(crate) mod scan;
pub(crate) mod window;

use crate::append::{OpenStretch, Segment};
use crate::drive::local::LocalDrive;
use crate::index::Covered;
use crate::lane::Lanes;
use crate::segment::header::RUNS_START;
use crate::segment::{Class, FileName, parse_file_name};
use hamster_core::Map;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::RECOVERED_RUNS_PER_CALL;
use hamster_core::mesh::MeshClosed;
use std::io;
use std::sync::atomic::Ordering;

pub(crate) use scan::{Found, Scan};

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

/// Reads this core's share of the segments of `drive`, of which tables hold what is `covered`.
pub(crate) async fn drive(
    drive: &LocalDrive,
    lanes: &Lanes,
    covered: &[Covered],
) -> Result<Unfinished, RecoverError> {
    let mut unfinished = Unfinished::default();
    // Why: a new segment of such a number would count as covered at the next start.
    covered.iter().for_each(|covered| drive.take_number(covered.segment));
    let covered: Map<SegmentNumber, &Covered> =
        covered.iter().map(|covered| (covered.segment, covered)).collect();
    let step = u64::from(drive.core.count());
    let is_own = |number: SegmentNumber| number.get() % step == u64::from(drive.core.index().get());
    for entry in drive.segments.list().await? {
        let (number, class) = match parse_file_name(&entry.name) {
            Some(FileName::Segment(number, class)) => {
                drive.take_number(number);
                (number, class)
            }
            Some(FileName::Draft(number)) if is_own(number) => {
                drive.segments.remove(&entry.name).await?;
                continue;
            }
            Some(FileName::Spare(number)) => {
                // Why: see `append/spare.rs`.
                drive.take_number(number);
                if is_own(number) {
                    let length = entry.length.get();
                    count(drive, (length, length), 0);
                }
                continue;
            }
            Some(FileName::Draft(_)) | None => continue,
        };
        if !is_own(number) {
            continue;
        }
        let covered = covered.get(&number);
        if let Some(covered) = covered.filter(|covered| covered.sealed) {
            let length = entry.length.get();
            let allocated = match covered.dead_bytes {
                0 => length,
                _ => drive.segment(number, class).await?.allocated().await?.get(),
            };
            count(drive, (length, allocated), covered.upto);
            continue;
        }
        let from = covered.map_or(RUNS_START, |covered| covered.upto);
        let segment = segment(drive, lanes, number, class, from).await?;
        match class {
            Class::Small => unfinished.small.extend(segment),
            Class::Bulk => unfinished.bulk.extend(segment),
        }
    }
    Ok(unfinished)
}

/// Counts a segment with records up to `end`.
fn count(drive: &LocalDrive, (length, allocated): (u64, u64), end: u64) {
    let records = end.saturating_sub(length.saturating_sub(allocated));
    drive.gauges().segment_bytes.fetch_add(allocated, Ordering::Relaxed);
    drive.gauges().record_bytes.fetch_add(records, Ordering::Relaxed);
}

/// Whether no run is left in a segment with records up to `upto`. Where anything is damaged, nobody
/// knows.
pub(crate) async fn is_empty(
    drive: &LocalDrive,
    number: SegmentNumber,
    class: Class,
    upto: u64,
) -> io::Result<bool> {
    let file = drive.segment(number, class).await?;
    let length = file.length().await?.get();
    let mut scan = Scan::new(drive, &file, number, class, length, RUNS_START);
    Ok(scan.next().await?.is_none() && scan.has_read_all(upto))
}

/// Reads one segment from `from` on and hands over its runs. Returns it if it has room and a clean
/// end.
async fn segment(
    drive: &LocalDrive,
    lanes: &Lanes,
    number: SegmentNumber,
    class: Class,
    from: u64,
) -> Result<Option<Segment>, RecoverError> {
    let file = drive.segment(number, class).await?;
    let length = file.length().await?.get();
    let mut scan = Scan::new(drive, &file, number, class, length, from);
    let mut open = OpenStretch::new(drive.ordinal, number, from);
    let mut kept = 0;
    let outcome = loop {
        match scan.next().await {
            Ok(Some(found)) => open.entries.push(found.entry),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        if open.entries.len() - kept >= RECOVERED_RUNS_PER_CALL {
            lanes.keep(open.part, open.entries[kept..].to_vec()).await?;
            kept = open.entries.len();
        }
        if kept >= drive.stretch_entries
            && let Some(generation) = scan.generation()
        {
            lanes.tabulate(open.close(class, generation, scan.position(), false)).await?;
            kept = 0;
        }
    };
    lanes.keep(open.part, open.entries[kept..].to_vec()).await?;
    count(drive, (length, file.allocated().await?.get()), scan.end());
    if let Err(error) = outcome {
        drive.gauges().corruptions.fetch_add(1, Ordering::Relaxed);
        tracing::error!(drive = %drive.ordinal, segment = %number, %error, "unreadable from here on");
        return Ok(None);
    }
    let corrupt = scan.corrupt();
    if !corrupt.is_empty() {
        drive.gauges().corruptions.fetch_add(corrupt.len() as u64, Ordering::Relaxed);
        tracing::error!(drive = %drive.ordinal, segment = %number, ?corrupt, "damaged runs");
    }
    let end = scan.end().min(length);
    let Some(generation) = scan.generation() else { return Ok(None) };
    if length - end < length / ROOM_FRACTION || !scan.is_clean().await? {
        lanes.tabulate(open.close(class, generation, end, true)).await?;
        return Ok(None);
    }
    Ok(Some(Segment {
        file,
        number,
        generation,
        length,
        position: end,
        // Nothing that was found was synced by this process.
        watermark: RUNS_START,
        open,
    }))
}
