//! RemoveUser: only one who has no key and owns no bucket.

use super::change::Change;
use super::create_key::count_keys;
use crate::command::Outcome;
use crate::key;
use crate::record::{Bucket, Record, User};
use crate::state::{ReadError, Visit};

pub(super) fn apply(change: &mut Change<'_>, id: &str) -> Result<Outcome, ReadError> {
    let Some(user) = change.get::<User>(&key::user(id))? else {
        return Ok(Outcome::NoSuchUser);
    };
    let count = count_keys(change, id)?;
    if count > 0 {
        return Ok(Outcome::UserHasKeys { count });
    }
    // Why a scan, over at most `BUCKETS_MAX` rows: users are hardly ever removed, and a count would
    // have to be kept right by every command that makes or deletes a bucket.
    let mut owned = None;
    change.view().scan(&key::buckets(), &mut |_, value| {
        let bucket = Bucket::decode(value)?;
        if bucket.owner != id {
            return Ok(Visit::Next);
        }
        owned = Some(bucket.name);
        Ok(Visit::Stop)
    })?;
    if let Some(first) = owned {
        return Ok(Outcome::UserOwnsBuckets { first });
    }
    change.delete(key::user(id));
    change.delete(key::user_by_name(&user.name));
    Ok(Outcome::UserRemoved)
}
