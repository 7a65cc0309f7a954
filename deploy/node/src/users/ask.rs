//! `hamster user` and `hamster key`: what these commands ask the running node.

use super::change::no_such_user;
use super::{
    ADD_USER_PATH, CREATE_KEY_PATH, KEYS_PATH, KeyMade, KeyShown, REMOVE_USER_PATH,
    REVOKE_KEY_PATH, USERS_PATH, UserShown, Who,
};
use crate::admin::ask_about_users;
use crate::error::NodeError;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::Path;

/// `hamster user add`.
///
/// # Errors
/// The directory holds no node, the node does not answer, or it refuses.
pub fn add_user(
    data_dir: &Path,
    address: Option<SocketAddr>,
    who: &Who,
) -> Result<UserShown, NodeError> {
    post(data_dir, address, ADD_USER_PATH, who)
}

/// `hamster user list`.
///
/// # Errors
/// As [`add_user`].
pub fn users(data_dir: &Path, address: Option<SocketAddr>) -> Result<Vec<UserShown>, NodeError> {
    ask_about_users(data_dir, address, USERS_PATH, None)
}

/// `hamster user remove`.
///
/// # Errors
/// As [`add_user`].
pub fn remove_user(
    data_dir: &Path,
    address: Option<SocketAddr>,
    who: &Who,
) -> Result<UserShown, NodeError> {
    post(data_dir, address, REMOVE_USER_PATH, who)
}

/// `hamster key create`. The secret is in the answer, and never again.
///
/// # Errors
/// As [`add_user`].
pub fn create_key(
    data_dir: &Path,
    address: Option<SocketAddr>,
    who: &Who,
) -> Result<KeyMade, NodeError> {
    post(data_dir, address, CREATE_KEY_PATH, who)
}

/// `hamster key list`: those of one user, or all.
///
/// # Errors
/// As [`add_user`]; there is no such user.
pub fn keys(
    data_dir: &Path,
    address: Option<SocketAddr>,
    who: &Who,
) -> Result<Vec<KeyShown>, NodeError> {
    let mut keys: Vec<KeyShown> = ask_about_users(data_dir, address, KEYS_PATH, None)?;
    keys.retain(|key| {
        who.name.as_ref().is_none_or(|name| key.user == *name)
            && who.id.as_ref().is_none_or(|id| key.user_id == *id)
    });
    let names_one = who.name.is_some() || who.id.is_some();
    let is_meant = |user: &UserShown| {
        who.name.as_ref() == Some(&user.name) || who.id.as_ref() == Some(&user.id)
    };
    if keys.is_empty() && names_one && !users(data_dir, address)?.iter().any(is_meant) {
        return Err(no_such_user(who));
    }
    Ok(keys)
}

/// `hamster key revoke`: once this has returned, nobody signs with it.
///
/// # Errors
/// As [`add_user`].
pub fn revoke_key(
    data_dir: &Path,
    address: Option<SocketAddr>,
    who: &Who,
) -> Result<KeyShown, NodeError> {
    post(data_dir, address, REVOKE_KEY_PATH, who)
}

fn post<T: DeserializeOwned>(
    data_dir: &Path,
    address: Option<SocketAddr>,
    path: &'static str,
    who: &Who,
) -> Result<T, NodeError> {
    let body = serde_json::to_vec(who).expect("plain fields");
    ask_about_users(data_dir, address, path, Some(body))
}
