//! SetSetting: a bucket's setting is replaced or deleted as a whole.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::{Bucket, Setting, SettingKind};
use crate::state::ReadError;
use hamster_core::ids::BucketId;

pub(super) fn apply(
    change: &mut Change<'_>,
    bucket: BucketId,
    kind: SettingKind,
    document: Option<&str>,
) -> Result<Outcome, ReadError> {
    if change.get::<Bucket>(&key::bucket(bucket))?.is_none() {
        return Ok(Outcome::NoSuchBucket);
    }
    let row = key::setting(bucket, kind);
    match document {
        Some(document) => change.put(row, &Setting { document: document.to_owned() }),
        None => change.delete(row),
    }
    Ok(Outcome::SettingSet)
}
