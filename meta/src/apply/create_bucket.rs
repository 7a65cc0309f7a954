//! CreateBucket: a new number under a name that is free.

use super::change::Change;
use crate::command::{CreateBucket, Outcome};
use crate::key;
use crate::record::{Bucket, Counters, User, Versioning};
use crate::state::ReadError;
use hamster_core::ids::BucketId;
use hamster_core::limits;

pub(super) fn apply(change: &mut Change<'_>, create: &CreateBucket) -> Result<Outcome, ReadError> {
    if create.owner_is_user && change.get::<User>(&key::user(&create.owner))?.is_none() {
        return Ok(Outcome::NoSuchUser);
    }
    let by_name = key::bucket_by_name(&create.name);
    if let Some(Bucket { id, owner, .. }) = change.get(&by_name)? {
        return Ok(Outcome::BucketExists { bucket: id, owner });
    }
    let mut counters: Counters = change.get(&key::counters())?.unwrap_or_default();
    if counters.buckets >= limits::BUCKETS_MAX as u64 {
        return Ok(Outcome::TooManyBuckets);
    }
    counters.buckets += 1;
    counters.last_bucket += 1;
    let bucket = Bucket {
        id: BucketId::new(counters.last_bucket),
        name: create.name.clone(),
        owner: create.owner.clone(),
        created: create.created,
        versioning: Versioning::Unversioned,
    };
    change.put(key::counters(), &counters);
    // Why twice: requests come by name, commands by number.
    change.put(by_name, &bucket);
    change.put(key::bucket(bucket.id), &bucket);
    Ok(Outcome::BucketCreated(bucket.id))
}
