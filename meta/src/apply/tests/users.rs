//! Users and access keys: what may be added, what may go, and a plain model beside apply.

use super::*;
use crate::record::{AccessKey, SealedSecret, User};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id(number: u8) -> String {
    format!("{number:02x}").repeat(32)
}

fn user(number: u8, name: &str) -> Command {
    let (id, created) = (id(number), WallTime::from_secs(1));
    Command::AddUser(User { id, name: name.into(), created, root: false })
}

fn access_key(number: u8) -> String {
    format!("HK{number:018}")
}

fn create_key(number: u8, user: u8) -> Command {
    let secret = SealedSecret { master_key: "k1".into(), bytes: vec![number; 69] };
    let (id, user, created) = (access_key(number), id(user), WallTime::from_secs(1));
    Command::CreateKey(AccessKey { id, user, secret, created })
}

fn remove(user: u8) -> Command {
    Command::RemoveUser { id: id(user) }
}

fn revoke(number: u8) -> Command {
    Command::RevokeKey { id: access_key(number) }
}

fn all(replica: &Replica) -> query::Users {
    query::user::all(&replica.view()).expect("memory")
}

#[test]
fn a_user_has_an_id_and_a_name_of_its_own() {
    let mut replica = Replica::empty();
    replica.apply(found(1));
    assert_eq!(replica.apply(user(1, "alice")), Outcome::UserAdded);
    assert_eq!(replica.apply(user(2, "bob")), Outcome::UserAdded);
    let before = replica.rows();
    assert_eq!(replica.apply(user(1, "carol")), Outcome::UserExists { id: id(1) });
    assert_eq!(replica.apply(user(3, "bob")), Outcome::UserExists { id: id(2) });
    let root =
        User { id: ROOT_ID.into(), name: "r".into(), created: WallTime::default(), root: false };
    let taken = Outcome::UserExists { id: ROOT_ID.into() };
    assert_eq!(replica.apply(Command::AddUser(root.clone())), taken);
    let almighty = User { id: id(9), root: true, ..root.clone() };
    let nameless = User { id: id(9), name: String::new(), ..root.clone() };
    let spaced = User { id: id(9), name: "a b".into(), ..root.clone() };
    let long =
        User { id: id(9), name: "a".repeat(limits::USER_NAME_BYTES_MAX + 1), ..root.clone() };
    let strange = User { id: "ABC".into(), ..root };
    for wrong in [almighty, nameless, spaced, long, strange] {
        assert!(matches!(replica.apply(Command::AddUser(wrong)), Outcome::Refused(_)));
    }
    assert_eq!(replica.rows(), before);
    let names: Vec<String> = all(&replica).users.into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn a_user_with_keys_or_buckets_is_not_removed() {
    let mut replica = Replica::empty();
    replica.apply(user(1, "alice"));
    replica.apply(create_key(1, 1));
    let owned = |name: &str| {
        let (created, owner_is_user) = (WallTime::default(), true);
        let (name, owner) = (name.into(), id(1));
        Command::CreateBucket(CreateBucket { name, owner, owner_is_user, created })
    };
    replica.apply(create_bucket("a"));
    let Outcome::BucketCreated(bucket) = replica.apply(owned("hers")) else { panic!("made") };
    assert_eq!(replica.apply(remove(1)), Outcome::UserHasKeys { count: 1 });
    assert_eq!(replica.apply(revoke(1)), Outcome::KeyRevoked);
    let first = "hers".to_owned();
    assert_eq!(replica.apply(remove(1)), Outcome::UserOwnsBuckets { first });
    assert_eq!(replica.apply(Command::DeleteBucket { bucket }), Outcome::BucketDeleted);
    assert_eq!(replica.apply(remove(1)), Outcome::UserRemoved);
    assert_eq!(replica.apply(remove(1)), Outcome::NoSuchUser);
    assert_eq!(replica.apply(create_key(2, 1)), Outcome::NoSuchUser);
    assert_eq!(replica.apply(owned("too late")), Outcome::NoSuchUser);
    // Id and name are free again.
    assert_eq!(replica.apply(user(2, "alice")), Outcome::UserAdded);
}

#[test]
fn an_access_key_is_made_once_and_taken_back_once() {
    let mut replica = Replica::empty();
    replica.apply(user(1, "alice"));
    replica.apply(user(2, "bob"));
    assert_eq!(replica.apply(create_key(1, 3)), Outcome::NoSuchUser);
    assert_eq!(replica.apply(create_key(1, 1)), Outcome::KeyCreated);
    let before = replica.rows();
    assert_eq!(replica.apply(create_key(1, 2)), Outcome::KeyExists);
    let Command::CreateKey(good) = create_key(2, 1) else { unreachable!("as made") };
    let secret = |master_key: &str, length| SealedSecret {
        master_key: master_key.into(),
        bytes: vec![0; length],
    };
    let wrong = [
        AccessKey { id: "short".into(), ..good.clone() },
        AccessKey { secret: secret("", 69), ..good.clone() },
        AccessKey { secret: secret("k1", 0), ..good.clone() },
        AccessKey { secret: secret("k1", limits::SEALED_SECRET_BYTES_MAX + 1), ..good },
    ];
    for wrong in wrong {
        assert!(matches!(replica.apply(Command::CreateKey(wrong)), Outcome::Refused(_)));
    }
    assert_eq!(replica.rows(), before);
    assert_eq!(replica.apply(revoke(1)), Outcome::KeyRevoked);
    assert_eq!(replica.apply(revoke(1)), Outcome::NoSuchAccessKey);
    assert!(all(&replica).keys.is_empty());
}

#[test]
fn users_and_keys_are_bounded() {
    let mut replica = Replica::empty();
    replica.apply(user(1, "alice"));
    let most = u8::try_from(limits::KEYS_PER_USER_MAX).expect("few");
    for number in 0..most {
        assert_eq!(replica.apply(create_key(number, 1)), Outcome::KeyCreated);
    }
    assert_eq!(replica.apply(create_key(most, 1)), Outcome::TooManyKeys);
    replica.apply(revoke(0));
    assert_eq!(replica.apply(create_key(most, 1)), Outcome::KeyCreated);
    let mut batch = Batch::default();
    for number in 1..limits::USERS_MAX {
        let (id, name) = (format!("{number:064x}"), format!("u{number}"));
        let user = User { id, name, created: WallTime::default(), root: false };
        batch.put(key::user(&user.id), user.encode());
    }
    replica.state.write(&batch, false).expect("memory");
    assert_eq!(replica.apply(user(2, "bob")), Outcome::TooManyUsers);
}

/// What a model of a few maps says to a command.
#[derive(Default)]
struct Model {
    users: BTreeMap<String, String>,
    keys: BTreeMap<String, String>,
    buckets: BTreeMap<String, String>,
}

impl Model {
    fn expects(&mut self, command: &Command) -> Option<Outcome> {
        let keys_of = |keys: &BTreeMap<String, String>, id: &str| {
            keys.values().filter(|user| *user == id).count() as u64
        };
        Some(match command {
            Command::AddUser(User { id, name, .. }) => {
                let named = self.users.iter().find(|(_, known)| *known == name);
                if self.users.contains_key(id) {
                    return Some(Outcome::UserExists { id: id.clone() });
                }
                if let Some((id, _)) = named {
                    return Some(Outcome::UserExists { id: id.clone() });
                }
                self.users.insert(id.clone(), name.clone());
                Outcome::UserAdded
            }
            Command::RemoveUser { id } => {
                let count = keys_of(&self.keys, id);
                let owned = self.buckets.iter().find(|(_, owner)| *owner == id);
                match (self.users.contains_key(id), count, owned) {
                    (false, ..) => Outcome::NoSuchUser,
                    (true, 1.., _) => Outcome::UserHasKeys { count },
                    (true, 0, Some((first, _))) => {
                        Outcome::UserOwnsBuckets { first: first.clone() }
                    }
                    (true, 0, None) => {
                        self.users.remove(id);
                        Outcome::UserRemoved
                    }
                }
            }
            Command::CreateKey(AccessKey { id, user, .. }) => {
                if !self.users.contains_key(user) {
                    return Some(Outcome::NoSuchUser);
                }
                if self.keys.contains_key(id) {
                    return Some(Outcome::KeyExists);
                }
                self.keys.insert(id.clone(), user.clone());
                Outcome::KeyCreated
            }
            Command::RevokeKey { id } => match self.keys.remove(id) {
                Some(_) => Outcome::KeyRevoked,
                None => Outcome::NoSuchAccessKey,
            },
            Command::CreateBucket(CreateBucket { owner, .. })
                if !self.users.contains_key(owner) =>
            {
                Outcome::NoSuchUser
            }
            Command::CreateBucket(CreateBucket { name, owner, .. }) => {
                self.buckets.entry(name.clone()).or_insert_with(|| owner.clone());
                return None;
            }
            _ => return None,
        })
    }
}

fn command() -> impl Strategy<Value = Command> {
    let (few, names) = (0_u8..4, prop_oneof![Just("a"), Just("b"), Just("c")]);
    prop_oneof![
        4 => (few.clone(), names.clone()).prop_map(|(number, name)| user(number, name)),
        4 => few.clone().prop_map(remove),
        4 => (few.clone(), few.clone()).prop_map(|(number, user)| create_key(number, user)),
        3 => few.clone().prop_map(revoke),
        1 => (few, names).prop_map(|(owner, name)| {
            let (name, owner, created) = (name.into(), id(owner), WallTime::default());
            Command::CreateBucket(CreateBucket { name, owner, owner_is_user: true, created })
        }),
    ]
}

proptest! {
    #[test]
    fn users_and_keys_are_what_a_few_maps_say(
        commands in proptest::collection::vec(command(), 1..60),
        together in 1_usize..4,
    ) {
        let (mut replica, mut model) = (Replica::empty(), Model::default());
        for commands in commands.chunks(together) {
            let envelope = Envelope { session: None, commands: commands.to_vec() };
            let outcomes = replica.propose(vec![envelope]);
            for (command, outcome) in commands.iter().zip(outcomes) {
                if let Some(expected) = model.expects(command) {
                    prop_assert_eq!(outcome, expected);
                }
            }
            let all = all(&replica);
            let users: Vec<_> = all.users.into_iter().map(|user| (user.id, user.name)).collect();
            let keys: Vec<_> = all.keys.into_iter().map(|key| (key.id, key.user)).collect();
            prop_assert_eq!(users, model.users.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(keys, model.keys.clone().into_iter().collect::<Vec<_>>());
        }
    }
}
