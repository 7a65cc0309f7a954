//! RocksDB: the log database (write-ahead log on, written with a sync) and the state database
//! (write-ahead log off, durable by flushes). The only module besides core's `uring` that touches
//! the file system. Everything here may block, except where it says otherwise.

pub(crate) mod file;
mod journal;
mod moment;
mod tombstones;

pub(crate) use moment::Moment;

use crate::key::KeyRange;
use crate::state::{Batch, Reach, ReadError, View, Visit, Visitor, Write};
use hamster_core::limits;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, DBRawIterator, DBRecoveryMode, ErrorKind,
    Options, ReadOptions, ReadTier, WriteBatch, WriteOptions,
};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tombstones::{Passed, Tombstones};

/// Rows that a scan walks over before it seeks: a seek takes as long as about so many.
const ROWS_BEFORE_SEEK: usize = 16;

/// What a database is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The Raft log: each write is in the write-ahead log.
    Log,
    /// The state: no write-ahead log; what was applied since the last flush comes from the Raft log
    /// again.
    State,
}

/// An open database.
#[derive(Clone)]
pub(crate) struct Database {
    database: Arc<DB>,
    purpose: Purpose,
    tombstones: Arc<Tombstones>,
}

/// Opens the database at `path`, made durably if it is not there. A torn end of its journals, which
/// was never acknowledged, is cut.
///
/// # Errors
/// It is damaged, or the drive refused.
pub(crate) fn open(path: &Path, purpose: Purpose) -> io::Result<Database> {
    std::fs::create_dir_all(path)?;
    journal::mend(path, purpose)?;
    let options = options(purpose).map_err(io::Error::other)?;
    let database = DB::open(&options, path).map_err(io::Error::other)?;
    // Why: RocksDB syncs what is in its directory, nobody else the directory's own name.
    if let Some(parent) = path.parent() {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(Database { database: Arc::new(database), purpose, tombstones: Arc::default() })
}

/// How much of a journal is whole, if the rest is a torn end and no damage: for `fuzzing`.
pub(crate) fn sound_part(bytes: &[u8]) -> Option<usize> {
    match journal::judge(bytes) {
        journal::Verdict::Sound => Some(bytes.len()),
        journal::Verdict::Torn { at } => Some(at),
        journal::Verdict::Damaged { .. } => None,
    }
}

pub(crate) use journal::fragment_of as journal_fragment;

/// Whether there is a database at `path`.
pub(crate) fn exists(path: &Path) -> bool {
    path.join("CURRENT").is_file()
}

/// Removes the database at `path`, if there is one.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn options(purpose: Purpose) -> Result<Options, rocksdb::Error> {
    let mut table = BlockBasedOptions::default();
    table.set_format_version(6);
    // Why zero: a database that refused a write is not to be trusted again by itself (invariant 5).
    // Why no flush: whoever closes one has flushed it, and what was not flushed comes from the Raft log.
    // Why as text: the crate has no methods for them.
    let mut options = Options::default()
        .get_options_from_string("max_bgerror_resume_count=0;avoid_flush_during_shutdown=true")?;
    options.create_if_missing(true);
    options.set_max_background_jobs(limits::METADATA_BACKGROUND_JOBS);
    // Why: a core's read may be the last to let a compacted file go.
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_keep_log_file_num(2);
    options.set_max_open_files(limits::METADATA_OPEN_FILES_MAX);
    options.set_compression_type(DBCompressionType::Lz4);
    // Why: every other mode cuts some damaged logs short in silence. A torn end is `journal`'s.
    options.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    match purpose {
        Purpose::Log => {
            options.set_write_buffer_size(limits::METADATA_LOG_BUFFER_BYTES.as_usize());
            options.set_max_total_wal_size(limits::METADATA_LOG_BUFFER_BYTES.get() * 2);
            table.disable_cache();
        }
        Purpose::State => {
            options.set_write_buffer_size(limits::METADATA_STATE_BUFFER_BYTES.as_usize());
            options.set_max_write_buffer_number(limits::METADATA_STATE_BUFFERS_MAX);
            options.set_level_compaction_dynamic_level_bytes(true);
            let cache = Cache::new_lru_cache(limits::METADATA_CACHE_BYTES.as_usize());
            table.set_block_cache(&cache);
            table.set_cache_index_and_filter_blocks(true);
            table.set_pin_l0_filter_and_index_blocks_in_cache(true);
            table.set_bloom_filter(10.0, false);
        }
    }
    options.set_block_based_table_factory(&table);
    Ok(options)
}

impl Database {
    fn rocks_batch(batch: &Batch) -> WriteBatch {
        let mut rocks = WriteBatch::default();
        for write in &batch.0 {
            match write {
                Write::Put(key, value) => rocks.put(key, value),
                Write::Delete(key) => rocks.delete(key),
                Write::DeleteRange(from, to) => rocks.delete_range(from.as_slice(), to.as_slice()),
            }
        }
        rocks
    }

    fn write_options(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.disable_wal(self.purpose == Purpose::State);
        options
    }

    /// Applies a batch to memory. `Ok(false)`: it would have to wait. Does not block.
    pub(crate) fn try_write(&self, batch: &Batch) -> io::Result<bool> {
        assert_eq!(self.purpose, Purpose::State, "a write to the log touches the drive");
        let mut options = self.write_options();
        options.set_no_slowdown(true);
        match self.database.write_opt(Self::rocks_batch(batch), &options) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Incomplete => Ok(false),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Applies a batch; with `synced`, it is durable (the log only).
    pub(crate) fn write(&self, batch: &Batch, synced: bool) -> io::Result<()> {
        assert!(!synced || self.purpose == Purpose::Log, "the state is durable by flushes");
        let mut options = self.write_options();
        options.set_sync(synced);
        self.database.write_opt(Self::rocks_batch(batch), &options).map_err(io::Error::other)
    }

    /// Makes everything applied so far durable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.database.flush().map_err(io::Error::other)
    }

    /// Nobody asks this database any more, but for reads that have begun: it ends its own work, so
    /// that its files may be removed. Blocks.
    pub(crate) fn retire(&self) {
        self.database.cancel_all_background_work(true);
    }

    /// It is about to be closed: compactions under way end where they are. Does not block.
    pub(crate) fn hurry(&self) {
        self.database.cancel_all_background_work(false);
    }

    /// One moment.
    pub(crate) fn snapshot(&self, reach: Reach) -> Snapshot<'_> {
        Snapshot { database: self, snapshot: self.database.snapshot(), reach }
    }

    /// What is there at each read.
    pub(crate) fn now(&self, reach: Reach) -> Now<'_> {
        Now { database: self, reach }
    }

    fn get(&self, key: &[u8], options: &ReadOptions) -> Result<Option<Vec<u8>>, ReadError> {
        self.database.get_opt(key, options).map_err(read_error)
    }

    /// Visits rows; on a thread, it notes where tombstones are in the way.
    fn scan(
        &self,
        reach: Reach,
        range: &KeyRange,
        options: ReadOptions,
        visit: &mut Visitor<'_>,
    ) -> Result<(), ReadError> {
        if reach == Reach::Memory {
            return self.visit_rows(range, options, visit).map(drop);
        }
        let (passed, mut visited) = (Passed::begin(), 0);
        let mut counting = |key: &[u8], value: &[u8]| {
            visited += 1;
            visit(key, value)
        };
        let end = self.visit_rows(range, options, &mut counting);
        let passed = passed.end();
        let scanned = KeyRange { from: range.from.clone(), to: end? };
        self.tombstones.note(scanned, visited, passed);
        Ok(())
    }

    /// Returns where it ended.
    fn visit_rows(
        &self,
        range: &KeyRange,
        mut options: ReadOptions,
        visit: &mut Visitor<'_>,
    ) -> Result<Vec<u8>, ReadError> {
        options.set_iterate_upper_bound(range.to.clone());
        let mut rows = self.database.raw_iterator_opt(options);
        rows.seek(&range.from);
        let mut is_near = true;
        while let Some((key, value)) = rows.item() {
            match visit(key, value)? {
                Visit::Next => rows.next(),
                Visit::Seek(target) => {
                    is_near = is_near && walk_to(&mut rows, &target);
                    if !is_near {
                        rows.seek(target);
                    }
                }
                Visit::Stop => return Ok(key.to_vec()),
            }
        }
        rows.status().map_err(read_error)?;
        Ok(range.to.clone())
    }
}

/// Goes to the first row at or behind `target` if that is a few rows on, which costs less than a seek.
/// False: it is farther; a scan that has met that seeks from then on.
fn walk_to(rows: &mut DBRawIterator<'_>, target: &[u8]) -> bool {
    for _ in 0..ROWS_BEFORE_SEEK {
        rows.next();
        if rows.key().is_none_or(|key| key >= target) {
            return true;
        }
    }
    false
}

fn read_options(reach: Reach) -> ReadOptions {
    let mut options = ReadOptions::default();
    if reach == Reach::Memory {
        options.set_read_tier(ReadTier::BlockCache);
        // Why: a core does not stand still for what was deleted; behind it, a thread goes on.
        options.set_max_skippable_internal_keys(limits::TOMBSTONES_PER_STEP_MAX);
    }
    options
}

fn read_error(error: rocksdb::Error) -> ReadError {
    match error.kind() {
        ErrorKind::Incomplete => ReadError::WouldBlock,
        _ => ReadError::Failed(error.into_string()),
    }
}

/// One moment of a database.
pub(crate) struct Snapshot<'a> {
    database: &'a Database,
    snapshot: rocksdb::Snapshot<'a>,
    reach: Reach,
}

impl Snapshot<'_> {
    fn options(&self) -> ReadOptions {
        let mut options = read_options(self.reach);
        options.set_snapshot(&self.snapshot);
        options
    }
}

impl View for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.database.get(key, &self.options())
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        self.database.scan(self.reach, range, self.options(), visit)
    }
}

/// What is there at each read; a scan is one moment by itself.
pub(crate) struct Now<'a> {
    database: &'a Database,
    reach: Reach,
}

impl View for Now<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.database.get(key, &read_options(self.reach))
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        self.database.scan(self.reach, range, read_options(self.reach), visit)
    }
}

#[cfg(test)]
mod tests;
