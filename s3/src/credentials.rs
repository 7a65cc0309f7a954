//! Who may sign: users and their keys. Those of one node come from the environment and from
//! `users.toml` and are made of strings by the node; those of the cluster are added to them by the
//! [`Keyring`](crate::Keyring). Looked up by the gate.
//!
//! Secrets never leave this file except as signing keys, and nothing here that holds one can be
//! printed.

use crate::master_keys::MasterKeys;
use crate::sigv4::SERVICE;
use crate::time::SigningTime;
use aws_lc_rs::hmac;
use aws_sigv4::sign::v4::generate_signing_key;
use hamster_core::limits::SECRET_KEY_BYTES_MIN;
use hamster_meta::query::Users;
use hamster_meta::record;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The canonical id of the root user whose key comes from the environment, in a cluster that was
/// founded before root's id was minted at the founding: its buckets name this owner.
const ROOT_ID: &str = "68616d73746572000000000000000000000000000000000000000000726f6f74";

/// Why credentials were refused. Never names a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No user at all: nobody could sign.
    #[error(
        "no credentials: set HAMSTER_ACCESS_KEY_ID and HAMSTER_SECRET_ACCESS_KEY, or pass --credentials"
    )]
    None,
    /// The file does not read as `[[user]]` tables.
    #[error("the credentials file does not read as [[user]] tables: {0}")]
    Malformed(String),
    /// A field that must say something is empty. Here and below: where it stands.
    #[error("{0} is empty")]
    Empty(String),
    /// An access key that would not survive in an Authorization header.
    #[error("{0} may hold only letters, digits and . _ - + = @ :")]
    AccessKeyCharacters(String),
    /// A secret that can be guessed.
    #[error("{0} is too short: give at least {SECRET_KEY_BYTES_MIN} characters")]
    SecretTooShort(String),
    /// Two users with one id.
    #[error("two users have the id {0:?}")]
    DuplicateId(String),
    /// Two users with one access key.
    #[error("two users have the access key {0:?} (HAMSTER_ACCESS_KEY_ID counts): change one")]
    DuplicateAccessKey(String),
}

/// What a user of this node's environment or file has in common with one of the cluster: neither
/// could be told from the other.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Clash {
    /// The canonical id.
    #[error("the id {0:?}")]
    Id(String),
    /// The name.
    #[error("the name {0:?}")]
    Name(String),
    /// The access key.
    #[error("the access key {0:?}")]
    AccessKey(String),
}

/// Where a user is known, and what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// In the environment or the file of this node; everything is allowed.
    Root,
    /// In the file of this node.
    OfNode,
    /// In the metadata.
    OfCluster,
}

/// Someone who may sign.
pub struct User {
    id: String,
    name: String,
    standing: Standing,
    secret: Zeroizing<String>,
    /// The signing key of the last day it was asked for. Invariant: of one region, for a node has
    /// one and the gate refuses the others before it asks.
    signing_key: RefCell<Option<([u8; 8], Rc<hmac::Key>)>>,
}

impl User {
    fn new(
        id: String,
        name: String,
        secret: impl Into<Zeroizing<String>>,
        standing: Standing,
    ) -> Self {
        Self { id, name, standing, secret: secret.into(), signing_key: RefCell::new(None) }
    }

    /// The canonical id, shown as Owner.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The display name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether everything is allowed.
    pub fn is_root(&self) -> bool {
        self.standing == Standing::Root
    }

    /// Whether metadata knows the user, and may have lost it since the request was verified.
    pub fn is_of_cluster(&self) -> bool {
        self.standing == Standing::OfCluster
    }

    /// The key that signs on the day of `time` in `region`.
    pub fn signing_key(&self, time: &SigningTime, region: &str) -> Rc<hmac::Key> {
        let mut cached = self.signing_key.borrow_mut();
        if let Some((day, key)) = cached.as_ref()
            && day[..] == *time.day().as_bytes()
        {
            return Rc::clone(key);
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(time.at().secs());
        let derived = generate_signing_key(&self.secret, at, region, SERVICE);
        let key = Rc::new(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()));
        let day = time.day().as_bytes().try_into().expect("a day has eight digits");
        *cached = Some((day, Rc::clone(&key)));
        key
    }

    /// The key that signs the policies of forms by Signature Version 2. There is no other use of it.
    pub fn form_key_v2(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.secret.as_bytes())
    }
}

/// Users by access key.
pub struct Credentials {
    users: BTreeMap<String, Rc<User>>,
    /// Display names by canonical id, of users without a key as well.
    names: BTreeMap<String, String>,
    /// Stands in for unknown users, so that an unknown key takes as long as a bad signature.
    nobody: Rc<User>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    #[serde(default)]
    user: Vec<UserEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    id: String,
    name: String,
    access_key: String,
    secret_key: String,
    #[serde(default)]
    root: bool,
    #[serde(skip)]
    from_environment: bool,
}

impl Credentials {
    /// The root pair of the environment (access key, secret key) and the content of `users.toml`;
    /// either may be missing. For a cluster in which root has no id of its own.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn new(
        root: Option<(&str, &str)>,
        users_toml: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        Self::with_root_id("", root, users_toml)
    }

    /// As [`Credentials::new`], in a cluster whose root has this canonical id; empty: none of its own.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn with_root_id(
        root_id: &str,
        root: Option<(&str, &str)>,
        users_toml: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        let root_id = if root_id.is_empty() { ROOT_ID } else { root_id };
        let root = root.map(|(access_key, secret_key)| UserEntry {
            id: root_id.to_owned(),
            name: "root".to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            root: true,
            from_environment: true,
        });
        // Why only the message: the full error quotes lines of the file, secrets among them.
        let file: UsersFile = toml::from_str(users_toml.unwrap_or_default())
            .map_err(|error| CredentialsError::Malformed(error.message().to_owned()))?;
        let (mut users, mut names) = (BTreeMap::new(), BTreeMap::new());
        for entry in root.into_iter().chain(file.user) {
            entry.check()?;
            if names.insert(entry.id.clone(), entry.name.clone()).is_some() {
                return Err(CredentialsError::DuplicateId(entry.id));
            }
            let standing = if entry.root { Standing::Root } else { Standing::OfNode };
            let user = User::new(entry.id, entry.name, entry.secret_key, standing);
            if users.insert(entry.access_key.clone(), Rc::new(user)).is_some() {
                return Err(CredentialsError::DuplicateAccessKey(entry.access_key));
            }
        }
        if users.is_empty() {
            return Err(CredentialsError::None);
        }
        let secret = "nobody's secret".to_owned();
        let nobody = User::new(String::new(), String::new(), secret, Standing::OfNode);
        Ok(Self { users, names, nobody: Rc::new(nobody) })
    }

    /// These, and the users of the cluster with those keys that `masters` open.
    pub(crate) fn with(&self, replicated: &Users, masters: &MasterKeys) -> Self {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut users = BTreeMap::new();
        names.extend(replicated.users.iter().map(|user| (user.id.clone(), user.name.clone())));
        for key in &replicated.keys {
            let Some(name) = names.get(&key.user) else { continue };
            match masters.open(key) {
                Ok(secret) => {
                    let (id, name) = (key.user.clone(), name.clone());
                    let user = User::new(id, name, secret, Standing::OfCluster);
                    users.insert(key.id.clone(), Rc::new(user));
                }
                Err(error) => {
                    tracing::warn!(access_key = key.id.as_str(), %error, "nobody can sign with it");
                }
            }
        }
        // Invariant: a node starts, and reads its files again, only where nothing clashes.
        users.extend(self.users.iter().map(|(key, user)| (key.clone(), Rc::clone(user))));
        names.extend(self.names.iter().map(|(id, name)| (id.clone(), name.clone())));
        Self { users, names, nobody: Rc::clone(&self.nobody) }
    }

    /// What one of these has in common with a user of the cluster.
    pub fn clash_with_user(&self, user: &record::User) -> Option<Clash> {
        if self.names.contains_key(&user.id) {
            return Some(Clash::Id(user.id.clone()));
        }
        let named = self.names.values().any(|name| *name == user.name);
        named.then(|| Clash::Name(user.name.clone()))
    }

    /// Whether one of these has an access key of the cluster.
    pub fn clash_with_key(&self, access_key: &str) -> Option<Clash> {
        let known = self.users.contains_key(access_key);
        known.then(|| Clash::AccessKey(access_key.to_owned()))
    }

    /// What one of these has in common with any of the cluster.
    pub fn clash(&self, replicated: &Users) -> Option<Clash> {
        let mut users = replicated.users.iter();
        let mut keys = replicated.keys.iter();
        let user = users.find_map(|user| self.clash_with_user(user));
        user.or_else(|| keys.find_map(|key| self.clash_with_key(&key.id)))
    }

    /// The user with this access key, or a stand-in and `false`.
    pub fn look_up(&self, access_key: &str) -> (&Rc<User>, bool) {
        self.users.get(access_key).map_or((&self.nobody, false), |user| (user, true))
    }

    /// The display name of the user with this canonical id; the id itself if nobody has it.
    pub fn display_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

impl UserEntry {
    fn check(&self) -> Result<(), CredentialsError> {
        for (field, value) in [
            ("id", &self.id),
            ("name", &self.name),
            ("access_key", &self.access_key),
            ("secret_key", &self.secret_key),
        ] {
            if value.trim().is_empty() {
                return Err(CredentialsError::Empty(self.place(field)));
            }
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+=@:".contains(&byte);
        if !self.access_key.bytes().all(plain) {
            return Err(CredentialsError::AccessKeyCharacters(self.place("access_key")));
        }
        if self.secret_key.len() < SECRET_KEY_BYTES_MIN {
            return Err(CredentialsError::SecretTooShort(self.place("secret_key")));
        }
        Ok(())
    }

    /// Where the operator finds `field`: in the environment or in the file.
    fn place(&self, field: &str) -> String {
        match (self.from_environment, field) {
            (true, "access_key") => "HAMSTER_ACCESS_KEY_ID".to_owned(),
            (true, "secret_key") => "HAMSTER_SECRET_ACCESS_KEY".to_owned(),
            _ => format!("the {field} of user {:?}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamster_core::{Entropy, WallTime};

    fn refused(root: Option<(&str, &str)>, file: &str) -> CredentialsError {
        Credentials::new(root, Some(file)).err().expect("refused")
    }

    fn user(id: &str, access_key: &str, secret_key: &str) -> String {
        format!(
            "[[user]]\nid='{id}'\nname='n'\naccess_key='{access_key}'\nsecret_key='{secret_key}'\n"
        )
    }

    #[test]
    fn the_environment_and_the_file_add_up() {
        let file = user("u1", "alice", "long enough");
        let credentials = Credentials::new(Some(("admin", "long enough")), Some(&file));
        let credentials = credentials.expect("good");
        let (root, known) = credentials.look_up("admin");
        assert!(known && root.is_root());
        let (alice, known) = credentials.look_up("alice");
        assert!(known && !alice.is_root());
        assert_eq!(credentials.display_name("u1"), "n");
        assert!(!credentials.look_up("bob").1);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let good = user("u1", "alice", "long enough");
        assert_eq!(refused(None, ""), CredentialsError::None);
        assert!(matches!(refused(None, "[[user]]\nid='a'"), CredentialsError::Malformed(_)));
        assert!(matches!(refused(Some(("", "long enough")), ""), CredentialsError::Empty(_)));
        assert!(matches!(refused(Some(("a", "short")), ""), CredentialsError::SecretTooShort(_)));
        assert!(matches!(
            refused(None, &user("u", "a b", "long enough")),
            CredentialsError::AccessKeyCharacters(_)
        ));
        assert!(matches!(
            refused(None, &(good.clone() + &user("u1", "bob", "long enough"))),
            CredentialsError::DuplicateId(_)
        ));
        assert!(matches!(
            refused(None, &(good.clone() + &user("u2", "alice", "long enough"))),
            CredentialsError::DuplicateAccessKey(_)
        ));
        assert!(matches!(
            refused(Some(("alice", "long enough")), &good),
            CredentialsError::DuplicateAccessKey(_)
        ));
    }

    #[test]
    fn root_keeps_the_constant_id_where_the_cluster_has_none_for_it() {
        let root_of = |root_id| {
            let root = Some(("admin", "long enough"));
            let credentials = Credentials::with_root_id(root_id, root, None).expect("good");
            credentials.look_up("admin").0.id().to_owned()
        };
        assert_eq!(root_of(""), ROOT_ID);
        assert_eq!(root_of(&"ab".repeat(32)), "ab".repeat(32));
        // The file must not name root's id, whichever it is.
        for root_id in ["", "r"] {
            let taken = if root_id.is_empty() { ROOT_ID } else { root_id };
            let file = user(taken, "alice", "long enough");
            let root = Some(("admin", "long enough"));
            let refused = Credentials::with_root_id(root_id, root, Some(&file)).err();
            assert_eq!(refused, Some(CredentialsError::DuplicateId(taken.to_owned())));
        }
    }

    fn replicated(user: &str, name: &str, key: Option<&str>, masters: &MasterKeys) -> Users {
        let created = WallTime::default();
        let keys = key.into_iter().map(|id| record::AccessKey {
            id: id.to_owned(),
            user: user.to_owned(),
            secret: masters.seal(&Entropy::seeded(1), id, user, "her secret").expect("a key"),
            created,
        });
        let keys = keys.collect();
        let (id, name) = (user.to_owned(), name.to_owned());
        Users { users: vec![record::User { id, name, created, root: false }], keys }
    }

    fn masters(name: &str) -> MasterKeys {
        MasterKeys::parse(&format!("{name}:{}", "a".repeat(64))).unwrap_or_default()
    }

    #[test]
    fn users_of_the_cluster_are_added_with_the_keys_that_open() {
        let file = user("u1", "alice", "long enough");
        let own = Credentials::new(None, Some(&file)).expect("good");
        let opened = own.with(&replicated("u2", "bob", Some("BOB"), &masters("k")), &masters("k"));
        let (bob, known) = opened.look_up("BOB");
        assert!(known && !bob.is_root());
        assert_eq!((bob.id(), bob.name(), bob.secret.as_str()), ("u2", "bob", "her secret"));
        assert!(opened.look_up("alice").1);
        assert_eq!((opened.display_name("u1"), opened.display_name("u2")), ("n", "bob"));
        let closed = own.with(&replicated("u2", "bob", Some("BOB"), &masters("k")), &masters("l"));
        assert!(!closed.look_up("BOB").1);
        assert_eq!(closed.display_name("u2"), "bob");
    }

    #[test]
    fn what_users_of_the_node_and_of_the_cluster_have_in_common_is_found() {
        let file = user("u1", "alice", "long enough");
        let own = Credentials::new(None, Some(&file)).expect("good");
        let clash = |user, name, key| own.clash(&replicated(user, name, key, &masters("k")));
        assert_eq!(clash("u1", "bob", None), Some(Clash::Id("u1".into())));
        assert_eq!(clash("u2", "n", None), Some(Clash::Name("n".into())));
        assert_eq!(clash("u2", "bob", Some("alice")), Some(Clash::AccessKey("alice".into())));
        assert_eq!(clash("u2", "bob", Some("BOB")), None);
    }

    #[test]
    fn a_refusal_names_where_the_operator_finds_the_cause() {
        let said = |root, file: &str| refused(root, file).to_string();
        assert!(
            said(Some(("a", "short")), "").starts_with("HAMSTER_SECRET_ACCESS_KEY is too short")
        );
        assert_eq!(said(Some((" ", "long enough")), ""), "HAMSTER_ACCESS_KEY_ID is empty");
        assert!(said(None, &user("u", "a", "short")).starts_with("the secret_key of user \"u\""));
    }

    #[test]
    fn no_refusal_quotes_a_secret() {
        let file = "[[user]]\nid='a'\nsecret_key='hush-hush-hush' oops";
        assert!(!refused(None, file).to_string().contains("hush"));
    }
}
