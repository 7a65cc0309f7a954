//! A drive as one core works with it: what its appenders, readers and recovery share.

use super::table::{Entry, Gauges};
use super::{DriveState, DriveTable, Failure, OpenDrive};
use crate::compact::Seen;
use crate::segment::{Class, FileName, file_name, parse_file_name, spare_name};
use futures_util::future::{Either, select};
use hamster_core::disk::{self, is_cancelled};
use hamster_core::ids::{DriveOrdinal, DriveUuid, SegmentNumber};
use hamster_core::limits::{
    DRIVE_ANSWER_TIMEOUT, DRIVE_HEADROOM_BYTES_MIN, DRIVE_LOOK_INTERVAL, INDEX_STRETCH_ENTRIES_MAX,
    SEGMENT_BYTES_MIN, SEGMENT_FILES_OPEN_MAX, SPARE_SEGMENTS_PER_DRIVE_MAX,
};
use hamster_core::{ByteCount, Core, Directory, File, Map};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::pin;
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
    /// Segments that compaction may take one day, as it has last seen them.
    pub compactable: RefCell<Map<SegmentNumber, Seen>>,
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
            compactable: RefCell::default(),
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

    /// Waits for `work` on this drive as long as it is in service; `None` if it leaves. What the
    /// kernel works on then is left to it, with its memory.
    pub async fn while_in_service<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let look = pin!(self.core.clock().sleep(DRIVE_LOOK_INTERVAL));
            if let Either::Left((done, _)) = select(work.as_mut(), look).await {
                return Some(done);
            }
            if !matches!(self.state(), DriveState::Live | DriveState::Full) {
                return None;
            }
        }
    }

    /// As [`LocalDrive::while_in_service`], for what a drive does in milliseconds: one that hangs
    /// leaves service. Why lost and not poisoned: it has refused nothing.
    pub async fn answers<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let waiting = self.core.clock().timeout(DRIVE_ANSWER_TIMEOUT, work);
        match self.while_in_service(waiting).await? {
            Ok(done) => Some(done),
            Err(_) => {
                let error = io::Error::from(io::ErrorKind::TimedOut);
                self.fail(Failure::Lost, "it hangs", &error);
                None
            }
        }
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

    /// Counts what was handed to the drive.
    pub fn count(&self, written: u64, syncs: u64) {
        self.gauges().written_bytes.fetch_add(written, Ordering::Relaxed);
        self.gauges().syncs.fetch_add(syncs, Ordering::Relaxed);
    }

    /// A number that no other core gives: cores count in steps, each from its own index.
    pub fn new_number(&self) -> SegmentNumber {
        let number = SegmentNumber::new(self.number_next.get());
        self.take_number(number);
        number
    }

    /// Removes a segment with records up to `upto`: its space is free once no core has it open. A
    /// small one becomes a spare as long as these are few.
    pub async fn retire_segment(
        &self,
        number: SegmentNumber,
        class: Class,
        upto: u64,
    ) -> io::Result<()> {
        let file = self.segment(number, class).await?;
        let (length, allocated) = (file.length().await?.get(), file.allocated().await?.get());
        let name = file_name(number, class);
        let is_kept = class == Class::Small
            && length == self.segment_bytes(class).get()
            && self.spares().await?.len() < SPARE_SEGMENTS_PER_DRIVE_MAX;
        match is_kept {
            true => self.segments.rename(&name, &spare_name(number)).await?,
            false => self.segments.remove(&name).await?,
        }
        self.count(0, 1);
        self.segments.sync().await?;
        let records = upto.saturating_sub(length.saturating_sub(allocated));
        self.gauges().record_bytes.fetch_sub(records, Ordering::Relaxed);
        if !is_kept {
            self.gauges().segment_bytes.fetch_sub(allocated, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Small segments that were retired and wait for their next use.
    pub async fn spares(&self) -> io::Result<Vec<SegmentNumber>> {
        let spare = |entry: &disk::Entry| match parse_file_name(&entry.name) {
            Some(FileName::Spare(number)) => Some(number),
            _ => None,
        };
        Ok(self.segments.list().await?.iter().filter_map(spare).collect())
    }

    /// Whether a segment was retired: what was its file may hold other runs by now.
    pub async fn is_retired(&self, number: SegmentNumber, class: Class) -> bool {
        let opened = self.segments.open(&file_name(number, class)).await;
        opened.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
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
