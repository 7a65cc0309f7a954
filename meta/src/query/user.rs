//! Users and their access keys.

use crate::key;
use crate::record::{AccessKey, Record, User};
use crate::state::{ReadError, View, Visit};

/// All replicated users and access keys, of one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Users {
    /// By their ids.
    pub users: Vec<User>,
    /// By what requests name.
    pub keys: Vec<AccessKey>,
}

/// All of them: no more than `USERS_MAX` users with `KEYS_PER_USER_MAX` keys each.
pub(crate) fn all(view: &dyn View) -> Result<Users, ReadError> {
    let mut all = Users::default();
    view.scan(&key::users_and_keys(), &mut |row, value| {
        match key::is_access_key(row) {
            true => all.keys.push(AccessKey::decode(value)?),
            false => all.users.push(User::decode(value)?),
        }
        Ok(Visit::Next)
    })?;
    Ok(all)
}
