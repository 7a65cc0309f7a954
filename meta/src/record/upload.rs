//! A multipart upload that is open.

use super::sequence::{SequenceWire, UploadId};
use super::version::{Headers, HeadersWire};
use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::ids::BucketId;

/// An open upload. Its parts are rows of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The bucket it is for.
    pub bucket: BucketId,
    /// The key it is for.
    pub key: String,
    /// The canonical id of the user who began it.
    pub owner: String,
    /// When it was begun.
    pub initiated: WallTime,
    /// What the object's headers will be.
    pub headers: Headers,
    /// Algorithm of the checksums, as in `x-amz-checksum-algorithm` (lower case); empty if none.
    pub checksum_algorithm: String,
    /// The object's checksum is one of the parts' checksums (`COMPOSITE`), not of the bytes.
    pub checksum_composite: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UploadWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    id: Option<SequenceWire>,
    #[prost(uint64, tag = "3")]
    bucket: u64,
    #[prost(string, tag = "4")]
    key: String,
    #[prost(string, tag = "5")]
    owner: String,
    #[prost(uint64, tag = "6")]
    initiated: u64,
    #[prost(message, optional, tag = "7")]
    headers: Option<HeadersWire>,
    #[prost(string, tag = "8")]
    checksum_algorithm: String,
    #[prost(bool, tag = "9")]
    checksum_composite: bool,
}

impl Record for Upload {
    type Wire = UploadWire;
    const NAME: &'static str = "upload";

    fn to_wire(&self) -> UploadWire {
        UploadWire {
            format: FORMAT,
            id: Some(self.id.0.into()),
            bucket: self.bucket.get(),
            key: self.key.clone(),
            owner: self.owner.clone(),
            initiated: self.initiated.nanos(),
            headers: (self.headers != Headers::default()).then(|| (&self.headers).into()),
            checksum_algorithm: self.checksum_algorithm.clone(),
            checksum_composite: self.checksum_composite,
        }
    }

    fn from_wire(wire: UploadWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self {
            id: UploadId(wire.id.ok_or(Malformed::Not(Self::NAME))?.into()),
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            owner: wire.owner,
            initiated: WallTime::from_nanos(wire.initiated),
            headers: wire.headers.map(Headers::from).unwrap_or_default(),
            checksum_algorithm: wire.checksum_algorithm,
            checksum_composite: wire.checksum_composite,
        })
    }
}
