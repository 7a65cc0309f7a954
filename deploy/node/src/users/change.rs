//! What the node does with users and keys, on core 0. Whether it may is decided in apply; only what
//! the environment and the file of this node hold is looked at here, since apply does not know them.

use super::{KeyMade, KeyShown, UserShown, Who};
use crate::boot::BootedCore;
use crate::error::NodeError;
use crate::master_key::HOW_TO_MAKE;
use hamster_core::Core;
use hamster_core::limits::{KEYS_PER_USER_MAX, USER_NAME_BYTES_MAX, USERS_MAX};
use hamster_meta::query::Users;
use hamster_meta::record::{AccessKey, User};
use hamster_meta::{Command, MetaError, Outcome};
use hamster_s3::{iso8601, mint};

/// All users of the cluster.
///
/// # Errors
/// The metadata gives no answer.
pub async fn users(booted: &BootedCore) -> Result<Vec<UserShown>, NodeError> {
    let all = read(booted).await?;
    let mut shown: Vec<UserShown> = all.users.iter().map(|user| show(user, &all)).collect();
    shown.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(shown)
}

/// All access keys of the cluster.
///
/// # Errors
/// The metadata gives no answer.
pub async fn keys(booted: &BootedCore) -> Result<Vec<KeyShown>, NodeError> {
    let all = read(booted).await?;
    let mut shown: Vec<KeyShown> = all.keys.iter().map(|key| show_key(key, &all)).collect();
    shown.sort_by(|left, right| (&left.user, &left.created).cmp(&(&right.user, &right.created)));
    Ok(shown)
}

/// Adds a user of this name, with a fresh canonical id.
///
/// # Errors
/// The name is taken or none, or there are too many.
pub async fn add_user(core: &Core, booted: &BootedCore, who: &Who) -> Result<UserShown, NodeError> {
    let _turn = booted.changing_users.acquire(1).await;
    let name = who.name.clone().unwrap_or_default();
    // Why no dash in front: commands would take the name for a flag.
    if !User::is_name(&name) || name.starts_with('-') {
        let remedy = format!(
            "give 1 to {USER_NAME_BYTES_MAX} letters, digits and + = , . @ _ -, no - in front"
        );
        return Err(NodeError::Users(format!("'{name}' is no user name: {remedy}")));
    }
    let (id, created) = (mint::canonical_id(core.entropy()), core.clock().wall());
    let user = User { id, name, created, root: false };
    let own = booted.files.borrow().credentials()?;
    if let Some(clash) = own.clash_with_user(&user) {
        return Err(NodeError::Users(format!(
            "{clash} is that of a user of this node's environment or credentials file; give another"
        )));
    }
    match propose(booted, Command::AddUser(user.clone())).await? {
        Outcome::UserAdded => Ok(show(&user, &Users::default())),
        Outcome::UserExists { id } => Err(NodeError::Users(format!(
            "there is a user {} already, with the id {id}; give another name",
            user.name
        ))),
        Outcome::TooManyUsers => Err(NodeError::Users(format!(
            "the cluster has {USERS_MAX} users, which is the most; remove one: `hamster user remove`"
        ))),
        other => Err(unexpected(&other)),
    }
}

/// Removes a user.
///
/// # Errors
/// There is none, or it has keys or buckets.
pub async fn remove_user(booted: &BootedCore, who: &Who) -> Result<UserShown, NodeError> {
    let _turn = booted.changing_users.acquire(1).await;
    let all = read(booted).await?;
    let user = find(&all, who)?;
    let (id, name) = (user.id.clone(), &user.name);
    match propose(booted, Command::RemoveUser { id }).await? {
        Outcome::UserRemoved => Ok(show(user, &Users::default())),
        Outcome::NoSuchUser => Err(no_such_user(who)),
        Outcome::UserHasKeys { count } => Err(NodeError::Users(format!(
            "user {name} has {count} access key(s); revoke them first: `hamster key list --name \
             {name}`, then `hamster key revoke --id ACCESS_KEY`"
        ))),
        Outcome::UserOwnsBuckets { first } => Err(NodeError::Users(format!(
            "user {name} owns buckets, '{first}' among them; delete them first"
        ))),
        other => Err(unexpected(&other)),
    }
}

/// Makes an access key of a user. Its secret leaves in this answer only.
///
/// # Errors
/// There is no such user or no master key, or the user has too many.
pub async fn create_key(core: &Core, booted: &BootedCore, who: &Who) -> Result<KeyMade, NodeError> {
    let _turn = booted.changing_users.acquire(1).await;
    let all = read(booted).await?;
    let user = find(&all, who)?;
    let (id, clear) = (mint::access_key(core.entropy()), mint::secret(core.entropy()));
    let (own, secret) = {
        let files = booted.files.borrow();
        let sealed = files.master_keys().seal(core.entropy(), &id, &user.id, &clear);
        (files.credentials()?, sealed)
    };
    let secret = secret.ok_or_else(|| {
        NodeError::Users(format!(
            "there is no master key to seal the secret with; make one: {HOW_TO_MAKE}, and start the \
             node with `hamster serve --master-key-file /etc/hamster/master.key`"
        ))
    })?;
    if let Some(clash) = own.clash_with_key(&id) {
        let why = format!("{clash} is that of a user of this node; try once more");
        return Err(NodeError::Users(why));
    }
    let created = core.clock().wall();
    let key = AccessKey { id: id.clone(), user: user.id.clone(), secret, created };
    match propose(booted, Command::CreateKey(key)).await? {
        Outcome::KeyCreated => Ok(KeyMade {
            access_key: id,
            secret_key: clear.to_string(),
            user: user.name.clone(),
            user_id: user.id.clone(),
        }),
        Outcome::NoSuchUser => Err(no_such_user(who)),
        Outcome::KeyExists => {
            Err(NodeError::Users("the access key drawn is taken; try once more".into()))
        }
        Outcome::TooManyKeys => Err(NodeError::Users(format!(
            "user {name} has {KEYS_PER_USER_MAX} access keys, which is the most; revoke one: \
             `hamster key list --name {name}`, then `hamster key revoke --id ACCESS_KEY`",
            name = user.name
        ))),
        other => Err(unexpected(&other)),
    }
}

/// Takes an access key back: when this returns, no core verifies a further request by it.
///
/// # Errors
/// There is none.
pub async fn revoke_key(booted: &BootedCore, who: &Who) -> Result<KeyShown, NodeError> {
    let _turn = booted.changing_users.acquire(1).await;
    let all = read(booted).await?;
    let no_such_key =
        || NodeError::Users(format!("there is no access key {who}; `hamster key list` shows them"));
    let key = all.keys.iter().find(|key| who.id.as_ref() == Some(&key.id));
    let key = key.ok_or_else(no_such_key)?;
    match propose(booted, Command::RevokeKey { id: key.id.clone() }).await? {
        Outcome::KeyRevoked => Ok(show_key(key, &all)),
        Outcome::NoSuchAccessKey => Err(no_such_key()),
        other => Err(unexpected(&other)),
    }
}

async fn read(booted: &BootedCore) -> Result<Users, NodeError> {
    booted.meta.users().await.map_err(|error| NodeError::Metadata(error.to_string()))
}

async fn propose(booted: &BootedCore, command: Command) -> Result<Outcome, NodeError> {
    booted.meta.propose(command).await.map_err(|error| match error {
        MetaError::Unknown(why) => NodeError::Users(format!(
            "whether that was done is not known ({why}); `hamster user list` and `hamster key list` \
             show it"
        )),
        error => NodeError::Metadata(error.to_string()),
    })
}

fn find<'a>(all: &'a Users, who: &Who) -> Result<&'a User, NodeError> {
    let is_meant = |user: &&User| match (&who.name, &who.id) {
        (Some(name), None) => user.name == *name,
        (None, Some(id)) => user.id == *id,
        _ => false,
    };
    all.users.iter().find(is_meant).ok_or_else(|| no_such_user(who))
}

pub(super) fn no_such_user(who: &Who) -> NodeError {
    NodeError::Users(format!(
        "there is no user {who}; `hamster user list` shows those of the cluster, and only they can \
         be changed by command"
    ))
}

fn unexpected(outcome: &Outcome) -> NodeError {
    NodeError::Metadata(format!("the command came to {outcome:?}"))
}

fn show(user: &User, all: &Users) -> UserShown {
    UserShown {
        id: user.id.clone(),
        name: user.name.clone(),
        created: iso8601(user.created),
        keys: all.keys.iter().filter(|key| key.user == user.id).count(),
    }
}

fn show_key(key: &AccessKey, all: &Users) -> KeyShown {
    let user = all.users.iter().find(|user| user.id == key.user);
    KeyShown {
        access_key: key.id.clone(),
        user: user.map(|user| user.name.clone()).unwrap_or_default(),
        user_id: key.user.clone(),
        created: iso8601(key.created),
        master_key: key.secret.master_key.clone(),
    }
}
