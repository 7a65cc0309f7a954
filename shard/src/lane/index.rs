//! From (data id, offset in the shard, shard, drive) to the run that holds it: in memory, for the
//! lanes of one core.

use crate::segment::Class;
use hamster_core::checksum::Crc64;
use hamster_core::ids::{DataId, DriveOrdinal, SegmentNumber, ShardIndex};
use hamster_core::limits::RUN_PAYLOAD_BYTES_MAX;
use std::collections::BTreeMap;
use std::ops::Range;

/// One run, as look-ups tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RunEntry {
    pub data: DataId,
    pub shard: ShardIndex,
    pub drive: DriveOrdinal,
    /// Where in the shard its payload starts.
    pub shard_offset: u64,
    pub placement: Placement,
}

/// Where a run stands on its drive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placement {
    pub segment: SegmentNumber,
    pub class: Class,
    /// Of the header.
    pub position: u64,
    pub payload_bytes: u32,
    /// The checksums of the chunks of a bulk run. A packed one is read with its footer.
    pub chunks: Option<Box<[Crc64]>>,
}

impl RunEntry {
    /// The bytes of the shard that it holds.
    pub fn range(&self) -> Range<u64> {
        self.shard_offset..self.shard_offset + u64::from(self.placement.payload_bytes)
    }
}

/// Ordered so that all shards of a range of stripes are found in one go.
type Key = (DataId, u64, ShardIndex, DriveOrdinal);

#[derive(Default)]
pub(crate) struct Index(BTreeMap<Key, Placement>);

impl Index {
    pub fn insert(&mut self, entries: Vec<RunEntry>) {
        for RunEntry { data, shard, drive, shard_offset, placement } in entries {
            self.0.insert((data, shard_offset, shard, drive), placement);
        }
    }

    pub fn find(&self, data: DataId, range: Range<u64>) -> Vec<RunEntry> {
        // A run that starts earlier may reach into the range.
        let start = range.start.saturating_sub(RUN_PAYLOAD_BYTES_MAX.get());
        let first = (data, start, ShardIndex::new(0), DriveOrdinal::new(0));
        // The runs of an empty body start at the end of any range of it.
        let beyond = (data, range.end.max(1), ShardIndex::new(0), DriveOrdinal::new(0));
        let entry = |(&(data, shard_offset, shard, drive), placement): (&Key, &Placement)| {
            RunEntry { data, shard, drive, shard_offset, placement: placement.clone() }
        };
        let found = self.0.range(first..beyond).map(entry);
        found.filter(|run| run.range().end > range.start || run.range().is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(data: u8, shard: u8, shard_offset: u64, payload_bytes: u32) -> RunEntry {
        RunEntry {
            data: DataId::from_bytes([data; 16]),
            shard: ShardIndex::new(shard),
            drive: DriveOrdinal::new(u32::from(shard)),
            shard_offset,
            placement: Placement {
                segment: SegmentNumber::new(1),
                class: Class::Bulk,
                position: 4096,
                payload_bytes,
                chunks: None,
            },
        }
    }

    #[test]
    fn runs_that_reach_into_the_range_are_found_and_no_others() {
        let mut index = Index::default();
        let (early, wanted, other) =
            (entry(1, 0, 0, 100), entry(1, 1, 50, 100), entry(2, 0, 0, 999));
        index.insert(vec![early.clone(), wanted.clone(), entry(1, 0, 160, 10), other]);
        let data = DataId::from_bytes([1; 16]);
        assert_eq!(index.find(data, 100..160), std::slice::from_ref(&wanted));
        assert_eq!(index.find(data, 99..100), [early, wanted]);
        assert_eq!(index.find(DataId::from_bytes([3; 16]), 0..1000), []);
    }
}
