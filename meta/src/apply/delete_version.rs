//! DeleteVersion: one version goes for good.

use super::change::Change;
use super::install;
use crate::command::Outcome;
use crate::key;
use crate::record::{Bucket, Head, Version, VersionId, VersionKind};
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
    let sequence = match id {
        VersionId::Null => change.get::<Head>(&key::head(bucket, key))?.and_then(|head| head.null),
        VersionId::Of(sequence) => {
            let version: Option<Version> = change.get(&key::version(bucket, key, sequence))?;
            // Why the filter: a null version has a sequence, but is not named by it.
            version.filter(|version| version.id == id).map(|version| version.sequence)
        }
    };
    let removed = match sequence {
        Some(sequence) => install::uninstall(change, bucket, key, sequence)?,
        None => None,
    };
    let marker = removed.as_ref().is_some_and(|version| version.kind == VersionKind::DeleteMarker);
    Ok(Outcome::Deleted { version: removed.map(|version| version.id), marker })
}
