//! Who may sign: users and their keys, from the environment and from `users.toml`.
//!
//! Built by the node from strings, looked up by the gate. Secrets never leave this file except as
//! signing keys, and nothing here that holds one can be printed.

use crate::sigv4::SERVICE;
use crate::time::SigningTime;
use aws_lc_rs::hmac;
use aws_sigv4::sign::v4::generate_signing_key;
use hamster_core::limits::SECRET_KEY_BYTES_MIN;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The canonical id of the root user whose key comes from the environment: 64 hexadecimal digits,
/// as canonical ids have.
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

/// Someone who may sign.
pub struct User {
    id: String,
    name: String,
    root: bool,
    secret: String,
    /// The signing key of the last day it was asked for. Invariant: of one region, for a node has
    /// one and the gate refuses the others before it asks.
    signing_key: RefCell<Option<([u8; 8], Rc<hmac::Key>)>>,
}

impl User {
    fn new(id: String, name: String, secret: String, root: bool) -> Self {
        Self { id, name, root, secret, signing_key: RefCell::new(None) }
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
        self.root
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
}

impl User {
    /// The key that signs the policies of forms by Signature Version 2. There is no other use of it.
    pub fn form_key_v2(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.secret.as_bytes())
    }
}

/// All users of a node, by access key.
pub struct Credentials {
    users: BTreeMap<String, Rc<User>>,
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
}

impl Credentials {
    /// The root pair of the environment (access key, secret key) and the content of `users.toml`;
    /// either may be missing.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn new(
        root: Option<(&str, &str)>,
        users_toml: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        let root = root.map(|(access_key, secret_key)| UserEntry {
            id: ROOT_ID.to_owned(),
            name: "root".to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            root: true,
        });
        // Why only the message: the full error quotes lines of the file, secrets among them.
        let file: UsersFile = toml::from_str(users_toml.unwrap_or_default())
            .map_err(|error| CredentialsError::Malformed(error.message().to_owned()))?;
        let mut users: BTreeMap<String, Rc<User>> = BTreeMap::new();
        for entry in root.into_iter().chain(file.user) {
            entry.check()?;
            if users.values().any(|user| user.id == entry.id) {
                return Err(CredentialsError::DuplicateId(entry.id));
            }
            let user = User::new(entry.id, entry.name, entry.secret_key, entry.root);
            if users.insert(entry.access_key.clone(), Rc::new(user)).is_some() {
                return Err(CredentialsError::DuplicateAccessKey(entry.access_key));
            }
        }
        if users.is_empty() {
            return Err(CredentialsError::None);
        }
        let nobody = User::new(String::new(), String::new(), "nobody's secret".to_owned(), false);
        Ok(Self { users, nobody: Rc::new(nobody) })
    }

    /// The user with this access key, or a stand-in and `false`.
    pub fn look_up(&self, access_key: &str) -> (&Rc<User>, bool) {
        self.users.get(access_key).map_or((&self.nobody, false), |user| (user, true))
    }

    /// The display name of the user with this canonical id; the id itself if nobody has it.
    pub fn display_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.users.values().find(|user| user.id == id).map_or(id, |user| &user.name)
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
        match (self.id.as_str(), field) {
            (ROOT_ID, "access_key") => "HAMSTER_ACCESS_KEY_ID".to_owned(),
            (ROOT_ID, "secret_key") => "HAMSTER_SECRET_ACCESS_KEY".to_owned(),
            (id, field) => format!("the {field} of user {id:?}"),
        }
    }
}

/// The credentials in force on one core; can be replaced while requests run. Cheap to clone.
#[derive(Clone)]
pub struct Keyring(Rc<RefCell<Rc<Credentials>>>);

impl Keyring {
    /// With these to begin with.
    pub fn new(credentials: Credentials) -> Self {
        Self(Rc::new(RefCell::new(Rc::new(credentials))))
    }

    /// From now on these; requests already verified go on.
    pub fn replace(&self, credentials: Credentials) {
        *self.0.borrow_mut() = Rc::new(credentials);
    }

    /// Those in force.
    pub fn current(&self) -> Rc<Credentials> {
        Rc::clone(&self.0.borrow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
