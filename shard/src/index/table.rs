//! A table that is read: one immutable file of sorted entries.
//!
//! Leaves from block 0 on, then the inner levels, the root last, then the Bloom filter. A look-up
//! reads one block of the filter and one of each level, all through the cache.

use super::block::{Block, BlockName, Kind};
use super::cache::BlockCache;
use super::cursor::Cursor;
use super::entry::{Entry, Key};
use super::filter::Bits;
use hamster_core::ids::{DataId, DriveOrdinal, DriveUuid};
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::{BufferPool, Directory, File};
use std::io;
use std::rc::Rc;

/// What the manifest keeps of a table; enough to open it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TableInfo {
    /// Never used twice on a drive, not even when its index is made anew: caches and blocks name
    /// their table by it.
    pub number: u64,
    pub entries: u64,
    pub first: Key,
    pub last: Key,
    /// In use; the file may be longer.
    pub blocks: u64,
    /// Blocks `0..leaves` are the leaves.
    pub leaves: u64,
    pub root: u64,
    /// Levels, the leaves included.
    pub height: u8,
    pub bloom_start: u64,
    pub bloom_blocks: u64,
}

const SUFFIX: &str = ".table";
const DRAFT_SUFFIX: &str = ".new";

/// The file name of a table.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:016x}{SUFFIX}")
}

/// The file name of a table that is being written; never opened.
pub(crate) fn draft_name(number: u64) -> String {
    format!("{}{DRAFT_SUFFIX}", file_name(number))
}

/// What the name of a file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileName {
    Table(u64),
    /// Left behind by a crash, to be removed.
    Draft(u64),
}

/// Reads a file name; `None` for one that is no table's.
pub(crate) fn parse_file_name(name: &str) -> Option<FileName> {
    let table = name.strip_suffix(DRAFT_SUFFIX).unwrap_or(name);
    let number = u64::from_str_radix(table.strip_suffix(SUFFIX)?, 16).ok()?;
    (file_name(number) == table).then_some(match table.len() == name.len() {
        true => FileName::Table(number),
        false => FileName::Draft(number),
    })
}

/// Why a table did not tell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// The drive did not answer.
    #[error("reading a table: {0}")]
    Io(#[from] io::Error),
    /// Rotten, or not the block that was written there. The table must be made anew.
    #[error("table {table:016x} is damaged at block {block}")]
    Damaged { table: u64, block: u64 },
}

/// One core's view of a table. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Table(Rc<Inner>);

struct Inner {
    file: File,
    ordinal: DriveOrdinal,
    drive: DriveUuid,
    info: TableInfo,
}

impl Table {
    /// Opens the table of `directory` that `info` describes.
    ///
    /// # Errors
    /// There is none, or it is too short to be it.
    pub async fn open(
        directory: &Directory,
        ordinal: DriveOrdinal,
        drive: DriveUuid,
        info: TableInfo,
    ) -> io::Result<Self> {
        let file = directory.open(&file_name(info.number)).await?;
        if file.length().await?.get() / BLOCK_BYTES.get() < info.blocks {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self(Rc::new(Inner { file, ordinal, drive, info })))
    }

    pub fn info(&self) -> &TableInfo {
        &self.0.info
    }

    pub(super) fn file(&self) -> &File {
        &self.0.file
    }

    /// Entries with `first <= key < beyond`, in order. All of them in memory: the caller keeps the
    /// range small.
    pub async fn range(
        &self,
        cache: &BlockCache,
        pool: &BufferPool,
        first: Key,
        beyond: Key,
    ) -> Result<Vec<Entry>, TableError> {
        let mut found = Vec::new();
        if first >= beyond || beyond <= self.0.info.first || first > self.0.info.last {
            return Ok(found);
        }
        for leaf in self.leaf_of(first, Some(cache), pool).await?..self.0.info.leaves {
            let block = self.block(leaf, Kind::Leaf, Some(cache), pool).await?;
            found.extend(block.entries_from(first, Some(beyond)));
            if block.entries().last().is_none_or(|last| last.key >= beyond) {
                break;
            }
        }
        Ok(found)
    }

    /// Entries behind a key, in order, at most `limit`. Past the cache.
    pub async fn behind(
        &self,
        pool: &BufferPool,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Entry>, TableError> {
        let mut cursor = self.cursor(pool, after);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(entry) = cursor.next().await?
        {
            if Some(entry.key) > after {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// May it hold any run of this data id? `false` is certain.
    pub async fn may_hold(
        &self,
        cache: &BlockCache,
        pool: &BufferPool,
        data: DataId,
    ) -> Result<bool, TableError> {
        let TableInfo { first, last, bloom_start, bloom_blocks, .. } = self.0.info;
        if data < first.data || data > last.data {
            return Ok(false);
        }
        let bits = Bits::of(data, bloom_blocks);
        let number = bloom_start.saturating_add(bits.block);
        let block = self.block(number, Kind::Filter, Some(cache), pool).await?;
        Ok(bits.positions().all(|position| block.bit(position)))
    }

    /// All entries in order from `from` on, read sequentially in large steps past the cache: for
    /// merges and audits.
    pub fn cursor(&self, pool: &BufferPool, from: Option<Key>) -> Cursor {
        Cursor::new(self, pool, from)
    }

    /// The only leaf that may hold `key`.
    pub(super) async fn leaf_of(
        &self,
        key: Key,
        cache: Option<&BlockCache>,
        pool: &BufferPool,
    ) -> Result<u64, TableError> {
        let mut number = self.0.info.root;
        for level in (1..self.0.info.height).rev() {
            let block = self.block(number, Kind::Inner { level }, cache, pool).await?;
            number = block.child(key).ok_or(self.damaged(number))?;
        }
        Ok(number)
    }

    async fn block(
        &self,
        number: u64,
        kind: Kind,
        cache: Option<&BlockCache>,
        pool: &BufferPool,
    ) -> Result<Block, TableError> {
        let key = (self.0.ordinal, self.0.info.number, number);
        let cached = cache.and_then(|cache| cache.get(key)).filter(|block| block.is(kind));
        if let Some(block) = cached {
            return Ok(block);
        }
        let offset = number.checked_mul(BLOCK_BYTES.get()).ok_or(self.damaged(number))?;
        let (buffer, outcome) = self.0.file.read_at(offset, pool.take(BLOCK_BYTES).await).await;
        let read = buffer.get(..outcome?).unwrap_or_default();
        let block = self.verify(number, kind, read)?;
        cache.inspect(|cache| cache.insert(key, block.clone()));
        Ok(block)
    }

    /// The block that `bytes` are, if they are this one.
    pub(super) fn verify(
        &self,
        number: u64,
        kind: Kind,
        bytes: &[u8],
    ) -> Result<Block, TableError> {
        let name = BlockName { drive: self.0.drive, table: self.0.info.number, block: number };
        Block::verify(&name, kind, bytes).ok_or(self.damaged(number))
    }

    pub(super) fn damaged(&self, block: u64) -> TableError {
        TableError::Damaged { table: self.0.info.number, block }
    }
}
