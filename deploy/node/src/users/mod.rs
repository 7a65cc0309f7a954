//! Users and access keys of the cluster: what the commands ask ([`ask`]), what the node does
//! ([`change`]), and what both say to each other.
//!
//! A secret is shown once, in the answer that makes it.

pub mod ask;
pub mod change;

use serde::{Deserialize, Serialize};
use std::fmt;

// What commands ask for, on the node's address for commands.
pub const USERS_PATH: &str = "/v1/users";
pub const KEYS_PATH: &str = "/v1/keys";
pub const ADD_USER_PATH: &str = "/v1/users/add";
pub const REMOVE_USER_PATH: &str = "/v1/users/remove";
pub const CREATE_KEY_PATH: &str = "/v1/keys/create";
pub const REVOKE_KEY_PATH: &str = "/v1/keys/revoke";

/// Which user or key is meant: by one of both.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Who {
    /// A user's name.
    pub name: Option<String>,
    /// A user's canonical id, or an access key.
    pub id: Option<String>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.name.as_ref().or(self.id.as_ref());
        f.write_str(named.map_or("", String::as_str))
    }
}

/// A user, as commands show it.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct UserShown {
    /// Canonical id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// When it was added: ISO 8601, UTC.
    pub created: String,
    /// How many access keys it has.
    pub keys: usize,
}

/// An access key, as commands show it.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct KeyShown {
    /// What requests name.
    pub access_key: String,
    /// Name of its user.
    pub user: String,
    /// Canonical id of its user.
    pub user_id: String,
    /// When it was made: ISO 8601, UTC.
    pub created: String,
    /// Name of the master key that sealed its secret.
    pub master_key: String,
}

/// An access key that was made, with its secret: has no `Debug`.
#[derive(Serialize, Deserialize, Clone)]
pub struct KeyMade {
    /// What requests name.
    pub access_key: String,
    /// What they are signed with.
    pub secret_key: String,
    /// Name of its user.
    pub user: String,
    /// Canonical id of its user.
    pub user_id: String,
}

/// Users in a table.
pub fn user_table(users: &[UserShown]) -> String {
    let mut table = format!("{:<64}  {:<24}  {:>4}  name\n", "id", "added", "keys");
    for UserShown { id, name, created, keys } in users {
        table.push_str(&format!("{id:<64}  {created:<24}  {keys:>4}  {name}\n"));
    }
    table
}

/// Access keys in a table.
pub fn key_table(keys: &[KeyShown]) -> String {
    let mut table = format!("{:<20}  {:<24}  {:<12}  user\n", "access key", "made", "sealed by");
    for KeyShown { access_key, user, created, master_key, .. } in keys {
        table.push_str(&format!("{access_key:<20}  {created:<24}  {master_key:<12}  {user}\n"));
    }
    table
}
