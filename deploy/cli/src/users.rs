//! `hamster user` and `hamster key`: users of the cluster and what they sign with.

use crate::arguments::{AddUser, Admin, ChooseUser, Key, ListKeys, RevokeKey, User};
use crate::say;
use hamster_node::{KeyMade, NodeError, Who};
use serde::Serialize;

/// `hamster user`.
pub fn user_command(user: User, json: bool) -> Result<(), NodeError> {
    match user {
        User::Add(AddUser { admin: Admin { data_dir, addr }, name }) => {
            let who = Who { name: Some(name), id: None };
            let added = hamster_node::add_user(&data_dir, addr, &who)?;
            show(&added, json, || {
                format!(
                    "user {name} added with the id {id}\n\
                     next: hamster key create --data-dir {dir} --name {name}\n",
                    name = added.name,
                    id = added.id,
                    dir = data_dir.display()
                )
            })
        }
        User::List(Admin { data_dir, addr }) => {
            let users = hamster_node::users(&data_dir, addr)?;
            show(&users, json, || hamster_node::user_table(&users))
        }
        User::Remove(ChooseUser { admin: Admin { data_dir, addr }, name, id }) => {
            let removed = hamster_node::remove_user(&data_dir, addr, &Who { name, id })?;
            show(&removed, json, || format!("user {} is removed\n", removed.name))
        }
    }
}

/// `hamster key`.
pub fn key_command(key: Key, json: bool) -> Result<(), NodeError> {
    match key {
        Key::Create(ChooseUser { admin: Admin { data_dir, addr }, name, id }) => {
            let made = hamster_node::create_key(&data_dir, addr, &Who { name, id })?;
            show(&made, json, || {
                let KeyMade { access_key, secret_key, user, .. } = &made;
                format!(
                    "user        {user}\naccess key  {access_key}\nsecret key  {secret_key}\n\
                     The secret is shown this once: it is kept sealed.\n"
                )
            })
        }
        Key::List(ListKeys { admin: Admin { data_dir, addr }, name, id }) => {
            let keys = hamster_node::keys(&data_dir, addr, &Who { name, id })?;
            show(&keys, json, || hamster_node::key_table(&keys))
        }
        Key::Revoke(RevokeKey { admin: Admin { data_dir, addr }, id }) => {
            let who = Who { name: None, id: Some(id) };
            let revoked = hamster_node::revoke_key(&data_dir, addr, &who)?;
            show(&revoked, json, || {
                format!("access key {} of {} is revoked\n", revoked.access_key, revoked.user)
            })
        }
    }
}

fn show(it: &impl Serialize, json: bool, text: impl FnOnce() -> String) -> Result<(), NodeError> {
    match json {
        true => say(&format!("{}\n", serde_json::json!(it))),
        false => say(&text()),
    }
}
