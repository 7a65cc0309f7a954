//! Writes a table: leaves as the entries come, then the levels above them, then the filter.
//!
//! In memory meanwhile: one step of the file, the filter (bounded), and of each leaf its first key
//! (32 bytes a leaf, some 3 MiB for ten million entries).

use super::block::{self, BlockName, CHILDREN_MAX, PAYLOAD_BYTES};
use super::entry::{ENTRY_BYTES_MAX, Entry, Key};
use super::filter::{self, Filter};
use super::table::{TableInfo, draft_name, file_name};
use hamster_core::ids::DriveUuid;
use hamster_core::limits::{BLOCK_BYTES, TABLE_STEP_BYTES};
use hamster_core::{BufferPool, ByteCount, Directory, File};
use std::io;

/// A table being written. Under a draft name until it is whole and durable: after a crash there is
/// none.
pub(crate) struct TableWriter {
    directory: Directory,
    pool: BufferPool,
    file: File,
    drive: DriveUuid,
    number: u64,
    entries_max: u64,
    /// Blocks that the file has.
    blocks_max: u64,
    filter: Filter,
    /// The leaf being filled: its entries, encoded.
    leaf: Vec<u8>,
    leaf_count: usize,
    /// First keys of the leaves, the one being filled included.
    firsts: Vec<Key>,
    entries: u64,
    last: Option<Key>,
    /// Encoded blocks that are not yet written.
    pending: Vec<u8>,
    /// Blocks written and pending.
    blocks: u64,
}

/// Blocks of a table whose entries take `bytes_max` encoded.
fn blocks_max(entries_max: u64, bytes_max: u64) -> u64 {
    // Every leaf but the last was too full for one more entry.
    let leaf_bytes_min = (PAYLOAD_BYTES - ENTRY_BYTES_MAX) as u64;
    let mut level = (bytes_max / leaf_bytes_min + 1).min(entries_max.max(1));
    let mut blocks = level + filter::blocks_of(entries_max);
    while level > 1 {
        level = level.div_ceil(CHILDREN_MAX as u64);
        blocks += level;
    }
    blocks
}

impl TableWriter {
    /// A table of at most `entries_max` entries, which take at most `bytes_max` encoded
    /// ([`ENTRY_BYTES_MAX`] each at most; what the leaves of merged tables take is enough for the
    /// merged one).
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn create(
        directory: &Directory,
        pool: &BufferPool,
        drive: DriveUuid,
        number: u64,
        entries_max: u64,
        bytes_max: u64,
    ) -> io::Result<Self> {
        let blocks_max = blocks_max(entries_max, bytes_max);
        let length = ByteCount::new(blocks_max * BLOCK_BYTES.get());
        let file = directory.create(&draft_name(number), length, false).await?;
        Ok(Self {
            directory: directory.clone(),
            pool: pool.clone(),
            file,
            drive,
            number,
            entries_max,
            blocks_max,
            filter: Filter::new(entries_max),
            leaf: Vec::with_capacity(PAYLOAD_BYTES),
            leaf_count: 0,
            firsts: Vec::new(),
            entries: 0,
            last: None,
            pending: Vec::with_capacity(TABLE_STEP_BYTES.as_usize()),
            blocks: 0,
        })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// The drive does not take it: [`TableWriter::abandon`] is what is left to do, as it is when the
    /// future is dropped.
    ///
    /// # Panics
    /// If its key is not above the one before, or if it is one more than `entries_max`.
    pub async fn push(&mut self, entry: &Entry) -> io::Result<()> {
        assert!(self.last < Some(entry.key), "{:?} after {:?}", entry.key, self.last);
        assert!(self.entries < self.entries_max, "more than {} entries", self.entries_max);
        let encoded = entry.encode();
        if self.leaf.len() + encoded.len() > PAYLOAD_BYTES {
            self.end_leaf().await?;
        }
        if self.leaf_count == 0 {
            self.firsts.push(entry.key);
        }
        // Runs of a data id are neighbours.
        if self.last.is_none_or(|last| last.data != entry.key.data) {
            self.filter.insert(entry.key.data);
        }
        self.leaf.extend_from_slice(&encoded);
        self.leaf_count += 1;
        self.entries += 1;
        self.last = Some(entry.key);
        Ok(())
    }

    /// Completes the table and makes it durable under its name. `None`: there was no entry, and
    /// there is no file.
    ///
    /// # Errors
    /// The table is not known to be durable; its draft is removed if that can be done.
    pub async fn finish(mut self) -> io::Result<Option<TableInfo>> {
        let (Some(first), Some(last)) = (self.firsts.first().copied(), self.last) else {
            return self.abandon().await.map(|()| None);
        };
        match self.complete(first, last).await {
            Ok(info) => Ok(Some(info)),
            Err(error) => {
                let _ = self.abandon().await;
                Err(error)
            }
        }
    }

    /// Gives up: removes the draft, and with it the space that it takes.
    ///
    /// # Errors
    /// It could not be removed.
    pub async fn abandon(self) -> io::Result<()> {
        self.directory.remove(&draft_name(self.number)).await
    }

    async fn complete(&mut self, first: Key, last: Key) -> io::Result<TableInfo> {
        self.end_leaf().await?;
        let leaves = self.blocks;
        let height = self.write_inner_levels().await?;
        let root = self.blocks - 1;
        let bloom_start = self.blocks;
        let filter = std::mem::take(&mut self.filter);
        for payload in filter.payloads() {
            let block = block::filter(&self.name(), payload);
            self.write(&block).await?;
        }
        self.flush().await?;
        let used = self.blocks * BLOCK_BYTES.get();
        let rest = ByteCount::new(self.blocks_max * BLOCK_BYTES.get())
            .saturating_sub(ByteCount::new(used));
        if rest > ByteCount::ZERO {
            self.file.punch(used, rest).await?;
        }
        self.file.sync().await?;
        self.directory.rename(&draft_name(self.number), &file_name(self.number)).await?;
        self.directory.sync().await?;
        Ok(TableInfo {
            number: self.number,
            entries: self.entries,
            first,
            last,
            blocks: self.blocks,
            leaves,
            root,
            height,
            bloom_start,
            bloom_blocks: self.blocks - bloom_start,
        })
    }

    /// Returns the height of the tree.
    async fn write_inner_levels(&mut self) -> io::Result<u8> {
        let mut firsts = std::mem::take(&mut self.firsts);
        let mut level = 0;
        while firsts.len() > 1 {
            level += 1;
            let mut child = self.blocks - firsts.len() as u64;
            for children in firsts.chunks(CHILDREN_MAX) {
                let block = block::inner(&self.name(), level, child, children);
                self.write(&block).await?;
                child += children.len() as u64;
            }
            firsts = firsts.into_iter().step_by(CHILDREN_MAX).collect();
        }
        Ok(level + 1)
    }

    async fn end_leaf(&mut self) -> io::Result<()> {
        let block = block::leaf(&self.name(), self.leaf_count, &self.leaf);
        self.leaf.clear();
        self.leaf_count = 0;
        self.write(&block).await
    }

    /// The name of the next block.
    fn name(&self) -> BlockName {
        BlockName { drive: self.drive, table: self.number, block: self.blocks }
    }

    async fn write(&mut self, block: &[u8]) -> io::Result<()> {
        assert!(self.blocks < self.blocks_max, "more than {} blocks", self.blocks_max);
        self.pending.extend_from_slice(block);
        self.blocks += 1;
        if self.pending.len() >= TABLE_STEP_BYTES.as_usize() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let length = ByteCount::of(self.pending.len());
        let mut buffer = self.pool.take(length).await;
        buffer.copy_from_slice(&self.pending);
        self.pending.clear();
        let offset = self.blocks * BLOCK_BYTES.get() - length.get();
        self.file.write_at(offset, buffer).await.1
    }
}
