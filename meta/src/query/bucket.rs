//! Buckets by name.

use crate::key;
use crate::record::{Bucket, Record, Setting, SettingKind};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::ids::BucketId;
use hamster_core::limits;

/// The bucket of this name.
pub(crate) fn by_name(view: &dyn View, name: &str) -> Result<Option<Bucket>, ReadError> {
    get_record(view, &key::bucket_by_name(name))
}

/// Buckets behind the name `after`, at most `limit`.
pub(crate) fn behind(view: &dyn View, after: &str, limit: usize) -> Result<Vec<Bucket>, ReadError> {
    let limit = limit.min(limits::BUCKETS_MAX);
    let mut buckets = Vec::new();
    if limit == 0 {
        return Ok(buckets);
    }
    view.scan(&key::buckets_behind(after), &mut |_, value| {
        buckets.push(Bucket::decode(value)?);
        Ok(if buckets.len() == limit { Visit::Stop } else { Visit::Next })
    })?;
    Ok(buckets)
}

/// Whether a bucket holds nothing: no version, and no upload under way.
pub(crate) fn is_empty(view: &dyn View, bucket: BucketId) -> Result<bool, ReadError> {
    let mut empty = true;
    for range in [key::versions_of_bucket(bucket), key::uploads_with_prefix(bucket, "")] {
        view.scan(&range, &mut |_, _| {
            empty = false;
            Ok(Visit::Stop)
        })?;
    }
    Ok(empty)
}

/// A setting of a bucket.
pub(crate) fn setting(
    view: &dyn View,
    bucket: BucketId,
    kind: SettingKind,
) -> Result<Option<String>, ReadError> {
    let setting: Option<Setting> = get_record(view, &key::setting(bucket, kind))?;
    Ok(setting.map(|setting| setting.document))
}
