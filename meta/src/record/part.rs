//! A part of a multipart upload, open or completed.

use super::version::Checksum;
use hamster_core::WallTime;
use hamster_core::ids::DataId;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its number: 1 to 10,000.
    pub number: u16,
    /// Bytes of it.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: WallTime,
    /// Where its bytes are; `None` for an empty part.
    pub data: Option<DataId>,
    /// Checksums that the client gave or asked for.
    pub checksums: Vec<Checksum>,
}
