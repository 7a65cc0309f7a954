//! A merge of several tables into one, step by step: what else is asked of the keeper waits for one
//! step at most, whatever the size of the tables.

use super::cursor::Cursor;
use super::table::{Table, TableError, TableInfo};
use super::writer::TableWriter;
use super::{Entry, Key};
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::INDEX_MERGE_ENTRIES_PER_TURN;
use hamster_core::{BufferPool, Set, Tasks};
use std::io;

pub(super) struct Merge {
    /// What it replaces: neighbours, newest first.
    infos: Vec<TableInfo>,
    /// One for each, with the entry where it stands.
    cursors: Vec<(Option<Entry>, Cursor)>,
    writer: TableWriter,
    /// Those that were there when it began: entries of others are left out.
    segments: Set<SegmentNumber>,
}

impl Merge {
    /// Of `tables`, all that it replaces, in their order.
    ///
    /// # Errors
    /// One cannot be read; the draft of `writer` is left.
    pub async fn begin(
        tables: &[Table],
        writer: TableWriter,
        segments: Set<SegmentNumber>,
        pool: &BufferPool,
    ) -> Result<Self, TableError> {
        let mut cursors = Vec::with_capacity(tables.len());
        for table in tables {
            let mut cursor = table.cursor(pool, None);
            let head = cursor.next().await?;
            cursors.push((head, cursor));
        }
        let infos = tables.iter().map(|table| table.info().clone()).collect();
        Ok(Self { infos, cursors, writer, segments })
    }

    pub fn infos(&self) -> &[TableInfo] {
        &self.infos
    }

    /// Moves so many entries; `true`: there are no more.
    pub async fn step(&mut self, entries: u64, tasks: &Tasks) -> Result<bool, TableError> {
        for moved in 1..=entries {
            let Some(entry) = next(&mut self.cursors).await? else { return Ok(true) };
            if self.segments.contains(&entry.placement.segment) {
                self.writer.push(&entry).await?;
            }
            if moved.is_multiple_of(INDEX_MERGE_ENTRIES_PER_TURN) {
                tasks.yield_now().await;
            }
        }
        Ok(false)
    }

    /// The merged table, durable; `None`: nothing is left of them.
    pub async fn finish(self) -> io::Result<(Vec<TableInfo>, Option<TableInfo>)> {
        let merged = self.writer.finish().await?;
        Ok((self.infos, merged))
    }

    pub async fn abandon(self) {
        // Why ignored: what is left of it goes at the next start.
        let _ = self.writer.abandon().await;
    }
}

/// The lowest entry of all cursors; of equal keys that of the newest table, which stands first.
async fn next(cursors: &mut [(Option<Entry>, Cursor)]) -> Result<Option<Entry>, TableError> {
    let key = |head: &Option<Entry>| -> Option<Key> { head.as_ref().map(|entry| entry.key) };
    let Some(lowest) = cursors.iter().filter_map(|(head, _)| key(head)).min() else {
        return Ok(None);
    };
    let mut newest = None;
    for (head, cursor) in cursors {
        if key(head) == Some(lowest) {
            let entry = std::mem::replace(head, cursor.next().await?);
            newest = newest.or(entry);
        }
    }
    Ok(newest)
}
