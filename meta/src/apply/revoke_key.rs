//! RevokeKey: from here on nobody signs with it.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::AccessKey;
use crate::state::ReadError;
use hamster_core::plant::{Plant, planted};

pub(super) fn apply(change: &mut Change<'_>, id: &str) -> Result<Outcome, ReadError> {
    let row = key::access_key(id);
    let Some(key) = change.get::<AccessKey>(&row)? else {
        return Ok(Outcome::NoSuchAccessKey);
    };
    if planted(Plant::KeepsRevokedKeys) {
        return Ok(Outcome::KeyRevoked);
    }
    change.delete(row);
    change.delete(key::key_of_user(&key.user, id));
    Ok(Outcome::KeyRevoked)
}
