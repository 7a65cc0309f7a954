//! One run, as look-ups tell it.

use crate::index::{Entry, Key, Placement};
use hamster_core::ids::{DataId, DriveOrdinal, ShardIndex};
use std::ops::Range;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RunEntry {
    pub data: DataId,
    pub shard: ShardIndex,
    pub drive: DriveOrdinal,
    /// Where in the shard its payload starts.
    pub shard_offset: u64,
    pub placement: Placement,
}

impl RunEntry {
    pub fn new(drive: DriveOrdinal, Entry { key, placement }: Entry) -> Self {
        let Key { data, shard_offset, shard } = key;
        Self { data, shard, drive, shard_offset, placement }
    }

    /// Where it is in the index.
    pub fn key(&self) -> Key {
        Key { data: self.data, shard_offset: self.shard_offset, shard: self.shard }
    }

    /// The bytes of the shard that it holds.
    pub fn range(&self) -> Range<u64> {
        self.shard_offset..self.shard_offset + u64::from(self.placement.payload_bytes)
    }
}
