//! The twin and RocksDB, held to the same behaviour; and the overlay, to the plain database.

use super::*;
use crate::key::KeyRange;
use crate::rocks::{self, Purpose};
use proptest::prelude::*;
use std::path::Path;
use twin::TwinWorld;

/// Few different keys, so that changes meet.
fn row_key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff)], 1..4)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (row_key(), any::<[u8; 2]>()).prop_map(|(key, value)| Write::Put(key, value.into())),
        2 => row_key().prop_map(Write::Delete),
        1 => (row_key(), row_key())
            .prop_map(|(a, b)| Write::DeleteRange(a.clone().min(b.clone()), a.max(b))),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    proptest::collection::vec(write(), 0..6).prop_map(Batch)
}

/// What a visitor does at each of its rows: every third it seeks, and it stops at the end of these.
fn visit_all(view: &dyn View, range: &KeyRange, seeks: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = vec![];
    view.scan(range, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        let target = seeks.get(rows.len()).filter(|target| target.as_slice() > key);
        Ok(match target {
            Some(target) if rows.len() % 3 == 0 => Visit::Seek(target.clone()),
            _ if rows.len() == 12 => Visit::Stop,
            _ => Visit::Next,
        })
    })
    .expect("sound");
    rows
}

fn same(left: &dyn View, right: &dyn View, ranges: &[KeyRange], seeks: &[Vec<u8>]) {
    for range in ranges {
        assert_eq!(visit_all(left, range, seeks), visit_all(right, range, seeks));
        assert_eq!(left.get(&range.from), right.get(&range.from));
    }
}

fn ranges() -> impl Strategy<Value = Vec<KeyRange>> {
    let range = (row_key(), row_key())
        .prop_map(|(a, b)| KeyRange { from: a.clone().min(b.clone()), to: a.max(b) });
    proptest::collection::vec(range, 1..6).prop_map(|mut ranges| {
        ranges.push(KeyRange { from: vec![], to: vec![0xff; 8] });
        ranges
    })
}

fn twin() -> Database {
    Database::Twin(TwinWorld::default().open(Path::new("/twin")).expect("memory"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rocksdb_and_its_twin_behave_alike(
        batches in proptest::collection::vec((batch(), any::<bool>()), 0..8),
        ranges in ranges(),
        seeks in proptest::collection::vec(row_key(), 12),
    ) {
        for purpose in [Purpose::Log, Purpose::State] {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let rocks = Database::Rocks(rocks::open(directory.path(), purpose).expect("made"));
            let twin = twin();
            let before = (rocks.snapshot(Reach::Drive), twin.snapshot(Reach::Drive));
            for (batch, flush) in &batches {
                for database in [&rocks, &twin] {
                    match purpose {
                        Purpose::Log => database.write(batch, true).expect("written"),
                        Purpose::State => assert!(database.try_write(batch).expect("written")),
                    }
                    if *flush {
                        database.flush().expect("flushed");
                    }
                }
            }
            same(&rocks.now(Reach::Drive), &twin.now(Reach::Drive), &ranges, &seeks);
            same(&rocks.snapshot(Reach::Drive), &twin.snapshot(Reach::Drive), &ranges, &seeks);
            same(&before.0, &before.1, &ranges, &seeks);
        }
    }

    #[test]
    fn an_overlay_shows_what_its_changes_would_make(
        below in batch(),
        changes in proptest::collection::btree_map(row_key(), proptest::option::of(any::<[u8; 2]>()), 0..8),
        ranges in ranges(),
        seeks in proptest::collection::vec(row_key(), 12),
    ) {
        let database = twin();
        database.write(&below, false).expect("memory");
        let before = database.snapshot(Reach::Drive);
        let mut overlay = Overlay::new(&before);
        for (key, value) in changes {
            overlay.set(key, value.map(Into::into));
        }
        let mut shown = vec![];
        for range in &ranges {
            shown.push((visit_all(&overlay, range, &seeks), overlay.get(&range.from)));
        }
        database.write(&overlay.into_changes().into(), false).expect("memory");
        let after = database.now(Reach::Drive);
        for (range, shown) in ranges.iter().zip(shown) {
            prop_assert_eq!((visit_all(&after, range, &seeks), after.get(&range.from)), shown);
        }
    }
}

#[test]
fn a_twin_forgets_in_a_crash_what_was_neither_synced_nor_flushed() {
    let world = TwinWorld::default();
    let path = Path::new("/node/d0");
    let put = |key: u8| Batch(vec![Write::Put(vec![key], vec![])]);
    let open = || Database::Twin(world.open(path).expect("memory"));
    let old = open();
    old.write(&put(1), true).expect("memory");
    old.write(&put(2), false).expect("memory");
    world.crash(Path::new("/node"));
    assert!(old.write(&put(3), true).is_err());
    assert!(old.now(Reach::Drive).get(&[1]).is_err());
    let new = open();
    assert_eq!(new.now(Reach::Drive).get(&[1]), Ok(Some(vec![])));
    assert_eq!(new.now(Reach::Drive).get(&[2]), Ok(None));
    new.write(&put(2), false).expect("memory");
    new.flush().expect("memory");
    world.crash(path);
    assert_eq!(open().now(Reach::Drive).get(&[2]), Ok(Some(vec![])));
    world.wipe(Path::new("/node"));
    assert!(!world.exists(path));
    world.fail(Path::new("/node"));
    assert!(world.open(path).is_err());
}

#[test]
fn a_damaged_log_database_is_an_error() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = || rocks::open(directory.path(), Purpose::Log);
    let database = open().expect("made");
    for key in 0..100 {
        database.write(&Batch(vec![Write::Put(vec![key], vec![7; 100])]), true).expect("written");
    }
    drop(database);
    let mut logs = std::fs::read_dir(directory.path()).expect("there");
    let log = logs.find_map(|entry| {
        let path = entry.expect("readable").path();
        path.extension().is_some_and(|extension| extension == "log").then_some(path)
    });
    let log = log.expect("a write-ahead log");
    let mut bytes = std::fs::read(&log).expect("readable");
    bytes[1000] ^= 1;
    std::fs::write(&log, &bytes).expect("writable");
    assert!(open().is_err());
}
