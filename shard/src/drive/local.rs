//! A drive as one core works with it: what its appenders, readers and recovery share.

use super::table::{Entry, Gauges};
use super::{DriveState, DriveTable, Failure, OpenDrive};
use crate::segment::{Class, file_name};
use hamster_core::disk::is_cancelled;
use hamster_core::ids::{DriveOrdinal, DriveUuid, SegmentNumber};
use hamster_core::limits::{
    DRIVE_HEADROOM_BYTES_MIN, INDEX_STRETCH_ENTRIES_MAX, SEGMENT_BYTES_MIN, SEGMENT_FILES_OPEN_MAX,
};
use hamster_core::{ByteCount, Core, Directory, File, Instant, Map};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) struct LocalDrive {
    pub core: Core,
    pub ordinal: DriveOrdinal,
    pub uuid: DriveUuid,
    pub segments: Directory,
    pub index: Directory,
    pub writer_epoch: u64,
    /// Entries of the index that a segment has in memory before they become a table.
    pub stretch_entries: usize,
    /// Compaction may use half of the headroom: it gives back more than it takes.
    pub compacting: Cell<bool>,
    /// Segments that are not looked at for compaction before then.
    pub put_off: RefCell<Map<SegmentNumber, Instant>>,
    /// For its presence.
    pub identity: OpenDrive,
    table: Arc<DriveTable>,
    number_next: Cell<u64>,
    files: RefCell<OpenFiles>,
}

/// Segments open for reading, the longest open closed first.
#[derive(Default)]
struct OpenFiles {
    by_number: Map<SegmentNumber, File>,
    order: VecDeque<SegmentNumber>,
}

impl LocalDrive {
    pub fn new(
        core: &Core,
        identity: OpenDrive,
        (segments, index): (Directory, Directory),
        table: &Arc<DriveTable>,
        writer_epoch: u64,
    ) -> Self {
        Self {
            core: core.clone(),
            ordinal: identity.superblock.ordinal,
            uuid: identity.superblock.drive,
            segments,
            index,
            writer_epoch,
            stretch_entries: INDEX_STRETCH_ENTRIES_MAX,
            compacting: Cell::new(false),
            put_off: RefCell::default(),
            identity,
            table: Arc::clone(table),
            number_next: Cell::new(u64::from(core.index().get())),
            files: RefCell::default(),
        }
    }

    fn entry(&self) -> &Entry {
        self.table.entry(self.ordinal).expect("the table was made from the drives of this node")
    }

    pub fn gauges(&self) -> &Gauges {
        &self.entry().gauges
    }

    pub fn state(&self) -> DriveState {
        self.entry().state()
    }

    /// Takes the drive out of service, unless it was this core that ended.
    pub fn fail(&self, failure: Failure, what: &str, error: &io::Error) {
        if is_cancelled(error) {
            return;
        }
        self.table.fail(self.ordinal, failure, &format!("{what}: {error}"));
    }

    /// Refreshes what is known of the space. `false`: no room for a file of `length` with the
    /// headroom kept.
    pub async fn has_room(&self, length: ByteCount) -> io::Result<bool> {
        let space = self.segments.space().await?;
        self.gauges().total_bytes.store(space.total.get(), Ordering::Relaxed);
        self.gauges().free_bytes.store(space.free.get(), Ordering::Relaxed);
        let headroom = DRIVE_HEADROOM_BYTES_MIN.min(ByteCount::new(space.total.get() / 16));
        let room = space.free >= headroom + length;
        self.table.set_full(self.ordinal, !room);
        let half = ByteCount::new(headroom.get() / 2);
        Ok(room || self.compacting.get() && space.free >= half + length)
    }

    /// It has refused bytes for want of space. Until the next look at how much there is.
    pub fn set_full(&self) {
        self.table.set_full(self.ordinal, true);
    }

    /// Length of a new segment: less on a small drive, whose preallocation would fill it.
    pub fn segment_bytes(&self, class: Class) -> ByteCount {
        let share = self.gauges().total_bytes.load(Ordering::Relaxed) / 64;
        let share = ByteCount::new(share).align_down(SEGMENT_BYTES_MIN);
        class.segment_bytes().min(share.max(SEGMENT_BYTES_MIN))
    }

    /// Notes that this segment number is taken, by whatever core.
    pub fn take_number(&self, number: SegmentNumber) {
        let step = u64::from(self.core.count());
        if let Some(behind) = number.get().checked_sub(self.number_next.get()) {
            let steps = behind / step + 1;
            self.number_next.set(self.number_next.get().saturating_add(steps.saturating_mul(step)));
        }
    }

    /// A number that no other core gives: cores count in steps, each from its own index.
    pub fn new_number(&self) -> SegmentNumber {
        let number = SegmentNumber::new(self.number_next.get());
        self.take_number(number);
        number
    }

    /// Removes a segment with records up to `upto`. Its space is free once no core has it open.
    pub async fn remove_segment(
        &self,
        number: SegmentNumber,
        class: Class,
        upto: u64,
    ) -> io::Result<()> {
        let file = self.segment(number, class).await?;
        let (length, allocated) = (file.length().await?.get(), file.allocated().await?.get());
        self.segments.remove(&file_name(number, class)).await?;
        self.segments.sync().await?;
        let records = upto.saturating_sub(length.saturating_sub(allocated));
        self.gauges().segment_bytes.fetch_sub(allocated, Ordering::Relaxed);
        self.gauges().record_bytes.fetch_sub(records, Ordering::Relaxed);
        Ok(())
    }

    /// Closes segments that were removed.
    pub fn forget(&self, segments: &[SegmentNumber]) {
        let files = &mut *self.files.borrow_mut();
        files.order.retain(|number| !segments.contains(number));
        for number in segments {
            files.by_number.remove(number);
        }
    }

    /// A segment, open for reading.
    pub async fn segment(&self, number: SegmentNumber, class: Class) -> io::Result<File> {
        if let Some(file) = self.files.borrow().by_number.get(&number) {
            return Ok(file.clone());
        }
        let file = self.segments.open(&file_name(number, class)).await?;
        let mut files = self.files.borrow_mut();
        if files.by_number.insert(number, file.clone()).is_none() {
            files.order.push_back(number);
        }
        if files.order.len() > SEGMENT_FILES_OPEN_MAX {
            let oldest = files.order.pop_front();
            oldest.and_then(|oldest| files.by_number.remove(&oldest));
        }
        Ok(file)
    }
}
