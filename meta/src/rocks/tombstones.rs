//! Tombstones: deleted rows that the files still hold. A scan passes over them one by one, so that
//! without this a page of a bucket would cost what was deleted from it. A scan that passed over many
//! has its range compacted, which ends them. That so many were deleted before is what pays for it.

use super::Database;
use crate::key::KeyRange;
use hamster_core::limits;
use rocksdb::perf::{PerfContext, PerfMetric, PerfStatsLevel, set_perf_stats};
use rocksdb::properties::NUM_SNAPSHOTS;
use rocksdb::{BottommostLevelCompaction, CompactOptions};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of a database's tombstones.
#[derive(Default)]
pub(super) struct Tombstones(Mutex<State>);

#[derive(Default)]
enum State {
    /// No scan has met many.
    #[default]
    Few,
    /// A scan of this range has.
    Many(KeyRange),
    /// A range is being compacted.
    Ending,
}

impl Tombstones {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A scan of `range` has visited so many rows, and passed over so many others.
    pub(super) fn note(&self, range: KeyRange, visited: u64, passed: u64) {
        let mut state = self.state();
        if passed > visited.max(limits::TOMBSTONES_PASSED_MAX) && matches!(*state, State::Few) {
            *state = State::Many(range);
        }
    }
}

/// Counts what scans on this thread pass over.
pub(super) struct Passed {
    context: PerfContext,
    before: u64,
}

impl Passed {
    pub(super) fn begin() -> Self {
        set_perf_stats(PerfStatsLevel::EnableCount);
        let context = PerfContext::default();
        let before = count(&context);
        Self { context, before }
    }

    pub(super) fn end(self) -> u64 {
        set_perf_stats(PerfStatsLevel::Disable);
        count(&self.context).saturating_sub(self.before)
    }
}

fn count(context: &PerfContext) -> u64 {
    context.metric(PerfMetric::InternalDeleteSkippedCount)
}

impl Database {
    /// Whether a scan met so many tombstones that [`Database::end_tombstones`] is due.
    pub(crate) fn has_tombstones(&self) -> bool {
        matches!(*self.tombstones.state(), State::Many(_))
    }

    fn has_snapshots(&self) -> bool {
        let count = self.database.property_int_value(NUM_SNAPSHOTS);
        count.is_ok_and(|count| count.is_some_and(|count| count > 0))
    }

    /// Compacts the range where a scan met many, unless a snapshot is open. Blocks, for seconds if there
    /// are millions.
    pub(crate) fn end_tombstones(&self) {
        let range = {
            let mut state = self.tombstones.state();
            let State::Many(range) = &*state else { return };
            let range = range.clone();
            *state = State::Ending;
            range
        };
        // Why: what a snapshot may still see stays, however often it is compacted.
        if !self.has_snapshots() {
            let mut options = CompactOptions::default();
            // Why: the compactions that are due anyway do not wait for this one.
            options.set_exclusive_manual_compaction(false);
            // Why: an earlier snapshot may have kept some that are at the bottom already.
            options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
            self.database.compact_range_opt(Some(range.from), Some(range.to), &options);
        }
        *self.tombstones.state() = State::Few;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rocks::{Purpose, open};
    use crate::state::{Batch, Reach, ReadError, View, Visit, Write};

    const ROWS: u64 = limits::TOMBSTONES_PASSED_MAX + 100;

    fn all() -> KeyRange {
        KeyRange { from: vec![0], to: vec![255] }
    }

    fn rows(database: &Database, reach: Reach) -> Result<u64, ReadError> {
        let mut count = 0;
        let mut visit = |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(Visit::Next)
        };
        database.now(reach).scan(&all(), &mut visit)?;
        Ok(count)
    }

    fn emptied() -> (tempfile::TempDir, Database) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = open(directory.path(), Purpose::State).expect("made");
        let (mut puts, mut deletes) = (Batch::default(), Batch::default());
        for number in 1..=ROWS {
            puts.put(number.to_be_bytes().to_vec(), vec![7]);
            if number < ROWS {
                deletes.0.push(Write::Delete(number.to_be_bytes().to_vec()));
            }
        }
        database.write(&puts, false).expect("written");
        // Rows and tombstones in different files.
        database.flush().expect("flushed");
        database.write(&deletes, false).expect("written");
        (directory, database)
    }

    #[test]
    fn a_scan_that_passes_over_many_has_them_ended() {
        let (_directory, database) = emptied();
        assert_eq!(rows(&database, Reach::Memory), Err(ReadError::WouldBlock), "no core waits");
        assert!(!database.has_tombstones(), "only a scan that saw them all tells");
        assert_eq!(rows(&database, Reach::Drive), Ok(1));
        assert!(database.has_tombstones());
        database.end_tombstones();
        assert!(!database.has_tombstones());
        assert_eq!(rows(&database, Reach::Drive), Ok(1));
        assert!(!database.has_tombstones(), "they are gone");
        assert_eq!(rows(&database, Reach::Memory), Ok(1));
    }

    #[test]
    fn what_a_snapshot_kept_goes_once_that_is_closed() {
        let (_directory, database) = emptied();
        let moment = database.moment();
        assert_eq!(rows(&database, Reach::Drive), Ok(1));
        database.end_tombstones();
        assert_eq!(rows(&database, Reach::Drive), Ok(1));
        assert!(database.has_tombstones(), "they are still there, and asked for again");
        drop(moment);
        database.end_tombstones();
        assert_eq!(rows(&database, Reach::Drive), Ok(1));
        assert!(!database.has_tombstones());
    }

    #[test]
    fn a_scan_of_more_rows_than_tombstones_asks_for_nothing() {
        let (_directory, database) = emptied();
        let mut more = Batch::default();
        for number in ROWS..3 * ROWS {
            more.put(number.to_be_bytes().to_vec(), vec![7]);
        }
        database.write(&more, false).expect("written");
        assert_eq!(rows(&database, Reach::Drive), Ok(2 * ROWS));
        assert!(!database.has_tombstones());
    }
}
