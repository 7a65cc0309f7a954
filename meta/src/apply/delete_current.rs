//! DeleteCurrent: a DELETE without a version id. It removes the null version of an unversioned
//! bucket and puts a delete marker on top elsewhere.

use super::change::Change;
use super::install;
use crate::command::{DeleteCurrent, Outcome};
use crate::key;
use crate::record::{Bucket, Content, Head, Headers, Version, VersionKind, Versioning};
use crate::state::ReadError;

pub(super) fn apply(
    change: &mut Change<'_>,
    deletion: &DeleteCurrent,
) -> Result<Outcome, ReadError> {
    let Some(bucket) = change.get::<Bucket>(&key::bucket(deletion.bucket))? else {
        return Ok(Outcome::NoSuchBucket);
    };
    let (id, key) = (bucket.id, deletion.key.as_str());
    if let Some(failed) = install::failed_precondition(change, id, key, &deletion.precondition)? {
        return Ok(failed);
    }
    if bucket.versioning == Versioning::Unversioned {
        if let Some(head) = change.get::<Head>(&key::head(id, key))? {
            install::uninstall(change, id, key, head.current)?;
        }
        return Ok(Outcome::Deleted { version: None, marker: false });
    }
    let sequence = change.sequence();
    let marker = Version {
        id: install::new_id(&bucket, sequence),
        sequence,
        kind: VersionKind::DeleteMarker,
        size: 0,
        etag: String::new(),
        modified: deletion.modified,
        content: Content::Nothing,
        headers: Headers::default(),
        checksums: vec![],
        owner: deletion.owner.clone(),
    };
    install::install(change, id, key, &marker)?;
    Ok(Outcome::Deleted { version: Some(marker.id), marker: true })
}
