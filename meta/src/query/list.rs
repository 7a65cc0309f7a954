//! Listing the current objects of a bucket, in the byte order of their keys.

use crate::record::VersionId;
use hamster_core::WallTime;

/// What to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Only keys and common prefixes greater than this; empty for all. A common prefix that is not
    /// greater is left out with all its keys, so that [`ListPage::next`] leads on.
    pub after: String,
    /// Keys that share what is up to this behind the prefix become one entry. Not empty.
    pub delimiter: Option<String>,
    /// Entries at most. Zero gives an empty page that is not truncated.
    pub limit: usize,
}

/// A page of a listing, of one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListPage {
    /// Keys and common prefixes, in order.
    pub entries: Vec<ListEntry>,
    /// There are more behind the last entry.
    pub truncated: bool,
    /// The last entry's key or common prefix if truncated: `after` for the next page.
    pub next: Option<String>,
}

/// One entry of a [`ListPage`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListEntry {
    /// An object.
    Object(Listed),
    /// Objects whose keys share this prefix.
    CommonPrefix(String),
}

/// An object, as far as a listing shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its current version.
    pub version: VersionId,
    /// Bytes of its body.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: WallTime,
    /// Algorithms of the checksums it has, as [`Checksum::algorithm`](crate::record::Checksum).
    pub checksum_algorithms: Vec<String>,
}
