//! A version of a key: one immutable write, or a delete marker.

use super::sequence::{Sequence, UploadId, VersionId};
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
