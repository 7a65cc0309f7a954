//! A row of the derived current index: what a listing shows of a key, so that a page needs one
//! iterator and no look-ups. Rebuildable from heads and versions.

use super::sequence::{Sequence, SequenceWire, VersionId};
use super::version::Version;
use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;

/// What a listing shows of the current version of a key, if that is an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ListedRow {
    pub version: VersionId,
    pub sequence: Sequence,
    pub size: u64,
    pub etag: String,
    pub modified: WallTime,
    pub checksum_algorithms: Vec<String>,
}

impl ListedRow {
    /// The row of `version`.
    pub(crate) fn of(version: &Version) -> Self {
        Self {
            version: version.id,
            sequence: version.sequence,
            size: version.size,
            etag: version.etag.clone(),
            modified: version.modified,
            checksum_algorithms: version
                .checksums
                .iter()
                .map(|sum| sum.algorithm.clone())
                .collect(),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListedWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    sequence: Option<SequenceWire>,
    #[prost(bool, tag = "3")]
    null: bool,
    #[prost(uint64, tag = "4")]
    size: u64,
    #[prost(string, tag = "5")]
    etag: String,
    #[prost(uint64, tag = "6")]
    modified: u64,
    #[prost(string, repeated, tag = "7")]
    checksum_algorithms: Vec<String>,
}

impl Record for ListedRow {
    type Wire = ListedWire;
    const NAME: &'static str = "current index";

    fn to_wire(&self) -> ListedWire {
        ListedWire {
            format: FORMAT,
            sequence: Some(self.sequence.into()),
            null: self.version == VersionId::Null,
            size: self.size,
            etag: self.etag.clone(),
            modified: self.modified.nanos(),
            checksum_algorithms: self.checksum_algorithms.clone(),
        }
    }

    fn from_wire(wire: ListedWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let sequence = wire.sequence.ok_or(Malformed::Not(Self::NAME))?.into();
        Ok(Self {
            version: VersionId::of(sequence, wire.null),
            sequence,
            size: wire.size,
            etag: wire.etag,
            modified: WallTime::from_nanos(wire.modified),
            checksum_algorithms: wire.checksum_algorithms,
        })
    }
}
