//! Listing the current objects of a bucket, in the byte order of their keys.

use crate::key;
use crate::record::{ListedRow, Malformed, Record, VersionId};
use crate::state::{ReadError, View, Visit};
use hamster_core::WallTime;
use hamster_core::ids::BucketId;
use hamster_core::limits;

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

/// The page of the current objects of `bucket` that `query` asks for, of one moment.
pub(crate) fn page(
    view: &dyn View,
    bucket: BucketId,
    query: &ListQuery,
) -> Result<ListPage, ReadError> {
    let limit = query.limit.min(limits::LIST_PAGE_MAX);
    let mut page = ListPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let mut range = key::current_with_prefix(bucket, &query.prefix);
    if query.after >= query.prefix && !query.after.is_empty() {
        // Why behind the common prefix: one that is not greater than `after` was listed before.
        range.from = match common_prefix(&query.after, &query.prefix, query.delimiter.as_deref()) {
            Some(listed) => key::current_with_prefix(bucket, listed).to,
            None => [key::current(bucket, &query.after).as_slice(), &[0]].concat(),
        };
    }
    view.scan(&range, &mut |row, value| {
        if page.entries.len() == limit {
            page.truncated = true;
            return Ok(Visit::Stop);
        }
        let key = key::key_of_current(row).ok_or(Malformed::Not("current index"))?;
        if let Some(shared) = common_prefix(key, &query.prefix, query.delimiter.as_deref()) {
            page.entries.push(ListEntry::CommonPrefix(shared.into()));
            return Ok(Visit::Seek(key::current_with_prefix(bucket, shared).to));
        }
        page.entries.push(ListEntry::Object(listed(key, ListedRow::decode(value)?)));
        Ok(Visit::Next)
    })?;
    if page.truncated {
        page.next = page.entries.last().map(|entry| match entry {
            ListEntry::Object(listed) => listed.key.clone(),
            ListEntry::CommonPrefix(shared) => shared.clone(),
        });
    }
    Ok(page)
}

/// What `key`, which begins with `prefix`, shares with others up to the first delimiter behind it.
pub(super) fn common_prefix<'a>(
    key: &'a str,
    prefix: &str,
    delimiter: Option<&str>,
) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

fn listed(key: &str, row: ListedRow) -> Listed {
    Listed {
        key: key.into(),
        version: row.version,
        size: row.size,
        etag: row.etag,
        modified: row.modified,
        checksum_algorithms: row.checksum_algorithms,
    }
}

#[cfg(test)]
mod tests;
