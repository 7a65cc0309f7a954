//! A completed upload: what its version is, so that a repeated Complete gets the same answer.

use super::sequence::{Sequence, SequenceWire, VersionId};
use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::ids::BucketId;

/// It stays as long as the version exists, as the upload's part rows do, and for a while longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Completed {
    pub bucket: BucketId,
    pub key: String,
    pub version: VersionId,
    pub sequence: Sequence,
    pub etag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CompletedWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    bucket: u64,
    #[prost(string, tag = "3")]
    key: String,
    #[prost(message, optional, tag = "4")]
    sequence: Option<SequenceWire>,
    #[prost(bool, tag = "5")]
    null: bool,
    #[prost(string, tag = "6")]
    etag: String,
}

impl Record for Completed {
    type Wire = CompletedWire;
    const NAME: &'static str = "completed upload";

    fn to_wire(&self) -> CompletedWire {
        CompletedWire {
            format: FORMAT,
            bucket: self.bucket.get(),
            key: self.key.clone(),
            sequence: Some(self.sequence.into()),
            null: self.version == VersionId::Null,
            etag: self.etag.clone(),
        }
    }

    fn from_wire(wire: CompletedWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let sequence = wire.sequence.ok_or(Malformed::Not(Self::NAME))?.into();
        Ok(Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            version: VersionId::of(sequence, wire.null),
            sequence,
            etag: wire.etag,
        })
    }
}
