//! One core's view of a drive's index: the entries in memory that it keeps, and the tables.

use super::{BlockCache, Entry, Key, Placement, Table, TableError};
use crate::drive::local::LocalDrive;
use hamster_core::BufferPool;
use hamster_core::ids::{DataId, DriveOrdinal, SegmentNumber, ShardIndex};
use hamster_core::limits::RUN_PAYLOAD_BYTES_MAX;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Names the entries of one stretch of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub drive: DriveOrdinal,
    pub segment: SegmentNumber,
    /// Counts the stretches of the segment since it was opened.
    pub number: u32,
}

#[derive(Default)]
pub(crate) struct View {
    parts: Vec<(Part, BTreeMap<Key, Placement>)>,
    /// Of `tables`.
    version: u64,
    /// Newest first.
    tables: Rc<[Table]>,
}

/// Entries found so far.
type Found = BTreeMap<Key, Placement>;

impl View {
    /// Keeps entries of a part.
    pub fn keep(&mut self, part: Part, entries: Vec<Entry>) {
        let known = self.parts.iter().position(|(known, _)| *known == part);
        let at = known.unwrap_or_else(|| {
            self.parts.push((part, BTreeMap::new()));
            self.parts.len() - 1
        });
        self.parts[at].1.extend(entries.into_iter().map(|entry| (entry.key, entry.placement)));
    }

    /// Entries in memory behind a key, in order, at most `limit`.
    pub fn behind(&self, after: Option<Key>, limit: usize) -> Vec<Entry> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut found = BTreeMap::new();
        for (_, entries) in &self.parts {
            let entries = entries.range(behind).take(limit);
            found.extend(entries.map(|(key, placement)| (*key, placement.clone())));
        }
        let entry = |(key, placement)| Entry { key, placement };
        found.into_iter().take(limit).map(entry).collect()
    }

    /// The tables that are open.
    pub fn tables(&self) -> Rc<[Table]> {
        Rc::clone(&self.tables)
    }

    /// Goes by these tables from now on, and lets go of the part that is in them. Both at once: no
    /// look-up misses it.
    pub fn publish(&mut self, version: u64, tables: Rc<[Table]>, part: Option<Part>) {
        if version > self.version {
            (self.version, self.tables) = (version, tables);
        }
        self.parts.retain(|(known, _)| Some(*known) != part);
    }

    /// What is in memory of what is wanted, and the tables as of the same moment.
    pub fn look(&self, wanted: &Wanted) -> (Found, Rc<[Table]>) {
        let mut found = Found::new();
        for (_, entries) in &self.parts {
            let entries = entries.range(wanted.first()..wanted.beyond());
            found.extend(entries.map(|(key, placement)| (*key, placement.clone())));
        }
        (found, self.tables())
    }
}

/// What the index of a drive tells of what is wanted.
pub(crate) struct Completed {
    pub entries: Vec<Entry>,
    /// There is no more.
    pub whole: bool,
    /// A table is rotten.
    pub is_damaged: bool,
}

/// What a look-up is for: bytes of a range of the shards of a data id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    pub data: DataId,
    pub range: Range<u64>,
}

impl Wanted {
    /// A run that starts earlier may reach into the range.
    fn first(&self) -> Key {
        self.key(self.range.start.saturating_sub(RUN_PAYLOAD_BYTES_MAX.get()))
    }

    /// The runs of an empty body start at the end of any range of it.
    fn beyond(&self) -> Key {
        self.key(self.range.end.max(1))
    }

    fn key(&self, shard_offset: u64) -> Key {
        Key { data: self.data, shard_offset, shard: ShardIndex::new(0) }
    }

    /// Goes on from what was in memory to the tables, newest first: of two entries of a key the
    /// newer one counts. Of a table that cannot be read what it holds is left out.
    pub async fn complete(
        &self,
        mut found: Found,
        tables: &[Table],
        drive: &LocalDrive,
        (cache, pool): (&BlockCache, &BufferPool),
    ) -> Completed {
        let (mut whole, mut is_damaged) = (true, false);
        for table in tables {
            if self.is_met_by(&found) {
                break;
            }
            let read = async {
                match table.may_hold(cache, pool, self.data).await? {
                    true => table.range(cache, pool, self.first(), self.beyond()).await,
                    false => Ok(Vec::new()),
                }
            };
            match read.await {
                Ok(entries) => entries.into_iter().for_each(|Entry { key, placement }| {
                    found.entry(key).or_insert(placement);
                }),
                Err(error) => {
                    whole = false;
                    is_damaged |= matches!(error, TableError::Damaged { .. });
                    drive.gauges().corruptions.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(drive = %drive.ordinal, %error, "its index cannot be read");
                }
            }
        }
        let entry = |(key, placement)| Entry { key, placement };
        let entries = found.into_iter().map(entry).filter(|entry| self.reaches(entry)).collect();
        Completed { entries, whole, is_damaged }
    }

    fn reaches(&self, entry: &Entry) -> bool {
        let Entry { key, placement } = entry;
        let is_empty = placement.payload_bytes == 0;
        is_empty || key.shard_offset + u64::from(placement.payload_bytes) > self.range.start
    }

    /// Whether the runs of one shard hold the whole range: a drive has no more.
    fn is_met_by(&self, found: &Found) -> bool {
        let Some(shard) = found.keys().next().map(|key| key.shard) else { return false };
        let mut held = self.range.start;
        for (key, placement) in found.iter().filter(|(key, _)| key.shard == shard) {
            if key.shard_offset > held {
                return false;
            }
            held = held.max(key.shard_offset + u64::from(placement.payload_bytes));
        }
        held >= self.range.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Class;

    fn entry(data: u8, shard: u8, shard_offset: u64, payload_bytes: u32) -> Entry {
        let data = DataId::from_bytes([data; 16]);
        Entry {
            key: Key { data, shard_offset, shard: ShardIndex::new(shard) },
            placement: Placement {
                segment: SegmentNumber::new(1),
                generation: 1,
                class: Class::Bulk,
                position: 4096,
                payload_bytes,
                writer_epoch: 1,
                chunks: None,
            },
        }
    }

    fn part(number: u32) -> Part {
        Part { drive: DriveOrdinal::new(0), segment: SegmentNumber::new(1), number }
    }

    fn offsets(view: &View, data: u8, range: Range<u64>) -> Vec<u64> {
        let wanted = Wanted { data: DataId::from_bytes([data; 16]), range };
        let (found, _) = view.look(&wanted);
        found.keys().map(|key| key.shard_offset).collect()
    }

    #[test]
    fn entries_are_found_until_their_part_is_in_a_table() {
        let mut view = View::default();
        view.keep(part(0), vec![entry(1, 0, 0, 100), entry(2, 0, 0, 999)]);
        view.keep(part(1), vec![entry(1, 0, 100, 100)]);
        assert_eq!(offsets(&view, 1, 0..200), [0, 100]);
        assert_eq!(offsets(&view, 1, 0..100), [0]);
        assert_eq!(offsets(&view, 3, 0..100), []);
        view.publish(1, Rc::default(), Some(part(0)));
        assert_eq!(offsets(&view, 1, 0..200), [100]);
    }

    #[test]
    fn a_range_is_met_by_the_runs_of_one_shard_without_a_gap() {
        let wanted = Wanted { data: DataId::from_bytes([1; 16]), range: 50..150 };
        let found = |entries: &[Entry]| -> Found {
            entries.iter().map(|entry| (entry.key, entry.placement.clone())).collect()
        };
        assert!(wanted.is_met_by(&found(&[entry(1, 0, 0, 100), entry(1, 0, 100, 50)])));
        assert!(!wanted.is_met_by(&found(&[entry(1, 0, 0, 100), entry(1, 1, 100, 50)])));
        assert!(!wanted.is_met_by(&found(&[entry(1, 0, 60, 200)])));
        assert!(!wanted.is_met_by(&Found::new()));
    }
}
