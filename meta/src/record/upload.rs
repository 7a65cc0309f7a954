//! A multipart upload that is open.

use super::sequence::UploadId;
use super::version::Headers;
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
