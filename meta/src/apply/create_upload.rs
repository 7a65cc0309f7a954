//! CreateUpload: an upload is open from here on, named by its commit sequence.

use super::change::Change;
use crate::command::{CreateUpload, Outcome};
use crate::key;
use crate::record::{Bucket, Upload, UploadId};
use crate::state::ReadError;

pub(super) fn apply(change: &mut Change<'_>, create: &CreateUpload) -> Result<Outcome, ReadError> {
    if change.get::<Bucket>(&key::bucket(create.bucket))?.is_none() {
        return Ok(Outcome::NoSuchBucket);
    }
    let id = UploadId(change.sequence());
    let upload = Upload {
        id,
        bucket: create.bucket,
        key: create.key.clone(),
        owner: create.owner.clone(),
        initiated: create.initiated,
        headers: create.headers.clone(),
        checksum_algorithm: create.checksum_algorithm.clone(),
        checksum_composite: create.checksum_composite,
    };
    change.put(key::upload(create.bucket, &create.key, id), &upload);
    Ok(Outcome::UploadCreated(id))
}
