//! How the drives of this node fare: shared by all cores, no locks.

use hamster_core::ByteCount;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::DRIVES_KNOWN_MAX;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// May a drive be used?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DriveState {
    /// Reads and writes.
    Live,
    /// Reads and deletes; no new object bytes until there is space again.
    Full,
    /// It refused a write or a sync: takes nothing any more, never synced again. Its bytes are read
    /// only where the other drives do not suffice.
    Poisoned,
    /// Absent since the start, or gone since.
    Lost,
}

/// How a drive left service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// See [`DriveState::Poisoned`].
    Poisoned,
    /// See [`DriveState::Lost`].
    Lost,
}

impl Failure {
    /// What `error` says of a drive on which a file could not be made, opened or replaced. Why not
    /// always poisoned, which is for good: a drive without space, rights or a file system that takes
    /// writes has lost nothing that it held, and is taken back at a later start.
    ///
    /// Not for a failed write or sync of a segment in use: that poisons, whatever the reason.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem => Self::Lost,
            _ => Self::Poisoned,
        }
    }
}

/// The drives of this node. One for the process, behind an `Arc`.
pub struct DriveTable {
    /// In the order in which they came; none is ever taken away.
    drives: Box<[OnceLock<Entry>]>,
    version: AtomicU64,
}

pub(crate) struct Entry {
    ordinal: DriveOrdinal,
    /// [`LIVE`], [`POISONED`] or [`LOST`]; leaves `LIVE` once and for all.
    health: AtomicU8,
    full: AtomicBool,
    cause: OnceLock<String>,
    pub(crate) gauges: Gauges,
}

const LIVE: u8 = 0;
const POISONED: u8 = 1;
const LOST: u8 = 2;

/// Figures of one drive, added up over the cores that use it.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) total_bytes: AtomicU64,
    pub(crate) free_bytes: AtomicU64,
    /// Segment files, as long as they are.
    pub(crate) segment_bytes: AtomicU64,
    /// The part of them that holds records.
    pub(crate) record_bytes: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) written_bytes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) recycled: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) reads_late: AtomicU64,
    pub(crate) reads_overtaken: AtomicU64,
    pub(crate) corruptions: AtomicU64,
}

/// A drive's state and figures at one moment, for `status` and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DriveStatus {
    /// Which.
    pub ordinal: DriveOrdinal,
    /// May it be used?
    pub state: DriveState,
    /// Why not, as first told.
    pub cause: Option<String>,
    /// Size of its file system.
    pub total: ByteCount,
    /// Free space of its file system.
    pub free: ByteCount,
    /// Bytes of records in its segments.
    pub used: ByteCount,
    /// Bytes of its segments that hold no record yet.
    pub preallocated: ByteCount,
    /// Batches written since the start.
    pub writes: u64,
    /// Bytes written since the start: records, new segments and the index.
    pub written: ByteCount,
    /// Syncs since the start, of files and directories.
    pub syncs: u64,
    /// Small segments since the start that were made of a retired one.
    pub recycled: u64,
    /// Reads since the start.
    pub reads: u64,
    /// Reads since the start that outlived their patience, so that others were looked for.
    pub reads_late: u64,
    /// Reads since the start that were still under way when their bytes had come from others.
    pub reads_overtaken: u64,
    /// Records and chunks that failed verification since the start.
    pub corruptions: u64,
}

impl DriveTable {
    /// A table of these drives; absent ones are lost from the start.
    pub fn new(
        present: impl IntoIterator<Item = DriveOrdinal>,
        absent: impl IntoIterator<Item = DriveOrdinal>,
    ) -> Self {
        let present = present.into_iter().map(|ordinal| Entry::new(ordinal, LIVE));
        let absent = absent.into_iter().map(|ordinal| {
            let entry = Entry::new(ordinal, LOST);
            entry.cause.set("absent at start".to_owned()).expect("a new cell");
            entry
        });
        let mut drives: Vec<Entry> = present.chain(absent).collect();
        drives.sort_by_key(|entry| entry.ordinal);
        let known = drives.into_iter().map(OnceLock::from);
        let free = std::iter::repeat_with(OnceLock::new);
        let drives = known.chain(free).take(DRIVES_KNOWN_MAX).collect();
        Self { drives, version: AtomicU64::new(0) }
    }

    /// A further drive, in service. `false`: there is room for no more, or it is known.
    pub fn add(&self, ordinal: DriveOrdinal) -> bool {
        if self.entry(ordinal).is_some() {
            return false;
        }
        let mut entry = Entry::new(ordinal, LIVE);
        for slot in &self.drives {
            match slot.set(entry) {
                Ok(()) => {
                    self.version.fetch_add(1, Ordering::Release);
                    return true;
                }
                Err(back) => entry = back,
            }
        }
        false
    }

    /// Takes a drive out of service, at once and on every core. Only the first failure counts.
    /// Returns whether this was it.
    pub fn fail(&self, ordinal: DriveOrdinal, failure: Failure, cause: &str) -> bool {
        let Some(entry) = self.entry(ordinal) else { return false };
        let health = match failure {
            Failure::Poisoned => POISONED,
            Failure::Lost => LOST,
        };
        let first = entry
            .health
            .compare_exchange(LIVE, health, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if first {
            // Why ignored: only the one that wins the exchange gets here.
            let _ = entry.cause.set(cause.to_owned());
            tracing::error!(%ordinal, ?failure, cause, "a drive leaves service");
            self.version.fetch_add(1, Ordering::Release);
        }
        first
    }

    /// Counts the changes of state: who remembers the number knows whether to look again.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A drive's state; [`DriveState::Lost`] if this node has no such drive.
    pub fn state(&self, ordinal: DriveOrdinal) -> DriveState {
        self.entry(ordinal).map_or(DriveState::Lost, Entry::state)
    }

    /// Does the drive take new object bytes?
    pub fn takes_writes(&self, ordinal: DriveOrdinal) -> bool {
        self.state(ordinal) == DriveState::Live
    }

    /// Whether the drive is in service: what it holds is read and counted on.
    pub fn in_service(&self, ordinal: DriveOrdinal) -> bool {
        matches!(self.state(ordinal), DriveState::Live | DriveState::Full)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.drives.iter().map_while(OnceLock::get)
    }

    /// The drives of this node, in the order in which they came.
    pub fn ordinals(&self) -> impl Iterator<Item = DriveOrdinal> {
        self.entries().map(|entry| entry.ordinal)
    }

    /// State and figures of every drive.
    pub fn status(&self) -> Vec<DriveStatus> {
        self.entries().map(Entry::status).collect()
    }

    pub(crate) fn entry(&self, ordinal: DriveOrdinal) -> Option<&Entry> {
        self.entries().find(|entry| entry.ordinal == ordinal)
    }

    pub(crate) fn set_full(&self, ordinal: DriveOrdinal, full: bool) {
        let Some(entry) = self.entry(ordinal) else { return };
        if entry.full.swap(full, Ordering::AcqRel) != full {
            self.version.fetch_add(1, Ordering::Release);
        }
    }
}

impl Entry {
    fn new(ordinal: DriveOrdinal, health: u8) -> Self {
        Self {
            ordinal,
            health: AtomicU8::new(health),
            full: AtomicBool::new(false),
            cause: OnceLock::new(),
            gauges: Gauges::default(),
        }
    }

    pub(crate) fn state(&self) -> DriveState {
        match self.health.load(Ordering::Acquire) {
            POISONED => DriveState::Poisoned,
            LOST => DriveState::Lost,
            _ if self.full.load(Ordering::Acquire) => DriveState::Full,
            _ => DriveState::Live,
        }
    }

    fn status(&self) -> DriveStatus {
        let figure = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let gauges = &self.gauges;
        let used = ByteCount::new(figure(&gauges.record_bytes));
        DriveStatus {
            ordinal: self.ordinal,
            state: self.state(),
            cause: self.cause.get().cloned(),
            total: ByteCount::new(figure(&gauges.total_bytes)),
            free: ByteCount::new(figure(&gauges.free_bytes)),
            used,
            preallocated: ByteCount::new(figure(&gauges.segment_bytes)).saturating_sub(used),
            writes: figure(&gauges.writes),
            written: ByteCount::new(figure(&gauges.written_bytes)),
            syncs: figure(&gauges.syncs),
            recycled: figure(&gauges.recycled),
            reads: figure(&gauges.reads),
            reads_late: figure(&gauges.reads_late),
            reads_overtaken: figure(&gauges.reads_overtaken),
            corruptions: figure(&gauges.corruptions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_drive_is_kept() {
        let one = DriveOrdinal::new(1);
        let table = DriveTable::new([one], []);
        assert!(table.fail(one, Failure::Poisoned, "sync: EIO"));
        assert!(!table.fail(one, Failure::Lost, "gone"));
        assert_eq!(table.state(one), DriveState::Poisoned);
        assert_eq!(table.status()[0].cause.as_deref(), Some("sync: EIO"));
        assert_eq!(table.version(), 1);
    }

    #[test]
    fn a_further_drive_is_known_once() {
        let table = DriveTable::new([DriveOrdinal::new(1)], []);
        let version = table.version();
        assert!(table.add(DriveOrdinal::new(7)));
        assert!(!table.add(DriveOrdinal::new(7)));
        assert!(!table.add(DriveOrdinal::new(1)));
        assert!(table.takes_writes(DriveOrdinal::new(7)));
        assert_eq!(table.ordinals().count(), 2);
        assert!(table.version() > version);
        let more = (8..).map(DriveOrdinal::new).take_while(|more| table.add(*more)).count();
        assert_eq!(more, DRIVES_KNOWN_MAX - 2);
    }

    #[test]
    fn only_what_a_drive_does_wrong_itself_poisons_it() {
        // As the kernel gives them: ENOENT, EACCES, EPERM, ENOSPC, EROFS, EDQUOT.
        for passing in [2, 13, 1, 28, 30, 122] {
            let error = io::Error::from_raw_os_error(passing);
            assert_eq!(Failure::of(&error), Failure::Lost, "{error}");
        }
        // EIO, ENXIO, and what is no answer of the kernel at all.
        for failing in [5, 6].map(io::Error::from_raw_os_error) {
            assert_eq!(Failure::of(&failing), Failure::Poisoned, "{failing}");
        }
        assert_eq!(Failure::of(&io::Error::other("damaged")), Failure::Poisoned);
    }

    #[test]
    fn an_absent_or_unknown_drive_is_lost() {
        let table = DriveTable::new([], [DriveOrdinal::new(3)]);
        assert_eq!(table.state(DriveOrdinal::new(3)), DriveState::Lost);
        assert_eq!(table.state(DriveOrdinal::new(4)), DriveState::Lost);
    }
}
