//! A data record: where the shards of a data id are. `shard` makes it, `s3` carries it here.

use super::sequence::{Sequence, SequenceWire, UploadId};
use super::{FORMAT, Malformed, Record, check_format};
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

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VersionOwnerWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(message, optional, tag = "2")]
    sequence: Option<SequenceWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartOwnerWire {
    #[prost(message, optional, tag = "1")]
    upload: Option<SequenceWire>,
    #[prost(uint32, tag = "2")]
    number: u32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OwnerWire {
    #[prost(message, tag = "8")]
    Version(VersionOwnerWire),
    #[prost(message, tag = "9")]
    Part(PartOwnerWire),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PieceWire {
    #[prost(uint32, tag = "1")]
    drive: u32,
    #[prost(fixed64, optional, tag = "2")]
    checksum: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DataRecordWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
    #[prost(uint32, tag = "3")]
    k: u32,
    #[prost(uint32, tag = "4")]
    m: u32,
    #[prost(uint32, tag = "5")]
    slice_bytes: u32,
    #[prost(uint64, tag = "6")]
    stored_bytes: u64,
    #[prost(uint64, tag = "7")]
    writer_epoch: u64,
    #[prost(oneof = "OwnerWire", tags = "8, 9")]
    owner: Option<OwnerWire>,
    #[prost(message, repeated, tag = "10")]
    pieces: Vec<PieceWire>,
}

impl From<&Piece> for PieceWire {
    fn from(piece: &Piece) -> Self {
        Self { drive: piece.drive.get(), checksum: piece.checksum }
    }
}

impl From<PieceWire> for Piece {
    fn from(wire: PieceWire) -> Self {
        Self { drive: DriveOrdinal::new(wire.drive), checksum: wire.checksum }
    }
}

impl From<Owner> for Option<OwnerWire> {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Nobody => None,
            Owner::Version { bucket, sequence } => Some(OwnerWire::Version(VersionOwnerWire {
                bucket: bucket.get(),
                sequence: Some(sequence.into()),
            })),
            Owner::Part { upload, number } => Some(OwnerWire::Part(PartOwnerWire {
                upload: Some(upload.0.into()),
                number: u32::from(number),
            })),
        }
    }
}

impl OwnerWire {
    fn owner(self) -> Option<Owner> {
        match self {
            Self::Version(version) => Some(Owner::Version {
                bucket: BucketId::new(version.bucket),
                sequence: version.sequence?.into(),
            }),
            Self::Part(part) => Some(Owner::Part {
                upload: UploadId(part.upload?.into()),
                number: u16::try_from(part.number).ok()?,
            }),
        }
    }
}

impl Record for DataRecord {
    type Wire = DataRecordWire;
    const NAME: &'static str = "data";

    fn to_wire(&self) -> DataRecordWire {
        DataRecordWire {
            format: FORMAT,
            data: self.data.bytes().to_vec(),
            k: u32::from(self.k),
            m: u32::from(self.m),
            slice_bytes: self.slice_bytes,
            stored_bytes: self.stored_bytes,
            writer_epoch: self.writer_epoch,
            owner: self.owner.into(),
            pieces: self.pieces.iter().map(Into::into).collect(),
        }
    }

    fn from_wire(wire: DataRecordWire) -> Result<Self, Malformed> {
        const NOT: Malformed = Malformed::Not(DataRecord::NAME);
        check_format(wire.format, Self::NAME)?;
        let data = <[u8; 16]>::try_from(wire.data.as_slice()).map_err(|_| NOT)?;
        Ok(Self {
            data: DataId::from_bytes(data),
            k: u8::try_from(wire.k).map_err(|_| NOT)?,
            m: u8::try_from(wire.m).map_err(|_| NOT)?,
            slice_bytes: wire.slice_bytes,
            stored_bytes: wire.stored_bytes,
            writer_epoch: wire.writer_epoch,
            owner: match wire.owner {
                None => Owner::Nobody,
                Some(owner) => owner.owner().ok_or(NOT)?,
            },
            pieces: wire.pieces.into_iter().map(Into::into).collect(),
        })
    }
}
