//! A version of a key: one immutable write, or a delete marker.

use super::sequence::{Sequence, SequenceWire, UploadId, VersionId};
use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::ids::DataId;

/// What a version is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VersionKind {
    /// It has a body.
    Object,
    /// It says that the key is gone.
    DeleteMarker,
}

/// Where the body of a version lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// There is nothing stored: an empty body, or a delete marker.
    Nothing,
    /// One data record.
    Data(DataId),
    /// The parts of a completed upload, in their order.
    Upload(UploadId),
}

/// An object checksum that S3 clients asked for, besides the ETag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checksum {
    /// As in `x-amz-checksum-<algorithm>`: `crc32`, `crc64nvme`, `sha256` and so on.
    pub algorithm: String,
    /// As on the wire: base64, with `-N` behind it for a composite.
    pub value: String,
    /// It covers the checksums of the parts, not the bytes (`COMPOSITE`).
    pub composite: bool,
}

/// What a client said about an object beyond its bytes. Kept as sent, in the order sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers {
    /// Content-Type, Cache-Control and their kind: lower-case name and value.
    pub system: Vec<(String, String)>,
    /// User metadata: the name behind `x-amz-meta-`, and the value.
    pub user: Vec<(String, String)>,
    /// Tags: key and value. The one thing about a version that can change.
    pub tags: Vec<(String, String)>,
}

impl Headers {
    /// Bytes of all names and values.
    pub(crate) fn weight(&self) -> usize {
        let pairs = self.system.iter().chain(&self.user).chain(&self.tags);
        pairs.map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// One version of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// When it was committed, relative to everything else.
    pub sequence: Sequence,
    /// Object or delete marker.
    pub kind: VersionKind,
    /// Bytes of the body.
    pub size: u64,
    /// The ETag, without quotes.
    pub etag: String,
    /// When it was written: what `Last-Modified` says. Orders nothing.
    pub modified: WallTime,
    /// Where the body lies.
    pub content: Content,
    /// What the client said about it.
    pub headers: Headers,
    /// Checksums that the client gave or asked for.
    pub checksums: Vec<Checksum>,
    /// The canonical id of the user who wrote it.
    pub owner: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ChecksumWire {
    #[prost(string, tag = "1")]
    algorithm: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bool, tag = "3")]
    composite: bool,
}

impl From<&Checksum> for ChecksumWire {
    fn from(checksum: &Checksum) -> Self {
        let Checksum { algorithm, value, composite } = checksum.clone();
        Self { algorithm, value, composite }
    }
}

impl From<ChecksumWire> for Checksum {
    fn from(wire: ChecksumWire) -> Self {
        let ChecksumWire { algorithm, value, composite } = wire;
        Self { algorithm, value, composite }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PairWire {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Pairs as they are stored.
pub(crate) fn pairs_to_wire(pairs: &[(String, String)]) -> Vec<PairWire> {
    pairs.iter().cloned().map(|(name, value)| PairWire { name, value }).collect()
}

/// Pairs as they were stored.
pub(crate) fn pairs_from_wire(pairs: Vec<PairWire>) -> Vec<(String, String)> {
    pairs.into_iter().map(|pair| (pair.name, pair.value)).collect()
}

/// Headers within other messages.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeadersWire {
    #[prost(message, repeated, tag = "1")]
    system: Vec<PairWire>,
    #[prost(message, repeated, tag = "2")]
    user: Vec<PairWire>,
    #[prost(message, repeated, tag = "3")]
    tags: Vec<PairWire>,
}

impl From<&Headers> for HeadersWire {
    fn from(headers: &Headers) -> Self {
        Self {
            system: pairs_to_wire(&headers.system),
            user: pairs_to_wire(&headers.user),
            tags: pairs_to_wire(&headers.tags),
        }
    }
}

impl From<HeadersWire> for Headers {
    fn from(wire: HeadersWire) -> Self {
        Self {
            system: pairs_from_wire(wire.system),
            user: pairs_from_wire(wire.user),
            tags: pairs_from_wire(wire.tags),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VersionWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    sequence: Option<SequenceWire>,
    #[prost(bool, tag = "3")]
    null: bool,
    #[prost(bool, tag = "4")]
    delete_marker: bool,
    #[prost(uint64, tag = "5")]
    size: u64,
    #[prost(string, tag = "6")]
    etag: String,
    #[prost(uint64, tag = "7")]
    modified: u64,
    #[prost(bytes = "vec", tag = "8")]
    data: Vec<u8>,
    #[prost(message, optional, tag = "9")]
    upload: Option<SequenceWire>,
    #[prost(message, optional, tag = "10")]
    headers: Option<HeadersWire>,
    #[prost(message, repeated, tag = "11")]
    checksums: Vec<ChecksumWire>,
    #[prost(string, tag = "12")]
    owner: String,
}

impl Record for Version {
    type Wire = VersionWire;
    const NAME: &'static str = "version";

    fn to_wire(&self) -> VersionWire {
        let (data, upload) = match self.content {
            Content::Nothing => (vec![], None),
            Content::Data(data) => (data.bytes().to_vec(), None),
            Content::Upload(upload) => (vec![], Some(upload.0.into())),
        };
        VersionWire {
            format: FORMAT,
            sequence: Some(self.sequence.into()),
            null: self.id == VersionId::Null,
            delete_marker: self.kind == VersionKind::DeleteMarker,
            size: self.size,
            etag: self.etag.clone(),
            modified: self.modified.nanos(),
            data,
            upload,
            headers: (self.headers != Headers::default()).then(|| (&self.headers).into()),
            checksums: self.checksums.iter().map(Into::into).collect(),
            owner: self.owner.clone(),
        }
    }

    fn from_wire(wire: VersionWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let sequence: Sequence = wire.sequence.ok_or(Malformed::Not(Self::NAME))?.into();
        let data = <[u8; 16]>::try_from(wire.data.as_slice());
        let content = match (wire.data.is_empty(), data, wire.upload) {
            (true, _, None) => Content::Nothing,
            (false, Ok(data), None) => Content::Data(DataId::from_bytes(data)),
            (true, _, Some(upload)) => Content::Upload(UploadId(upload.into())),
            _ => return Err(Malformed::Not(Self::NAME)),
        };
        Ok(Self {
            id: VersionId::of(sequence, wire.null),
            sequence,
            kind: match wire.delete_marker {
                true => VersionKind::DeleteMarker,
                false => VersionKind::Object,
            },
            size: wire.size,
            etag: wire.etag,
            modified: WallTime::from_nanos(wire.modified),
            content,
            headers: wire.headers.map(Headers::from).unwrap_or_default(),
            checksums: wire.checksums.into_iter().map(Into::into).collect(),
            owner: wire.owner,
        })
    }
}
