//! CreateKey: a further access key of a user who is there.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::{AccessKey, User};
use crate::state::{ReadError, Visit};
use hamster_core::limits;

pub(super) fn apply(change: &mut Change<'_>, made: &AccessKey) -> Result<Outcome, ReadError> {
    if !AccessKey::is_id(&made.id) || !made.secret.is_within_bounds() {
        return Ok(Outcome::Refused("an access key of another form than access keys have".into()));
    }
    if change.get::<User>(&key::user(&made.user))?.is_none() {
        return Ok(Outcome::NoSuchUser);
    }
    let row = key::access_key(&made.id);
    if change.get::<AccessKey>(&row)?.is_some() {
        return Ok(Outcome::KeyExists);
    }
    if count_keys(change, &made.user)? >= limits::KEYS_PER_USER_MAX as u64 {
        return Ok(Outcome::TooManyKeys);
    }
    change.put(row, made);
    change.mark(key::key_of_user(&made.user, &made.id));
    Ok(Outcome::KeyCreated)
}

/// How many access keys a user has.
pub(super) fn count_keys(change: &Change<'_>, user: &str) -> Result<u64, ReadError> {
    let mut count = 0;
    change.view().scan(&key::keys_of_user(user), &mut |_, _| {
        count += 1;
        Ok(Visit::Next)
    })?;
    Ok(count)
}
