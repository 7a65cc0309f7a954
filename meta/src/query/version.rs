//! Listing all versions of a bucket, by key, newest first.

use super::list::common_prefix;
use crate::key::{self, KeyRange};
use crate::record::{Head, Malformed, Record, Sequence, Version, VersionId};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::ids::BucketId;
use hamster_core::limits;

/// What to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VersionQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Only versions behind this key; with `after_version`, behind that version of this key.
    pub after_key: String,
    /// See `after_key`.
    pub after_version: Option<VersionId>,
    /// Keys that share what is up to this behind the prefix become one entry. Not empty.
    pub delimiter: Option<String>,
    /// Entries at most. Zero gives an empty page that is not truncated.
    pub limit: usize,
}

/// A page of a bucket's versions, of one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VersionPage {
    /// Versions and common prefixes, in order.
    pub entries: Vec<VersionEntry>,
    /// There are more behind the last entry.
    pub truncated: bool,
}

/// One entry of a [`VersionPage`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VersionEntry {
    /// A version, or a delete marker.
    Version {
        /// Its key.
        key: String,
        /// What it is.
        version: Box<Version>,
        /// It is the current one of its key.
        latest: bool,
    },
    /// Versions whose keys share this prefix.
    CommonPrefix(String),
}

/// The page of versions that `query` asks for.
pub(crate) fn page(
    view: &dyn View,
    bucket: BucketId,
    query: &VersionQuery,
) -> Result<VersionPage, ReadError> {
    let limit = query.limit.min(limits::LIST_PAGE_MAX);
    let mut page = VersionPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let delimiter = query.delimiter.as_deref();
    // Why: a page may begin within a key, whose current version it cannot see.
    let head: Option<Head> = match query.after_version {
        Some(_) => get_record(view, &key::head(bucket, &query.after_key))?,
        None => None,
    };
    let mut last = None;
    view.scan(&range(bucket, query, head), &mut |row, value| {
        if page.entries.len() == limit {
            page.truncated = true;
            return Ok(Visit::Stop);
        }
        let key = key::key_of_version(row).ok_or(Malformed::Not("version"))?;
        if let Some(shared) = common_prefix(&key, &query.prefix, delimiter) {
            page.entries.push(VersionEntry::CommonPrefix(shared.into()));
            return Ok(Visit::Seek(key::versions_with_prefix(bucket, shared).to));
        }
        let version = Box::new(Version::decode(value)?);
        let latest = match head {
            Some(head) if key == query.after_key => version.sequence == head.current,
            _ => last.as_ref() != Some(&key),
        };
        last = Some(key.clone());
        page.entries.push(VersionEntry::Version { key, version, latest });
        Ok(Visit::Next)
    })?;
    Ok(page)
}

/// The rows that may be on the page. `head`: of the key to begin within, if there is one.
fn range(bucket: BucketId, query: &VersionQuery, head: Option<Head>) -> KeyRange {
    let mut range = key::versions_with_prefix(bucket, &query.prefix);
    let after = query.after_key.as_str();
    if after.is_empty() || after < query.prefix.as_str() {
        return range;
    }
    let behind =
        |sequence: Sequence| [key::version(bucket, after, sequence).as_slice(), &[0]].concat();
    range.from = match common_prefix(after, &query.prefix, query.delimiter.as_deref()) {
        Some(listed) => key::versions_with_prefix(bucket, listed).to,
        None => match query.after_version {
            None => key::versions(bucket, after).to,
            Some(VersionId::Of(sequence)) => behind(sequence),
            Some(VersionId::Null) => match head.and_then(|head| head.null) {
                Some(sequence) => behind(sequence),
                // It is gone meanwhile: rather show a version twice than miss one.
                None => key::versions(bucket, after).from,
            },
        },
    };
    range
}

#[cfg(test)]
mod tests;
