//! DeleteBucket: only an empty one.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::query;
use crate::record::{Bucket, Counters, SettingKind};
use crate::state::ReadError;
use hamster_core::ids::BucketId;

pub(super) fn apply(change: &mut Change<'_>, id: BucketId) -> Result<Outcome, ReadError> {
    let Some(bucket) = change.get::<Bucket>(&key::bucket(id))? else {
        return Ok(Outcome::NoSuchBucket);
    };
    if !query::bucket::is_empty(change.view(), id)? {
        return Ok(Outcome::BucketNotEmpty);
    }
    let mut counters: Counters = change.get(&key::counters())?.unwrap_or_default();
    counters.buckets = counters.buckets.saturating_sub(1);
    change.put(key::counters(), &counters);
    for kind in SettingKind::ALL {
        change.delete(key::setting(id, kind));
    }
    change.delete(key::bucket(id));
    change.delete(key::bucket_by_name(&bucket.name));
    Ok(Outcome::BucketDeleted)
}
