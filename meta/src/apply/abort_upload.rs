//! AbortUpload: an open upload and all its parts go.

use super::change::Change;
use super::install;
use crate::command::Outcome;
use crate::key;
use crate::record::{Upload, UploadId};
use crate::state::ReadError;
use hamster_core::ids::BucketId;
use hamster_core::plant::{Plant, planted};

pub(super) fn apply(
    change: &mut Change<'_>,
    bucket: BucketId,
    key: &str,
    upload: UploadId,
) -> Result<Outcome, ReadError> {
    let row = key::upload(bucket, key, upload);
    if change.get::<Upload>(&row)?.is_none() {
        return Ok(Outcome::NoSuchUpload);
    }
    change.delete(row);
    install::remove_parts(change, upload, |_| !planted(Plant::ForgetsAbortedParts))?;
    Ok(Outcome::UploadAborted)
}
