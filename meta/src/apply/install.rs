//! What PutVersion, the deletions and CompleteUpload share: a version comes or goes, and the key's
//! head and its row in the current index with it.

use super::change::Change;
use crate::command::{Outcome, Precondition};
use crate::key;
use crate::record::{
    Bucket, Content, Counters, Head, ListedRow, Outlived, Part, Record, Sequence, UploadId,
    Version, VersionId, VersionKind, Versioning,
};
use crate::state::{ReadError, Visit};
use hamster_core::ids::{BucketId, DataId};
use hamster_core::limits;
use hamster_core::plant::{Plant, planted};

/// The id that a version written now gets: only a versioned bucket gives it one of its own.
pub(super) fn new_id(bucket: &Bucket, sequence: Sequence) -> VersionId {
    VersionId::of(sequence, bucket.versioning != Versioning::Enabled)
}

/// `None` if `precondition` holds of the current version of the key, else what it fails with.
pub(super) fn failed_precondition(
    change: &Change<'_>,
    bucket: BucketId,
    key: &str,
    precondition: &Precondition,
) -> Result<Option<Outcome>, ReadError> {
    if *precondition == Precondition::None || planted(Plant::SkipsPrecondition) {
        return Ok(None);
    }
    let listed: Option<ListedRow> = change.get(&key::current(bucket, key))?;
    Ok(match (precondition, listed) {
        (Precondition::None, _)
        | (Precondition::Absent, None)
        | (Precondition::Present, Some(_)) => None,
        (Precondition::Present | Precondition::Etag(_), None) => Some(Outcome::NoSuchKey),
        (Precondition::Etag(etag), Some(listed)) if *etag == listed.etag => None,
        (Precondition::Absent | Precondition::Etag(_), Some(_)) => {
            Some(Outcome::PreconditionFailed)
        }
    })
}

/// The commit sequence of the version of this id, if it is there.
pub(super) fn sequence_of(
    change: &Change<'_>,
    bucket: BucketId,
    key: &str,
    id: VersionId,
) -> Result<Option<Sequence>, ReadError> {
    Ok(match id {
        VersionId::Null => change.get::<Head>(&key::head(bucket, key))?.and_then(|head| head.null),
        VersionId::Of(sequence) => {
            let version: Option<Version> = change.get(&key::version(bucket, key, sequence))?;
            // Why the filter: a null version has a sequence, but is not named by it.
            version.filter(|version| version.id == id).map(|version| version.sequence)
        }
    })
}

/// Makes `version` the current one of the key. A null version replaces the former null version.
pub(super) fn install(
    change: &mut Change<'_>,
    bucket: BucketId,
    key: &str,
    version: &Version,
) -> Result<(), ReadError> {
    let head: Option<Head> = change.get(&key::head(bucket, key))?;
    let mut null = head.and_then(|head| head.null);
    if version.id == VersionId::Null {
        if let Some(former) = null {
            remove_version(change, bucket, key, former)?;
        }
        null = Some(version.sequence);
    }
    change.put(key::version(bucket, key, version.sequence), version);
    change.put(key::head(bucket, key), &Head { current: version.sequence, null });
    index(change, bucket, key, version);
    Ok(())
}

/// Removes the version at `sequence`, if it is there, and makes the newest one left current.
pub(super) fn uninstall(
    change: &mut Change<'_>,
    bucket: BucketId,
    key: &str,
    sequence: Sequence,
) -> Result<Option<Version>, ReadError> {
    let Some(removed) = remove_version(change, bucket, key, sequence)? else {
        return Ok(None);
    };
    let Some(mut head) = change.get::<Head>(&key::head(bucket, key))? else {
        return Ok(Some(removed));
    };
    head.null = head.null.filter(|null| *null != sequence);
    if head.current == sequence {
        let Some(newest) = newest(change, bucket, key)? else {
            change.delete(key::head(bucket, key));
            if !planted(Plant::ListsDeleted) {
                change.delete(key::current(bucket, key));
            }
            return Ok(Some(removed));
        };
        head.current = newest.sequence;
        index(change, bucket, key, &newest);
    }
    change.put(key::head(bucket, key), &head);
    Ok(Some(removed))
}

/// Brings the current index in line with the current version.
fn index(change: &mut Change<'_>, bucket: BucketId, key: &str, current: &Version) {
    match current.kind {
        VersionKind::Object => change.put(key::current(bucket, key), &ListedRow::of(current)),
        VersionKind::DeleteMarker => change.delete(key::current(bucket, key)),
    }
}

fn newest(change: &Change<'_>, bucket: BucketId, key: &str) -> Result<Option<Version>, ReadError> {
    let mut newest = None;
    change.view().scan(&key::versions(bucket, key), &mut |_, value| {
        newest = Some(Version::decode(value)?);
        Ok(Visit::Stop)
    })?;
    Ok(newest)
}

/// Removes a version's row and lets its body die.
fn remove_version(
    change: &mut Change<'_>,
    bucket: BucketId,
    key: &str,
    sequence: Sequence,
) -> Result<Option<Version>, ReadError> {
    let row = key::version(bucket, key, sequence);
    let Some(version) = change.get::<Version>(&row)? else {
        return Ok(None);
    };
    change.delete(row);
    match version.content {
        Content::Nothing => {}
        Content::Data(data) => change.release(data)?,
        Content::Upload(upload) => {
            remove_parts(change, upload, |_| true)?;
            forget_later(change, upload)?;
        }
    }
    Ok(Some(version))
}

/// The version of a completed upload is gone. That it was completed is remembered until so many others
/// have gone after it.
fn forget_later(change: &mut Change<'_>, upload: UploadId) -> Result<(), ReadError> {
    let mut counters = change.get::<Counters>(&key::counters())?.unwrap_or_default();
    let row = key::outlived(counters.outlived % limits::UPLOADS_OUTLIVED_MAX);
    if let Some(Outlived { upload: oldest }) = change.get(&row)? {
        change.delete(key::completed(oldest));
    }
    change.put(row, &Outlived { upload });
    counters.outlived += 1;
    change.put(key::counters(), &counters);
    Ok(())
}

/// The parts of an upload by number.
pub(super) fn parts(change: &Change<'_>, upload: UploadId) -> Result<Vec<Part>, ReadError> {
    let mut parts = Vec::new();
    change.view().scan(&key::parts(upload), &mut |_, value| {
        parts.push(Part::decode(value)?);
        Ok(Visit::Next)
    })?;
    Ok(parts)
}

/// Removes those parts of an upload that `which` names and lets their bytes die.
pub(super) fn remove_parts(
    change: &mut Change<'_>,
    upload: UploadId,
    which: impl Fn(&Part) -> bool,
) -> Result<(), ReadError> {
    for part in parts(change, upload)?.into_iter().filter(which) {
        change.delete(key::part(upload, part.number));
        part.data.map_or(Ok(()), |data: DataId| change.release(data))?;
    }
    Ok(())
}
