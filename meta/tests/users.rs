//! Facts about users and access keys: every reader knows of a change before it is answered, and what
//! was answered outlives the process.

mod common;

use common::{Machine, propose, world};
use hamster_core::WallTime;
use hamster_meta::record::{AccessKey, SealedSecret, User};
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{Command, Outcome, open_reader};
use std::path::Path;

fn user() -> User {
    let (id, name) = ("a1".repeat(32), "alice".into());
    User { id, name, created: WallTime::from_secs(1), root: false }
}

fn access_key() -> AccessKey {
    AccessKey {
        id: "HK123456789012345678".into(),
        user: user().id,
        secret: SealedSecret { master_key: "k1".into(), bytes: vec![7; 69] },
        created: WallTime::from_secs(2),
    }
}

#[test]
fn every_core_sees_a_change_of_users_before_it_is_answered_and_no_other_change() {
    let world = hamster_core::sim::World::new(41);
    let node = world.node(2);
    let machine = Machine::new(Path::new("/node"), Storage::Twin(TwinWorld::default()));
    let (core, other) = (node.core(0), node.core(1));
    world.run_on(&node.core(0), async move {
        let (meta, readers, port) = machine.open_for_two(&core).await;
        let reader = open_reader(&other, readers, port);
        propose(&meta, common::found(&[0])).await;
        propose(&meta, Command::Boot { node: common::NODE }).await;
        let revisions = || (meta.users_revision(), reader.users_revision());
        let before = revisions();
        common::create_bucket(&meta).await;
        assert_eq!(revisions(), before, "a bucket is no user");
        for (command, outcome) in [
            (Command::AddUser(user()), Outcome::UserAdded),
            (Command::CreateKey(access_key()), Outcome::KeyCreated),
            (Command::RevokeKey { id: access_key().id }, Outcome::KeyRevoked),
            (Command::RemoveUser { id: user().id }, Outcome::UserRemoved),
        ] {
            let (before, _) = revisions();
            assert_eq!(propose(&meta, command).await, outcome);
            let (after, seen) = revisions();
            assert_eq!(after, before + 1, "{outcome:?}");
            assert_eq!(seen, after, "{outcome:?}");
        }
        let before = revisions();
        let again = propose(&meta, Command::RevokeKey { id: access_key().id }).await;
        assert_eq!((again, revisions()), (Outcome::NoSuchAccessKey, before));
    });
}

fn outlives(machine: Machine, crash: impl FnOnce()) {
    let first = machine.clone();
    let (life, node) = world(42);
    let core = node.core(0);
    life.run_on(&node.core(0), async move {
        let (meta, _) = first.found(&core, &[0]).await;
        assert_eq!(propose(&meta, Command::AddUser(user())).await, Outcome::UserAdded);
        assert_eq!(propose(&meta, Command::CreateKey(access_key())).await, Outcome::KeyCreated);
        let layout = meta.layout().expect("founded");
        assert_eq!(layout.record().root_id, common::ROOT_ID);
        meta.close().await;
    });
    crash();
    let (life, node) = world(43);
    let core = node.core(0);
    life.run_on(&node.core(0), async move {
        let meta = machine.open_only(&core, false, &[0]).await.expect("metadata");
        // What a boot judges by, before it takes over.
        let applied = meta.users_applied().await.expect("readable");
        assert_eq!((applied.users, applied.keys), (vec![user()], vec![access_key()]));
        assert!(meta.users().await.is_err(), "nobody leads yet");
        meta.take_over().await.expect("recorded");
        propose(&meta, Command::Boot { node: common::NODE }).await;
        assert_eq!(meta.users().await.expect("readable").keys, [access_key()]);
        assert_eq!(meta.layout().expect("founded").record().root_id, common::ROOT_ID);
        meta.close().await;
    });
}

#[test]
fn users_outlive_a_restart_over_rocksdb() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    outlives(Machine::new(directory.path(), Storage::Rocks), || ());
}

#[test]
fn users_outlive_a_crash_over_the_twin() {
    let world = TwinWorld::default();
    let machine = Machine::new(Path::new("/node"), Storage::Twin(world.clone()));
    outlives(machine, move || world.crash(Path::new("/node")));
}
