//! DeleteVersion: one version goes for good.

use super::change::Change;
use super::install;
use crate::command::Outcome;
use crate::key;
use crate::record::{Bucket, VersionId, VersionKind};
use crate::state::ReadError;
use hamster_core::ids::BucketId;

pub(super) fn apply(
    change: &mut Change<'_>,
    bucket: BucketId,
    key: &str,
    id: VersionId,
) -> Result<Outcome, ReadError> {
    if change.get::<Bucket>(&key::bucket(bucket))?.is_none() {
        return Ok(Outcome::NoSuchBucket);
    }
    let removed = match install::sequence_of(change, bucket, key, id)? {
        Some(sequence) => install::uninstall(change, bucket, key, sequence)?,
        None => None,
    };
    let marker = removed.as_ref().is_some_and(|version| version.kind == VersionKind::DeleteMarker);
    Ok(Outcome::Deleted { version: removed.map(|version| version.id), marker })
}
