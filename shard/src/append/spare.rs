//! Uses the file of a retired small segment again: its blocks are written already, so that a sync
//! waits for no journal and nothing is written twice.
//!
//! The next segment gets a number higher than any that the file ever had, before which its spare's
//! name stands. So what is left of earlier runs names other segments, wherever it stands, and is
//! nothing to a scan or a reader of this one. The spare is claimed by a rename: of several cores one
//! gets it. A crash leaves a spare, a draft (removed at the next start) or the new segment.

use crate::drive::local::LocalDrive;
use crate::segment::header::SegmentHeader;
use crate::segment::{Class, draft_name, spare_name};
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::{ByteCount, File};
use std::io;
use std::sync::atomic::Ordering;

/// A file under its draft name, to be made a segment of this number.
pub(super) struct Draft {
    pub number: SegmentNumber,
    pub file: File,
    pub generation: u64,
}

/// A spare of `length`; `None` if there is none left.
pub(super) async fn take(drive: &LocalDrive, length: ByteCount) -> io::Result<Option<Draft>> {
    for spare in drive.spares().await? {
        // Invariant: the numbers of a file only grow. Another core may count higher than this one.
        drive.take_number(spare);
        let number = drive.new_number();
        let draft = draft_name(number, Class::Small);
        match drive.segments.rename(&spare_name(spare), &draft).await {
            Ok(()) => {}
            // Another core was first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        let file = drive.segments.open(&draft).await?;
        let file_length = file.length().await?;
        match generation(drive, &file).await {
            Some(generation) if file_length == length => {
                drive.gauges().recycled.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(Draft { number, file, generation: generation + 1 }));
            }
            // Rotten, or of the length of another time.
            _ => {
                drive.segments.remove(&draft).await?;
                drive.gauges().segment_bytes.fetch_sub(file_length.get(), Ordering::Relaxed);
            }
        }
    }
    Ok(None)
}

/// How often a file was used, if its header can be read.
async fn generation(drive: &LocalDrive, file: &File) -> Option<u64> {
    let buffer = drive.core.buffers().take(BLOCK_BYTES).await;
    let (mut block, outcome) = file.read_at(0, buffer).await;
    block.set_length(outcome.ok()?);
    SegmentHeader::decode(&block).map(|header| header.generation)
}
