//! Reads a table from front to back, past the cache.

use super::block::Kind;
use super::entry::{Entry, Key};
use super::table::{Table, TableError};
use crate::recover::window::Window;
use hamster_core::BufferPool;
use hamster_core::limits::{BLOCK_BYTES, TABLE_STEP_BYTES};
use std::vec;

/// Entries of a table in order. Holds one step of it in memory.
pub(crate) struct Cursor {
    table: Table,
    pool: BufferPool,
    window: Window,
    from: Key,
    /// Not yet known: found by descending from the root.
    leaf_next: Option<u64>,
    entries: vec::IntoIter<Entry>,
    last: Option<Key>,
}

impl Cursor {
    pub(super) fn new(table: &Table, pool: &BufferPool, from: Option<Key>) -> Self {
        Self {
            table: table.clone(),
            pool: pool.clone(),
            window: Window::new(table.file(), pool, TABLE_STEP_BYTES),
            from: from.unwrap_or(table.info().first),
            leaf_next: from.is_none().then_some(0),
            entries: Vec::new().into_iter(),
            last: None,
        }
    }

    /// The next entry; `None` at the end. After [`TableError::Damaged`] it goes on behind the
    /// damaged leaf, so that an audit finds them all.
    pub async fn next(&mut self) -> Result<Option<Entry>, TableError> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Ok(Some(entry));
            }
            let leaf = match self.leaf_next {
                Some(leaf) => leaf,
                None => self.table.leaf_of(self.from, None, &self.pool).await?,
            };
            if leaf >= self.table.info().leaves {
                return Ok(None);
            }
            self.read_leaf(leaf).await?;
        }
    }

    async fn read_leaf(&mut self, leaf: u64) -> Result<(), TableError> {
        let bytes = self.window.bytes(leaf * BLOCK_BYTES.get(), BLOCK_BYTES.get()).await?;
        self.leaf_next = Some(leaf + 1);
        let block = self.table.verify(leaf, Kind::Leaf, bytes)?;
        let entries = block.entries_from(self.from, None);
        // Whoever merges relies on the order.
        let in_order = entries.first().is_none_or(|entry| Some(entry.key) > self.last);
        if !in_order {
            return Err(self.table.damaged(leaf));
        }
        self.last = entries.last().map(|entry| entry.key).or(self.last);
        self.entries = entries.into_iter();
        Ok(())
    }
}
