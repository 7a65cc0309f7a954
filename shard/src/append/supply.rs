//! Where an appender's next segment comes from: prepared ahead of time, so that no write waits for
//! zeroes.

use super::AppendError;
use super::spare::{self, Draft};
use crate::drive::local::LocalDrive;
use crate::drive::{DriveState, Failure};
use crate::index::{Entry, Part, Stretch};
use crate::segment::header::{RUNS_START, SegmentHeader};
use crate::segment::{Class, draft_name, file_name};
use hamster_core::disk::is_full;
use hamster_core::ids::{DriveOrdinal, SegmentNumber};
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::{File, Queue, Task};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// A segment with room.
pub(crate) struct Segment {
    pub file: File,
    pub number: SegmentNumber,
    pub generation: u64,
    pub length: u64,
    /// Where the next batch starts: a block that nothing was written to.
    pub position: u64,
    /// Everything below is known to be durable.
    pub watermark: u64,
    /// What no table of the index holds yet.
    pub open: OpenStretch,
}

impl Segment {
    /// What was written since its last table; the next stretch begins.
    pub fn close_stretch(&mut self, class: Class, sealed: bool) -> Stretch {
        self.open.close(class, self.generation, self.position, sealed)
    }
}

/// The runs of a segment from the end of its last table on.
pub(crate) struct OpenStretch {
    pub part: Part,
    pub from: u64,
    pub entries: Vec<Entry>,
}

impl OpenStretch {
    /// Of a segment whose tables end at `from`.
    pub fn new(drive: DriveOrdinal, segment: SegmentNumber, from: u64) -> Self {
        Self { part: Part { drive, segment, number: 0 }, from, entries: Vec::new() }
    }

    /// Closes it at `upto` and opens the next.
    pub fn close(&mut self, class: Class, generation: u64, upto: u64, sealed: bool) -> Stretch {
        let Self { part, from, entries } = self;
        let entries = std::mem::take(entries);
        let stretch =
            Stretch { part: *part, class, generation, from: *from, upto, sealed, entries };
        part.number += 1;
        *from = upto;
        stretch
    }
}

pub(super) struct Supply {
    drive: Rc<LocalDrive>,
    pub class: Class,
    ready: VecDeque<Segment>,
    coming: Option<Task<Result<Segment, AppendError>>>,
}

impl Supply {
    pub fn new(drive: Rc<LocalDrive>, class: Class, unfinished: Vec<Segment>) -> Self {
        let mut supply = Self { drive, class, ready: unfinished.into(), coming: None };
        supply.prepare();
        supply
    }

    /// Sees to it that a segment is there when it is asked for.
    pub fn prepare(&mut self) {
        if self.ready.is_empty() && self.coming.is_none() {
            let (drive, class) = (Rc::clone(&self.drive), self.class);
            let made = async move { make(&drive, class).await };
            self.coming = Some(self.drive.core.spawn(Queue::Requests, made));
        }
    }

    /// A segment that waits to be filled up.
    pub fn unfinished(&mut self, number: SegmentNumber) -> Option<&mut Segment> {
        self.ready.iter_mut().find(|segment| segment.number == number)
    }

    /// The next segment.
    pub async fn next(&mut self) -> Result<Segment, AppendError> {
        if let Some(segment) = self.ready.pop_front() {
            return Ok(segment);
        }
        if let Some(coming) = self.coming.take()
            && let Ok(Ok(segment)) = coming.await
        {
            return Ok(segment);
        }
        // It may have failed long ago, for a reason that has passed.
        match self.drive.state() {
            DriveState::Live | DriveState::Full => make(&self.drive, self.class).await,
            DriveState::Poisoned | DriveState::Lost => Err(AppendError::Failed),
        }
    }
}

/// Makes a segment and takes the drive out of service where it cannot be made for another reason
/// than space.
async fn make(drive: &LocalDrive, class: Class) -> Result<Segment, AppendError> {
    match try_make(drive, class).await {
        Ok(Some(segment)) => Ok(segment),
        Ok(None) => Err(AppendError::NoSpace),
        Err(error) if is_full(&error) => Err(AppendError::NoSpace),
        Err(error) => {
            drive.fail(Failure::of(&error), "making a segment", &error);
            Err(AppendError::Failed)
        }
    }
}

async fn try_make(drive: &LocalDrive, class: Class) -> io::Result<Option<Segment>> {
    let length = drive.segment_bytes(class);
    let spare = match class {
        Class::Small => spare::take(drive, length).await?,
        Class::Bulk => None,
    };
    // Why a draft name: a file under its final name always has a header.
    let (number, file, generation) = match spare {
        Some(Draft { number, file, generation }) => (number, file, generation),
        None if !drive.has_room(length).await? => return Ok(None),
        None => {
            let number = drive.new_number();
            let draft = draft_name(number, class);
            let is_written = class == Class::Small;
            let file = drive.segments.create(&draft, length, is_written).await?;
            drive.count(if is_written { length.get() } else { 0 }, 0);
            drive.gauges().segment_bytes.fetch_add(length.get(), Ordering::Relaxed);
            (number, file, 1)
        }
    };
    let header = SegmentHeader {
        class,
        drive: drive.uuid,
        number,
        generation,
        length: length.get(),
        core: drive.core.index(),
        writer_epoch: drive.writer_epoch,
    };
    let mut block = drive.core.buffers().take(BLOCK_BYTES).await;
    block.copy_from_slice(&header.encode());
    file.write_at(0, block).await.1?;
    file.sync().await?;
    // With the directory's below.
    drive.count(BLOCK_BYTES.get(), 2);
    drive.segments.rename(&draft_name(number, class), &file_name(number, class)).await?;
    drive.segments.sync().await?;
    drive.gauges().record_bytes.fetch_add(RUNS_START, Ordering::Relaxed);
    Ok(Some(Segment {
        file,
        number,
        generation: header.generation,
        length: header.length,
        position: RUNS_START,
        watermark: RUNS_START,
        open: OpenStretch::new(drive.ordinal, number, RUNS_START),
    }))
}
