//! A data record: where the shards of a data id are. `shard` makes it, `s3` carries it here.

use super::sequence::{Sequence, UploadId};
use hamster_core::ids::{BucketId, DataId, DriveOrdinal};

/// What refers to a data id. Fixed in apply: what a coordinator sends is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Owner {
    /// Nothing yet: as it comes from a coordinator.
    #[default]
    Nobody,
    /// A version.
    Version {
        /// The bucket it is in.
        bucket: BucketId,
        /// Its commit sequence.
        sequence: Sequence,
    },
    /// A part of an open or completed upload.
    Part {
        /// The upload.
        upload: UploadId,
        /// The part's number.
        number: u16,
    },
}

/// One shard of a data id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The drive it was meant for.
    pub drive: DriveOrdinal,
    /// CRC-64/NVME of the shard as stored; `None` where it never became durable.
    pub checksum: Option<u64>,
}

/// Where the shards of a data id are. `pieces[i]` is shard `i`; there are k + m of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataRecord {
    /// The data id.
    pub data: DataId,
    /// Data slices of a stripe; 1 for full copies.
    pub k: u8,
    /// Parity slices of a stripe, or further copies.
    pub m: u8,
    /// Bytes of one slice.
    pub slice_bytes: u32,
    /// Bytes stored: what the shards together carry, without parity.
    pub stored_bytes: u64,
    /// The epoch of the writer, for reclaim.
    pub writer_epoch: u64,
    /// What refers to it.
    pub owner: Owner,
    /// Its shards in order.
    pub pieces: Vec<Piece>,
}
