//! AddUser: an id and a name that are free.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::{LayoutRecord, User};
use crate::state::{ReadError, Visit};
use hamster_core::limits;

pub(super) fn apply(change: &mut Change<'_>, user: &User) -> Result<Outcome, ReadError> {
    if !User::is_id(&user.id) || !User::is_name(&user.name) || user.root {
        return Ok(Outcome::Refused("a user of another form than users have".into()));
    }
    let (by_id, by_name) = (key::user(&user.id), key::user_by_name(&user.name));
    for row in [&by_id, &by_name] {
        if let Some(User { id, .. }) = change.get(row)? {
            return Ok(Outcome::UserExists { id });
        }
    }
    let layout: Option<LayoutRecord> = change.get(&key::layout())?;
    if layout.is_some_and(|layout| layout.root_id == user.id) {
        return Ok(Outcome::UserExists { id: user.id.clone() });
    }
    let mut users = 0;
    change.view().scan(&key::users(), &mut |_, _| {
        users += 1;
        Ok(Visit::Next)
    })?;
    if users >= limits::USERS_MAX {
        return Ok(Outcome::TooManyUsers);
    }
    // Why twice: keys refer to ids, operators to names.
    change.put(by_id, user);
    change.put(by_name, user);
    Ok(Outcome::UserAdded)
}
