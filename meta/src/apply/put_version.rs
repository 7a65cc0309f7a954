//! PutVersion: the commit of a PUT. The version becomes visible here, and nowhere else.

use super::change::Change;
use super::install;
use crate::command::{Outcome, PutVersion};
use crate::key;
use crate::record::{Bucket, Content, ListedRow, Owner, Version, VersionKind};
use crate::state::ReadError;
use hamster_core::plant::{Plant, planted};

pub(super) fn apply(change: &mut Change<'_>, put: &PutVersion) -> Result<Outcome, ReadError> {
    let bucket: Option<Bucket> = change.get(&key::bucket(put.bucket))?;
    let Some(bucket) = bucket else {
        change.reject(put.data.as_ref())?;
        return Ok(Outcome::NoSuchBucket);
    };
    if (put.size > 0) != put.data.is_some() {
        change.reject(put.data.as_ref())?;
        return Ok(Outcome::Refused("a body without data, or data without a body".into()));
    }
    if let Some(data) = &put.data
        && change.knows(data.data)?
    {
        return Ok(Outcome::Refused(format!("{} is taken", data.data)));
    }
    let failed = install::failed_precondition(change, bucket.id, &put.key, &put.precondition)?;
    let sequence = change.sequence();
    let version = Version {
        id: install::new_id(&bucket, sequence),
        sequence,
        kind: VersionKind::Object,
        size: put.size,
        etag: put.etag.clone(),
        modified: put.modified,
        content: put.data.as_ref().map_or(Content::Nothing, |data| Content::Data(data.data)),
        headers: put.headers.clone(),
        checksums: put.checksums.clone(),
        owner: put.owner.clone(),
    };
    if let Some(failed) = failed {
        if planted(Plant::ListsHalfCommitted) {
            change.put(key::current(bucket.id, &put.key), &ListedRow::of(&version));
        }
        change.reject(put.data.as_ref())?;
        return Ok(failed);
    }
    if planted(Plant::OrdersByClock) {
        let listed: Option<ListedRow> = change.get(&key::current(bucket.id, &put.key))?;
        if listed.is_some_and(|listed| listed.modified > version.modified) {
            change.reject(put.data.as_ref())?;
            return Ok(Outcome::Committed { version: version.id, sequence, etag: version.etag });
        }
    }
    install::install(change, bucket.id, &put.key, &version)?;
    if let Some(data) = &put.data {
        change.claim(data, Owner::Version { bucket: bucket.id, sequence });
    }
    Ok(Outcome::Committed { version: version.id, sequence, etag: version.etag })
}
