//! SetTags: the tags of a version are replaced. Everything else of it stays, its Last-Modified too.

use super::change::Change;
use super::install;
use crate::command::{Outcome, SetTags};
use crate::key;
use crate::record::{Bucket, Head, Headers, Version, VersionKind};
use crate::state::ReadError;

pub(super) fn apply(change: &mut Change<'_>, set: &SetTags) -> Result<Outcome, ReadError> {
    if change.get::<Bucket>(&key::bucket(set.bucket))?.is_none() {
        return Ok(Outcome::NoSuchBucket);
    }
    let sequence = match set.version {
        Some(id) => install::sequence_of(change, set.bucket, &set.key, id)?,
        None => {
            let head: Option<Head> = change.get(&key::head(set.bucket, &set.key))?;
            head.map(|head| head.current)
        }
    };
    let missing = || Ok(set.version.map_or(Outcome::NoSuchKey, |_| Outcome::NoSuchVersion));
    let Some(sequence) = sequence else { return missing() };
    let row = key::version(set.bucket, &set.key, sequence);
    let version: Option<Version> = change.get(&row)?;
    let Some(version) = version.filter(|version| version.kind == VersionKind::Object) else {
        return missing();
    };
    let headers = Headers { tags: set.tags.clone(), ..version.headers };
    change.put(row, &Version { headers, ..version });
    Ok(Outcome::TagsSet { version: version.id })
}
