//! CompleteUpload: the parts named become a version. Their rows stay where they are and nothing is
//! rewritten. A Complete that is repeated gets the answer of the first one, also if its version is gone
//! by then: a client that has lost the answer asks again, whatever others did meanwhile.

use super::change::Change;
use super::install;
use crate::command::{CompleteUpload, NamedPart, Outcome};
use crate::key;
use crate::record::{Bucket, Completed, Content, Part, Upload, Version, VersionKind};
use crate::state::ReadError;
use hamster_core::limits;
use std::collections::BTreeMap;

pub(super) fn apply(
    change: &mut Change<'_>,
    complete: &CompleteUpload,
) -> Result<Outcome, ReadError> {
    let Some(bucket) = change.get::<Bucket>(&key::bucket(complete.bucket))? else {
        return Ok(Outcome::NoSuchBucket);
    };
    let row = key::upload(complete.bucket, &complete.key, complete.upload);
    let Some(upload) = change.get::<Upload>(&row)? else {
        return repeated(change, complete);
    };
    let parts = install::parts(change, complete.upload)?;
    let size = match checked_size(&complete.parts, &parts) {
        Ok(size) => size,
        Err(refusal) => return Ok(refusal),
    };
    let (id, key) = (bucket.id, complete.key.as_str());
    if let Some(failed) = install::failed_precondition(change, id, key, &complete.precondition)? {
        return Ok(failed);
    }
    let sequence = change.sequence();
    let version = Version {
        id: install::new_id(&bucket, sequence),
        sequence,
        kind: VersionKind::Object,
        size,
        etag: complete.etag.clone(),
        modified: complete.modified,
        content: Content::Upload(upload.id),
        headers: upload.headers,
        checksums: complete.checksums.clone(),
        owner: upload.owner,
    };
    let named = |part: &Part| {
        complete.parts.binary_search_by_key(&part.number, |named| named.number).is_ok()
    };
    install::remove_parts(change, upload.id, |part| !named(part))?;
    change.delete(row);
    let completed = Completed {
        bucket: id,
        key: complete.key.clone(),
        version: version.id,
        sequence,
        etag: version.etag.clone(),
    };
    change.put(key::completed(upload.id), &completed);
    install::install(change, id, key, &version)?;
    Ok(Outcome::Committed { version: version.id, sequence, etag: version.etag })
}

/// The answer to a Complete of an upload that is not open: as the first time, if it is the same.
fn repeated(change: &Change<'_>, complete: &CompleteUpload) -> Result<Outcome, ReadError> {
    let completed: Option<Completed> = change.get(&key::completed(complete.upload))?;
    let Some(completed) =
        completed.filter(|first| first.bucket == complete.bucket && first.key == complete.key)
    else {
        return Ok(Outcome::NoSuchUpload);
    };
    // It is made of the parts' ETags and their number.
    if completed.etag != complete.etag {
        return Ok(Outcome::NoSuchUpload);
    }
    let Completed { version, sequence, etag, .. } = completed;
    Ok(Outcome::Committed { version, sequence, etag })
}

/// The size of the object that the parts named make, or why they make none.
fn checked_size(named: &[NamedPart], parts: &[Part]) -> Result<u64, Outcome> {
    let Some(last) = named.last() else {
        return Err(Outcome::Refused("a Complete that names no parts".into()));
    };
    if !named.is_sorted_by(|left, right| left.number < right.number) {
        return Err(Outcome::InvalidPartOrder);
    }
    let parts: BTreeMap<u16, &Part> = parts.iter().map(|part| (part.number, part)).collect();
    let mut chosen = Vec::with_capacity(named.len());
    for name in named {
        let part = parts.get(&name.number).filter(|part| part.etag == name.etag);
        chosen.push(*part.ok_or(Outcome::InvalidPart { number: name.number })?);
    }
    let small =
        |part: &&&Part| part.size < limits::PART_BYTES_MIN.get() && part.number != last.number;
    if let Some(part) = chosen.iter().find(small) {
        return Err(Outcome::EntityTooSmall { number: part.number, size: part.size });
    }
    let size = chosen.iter().fold(0_u64, |size, part| size.saturating_add(part.size));
    if size > limits::OBJECT_BYTES_MAX.get() {
        return Err(Outcome::EntityTooLarge);
    }
    Ok(size)
}
