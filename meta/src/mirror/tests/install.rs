//! An install that is cut short anywhere: each mirror has the old state or the new one, and at the
//! next start all of them have the same.

use super::common::{self, NODE, copy_all};
use super::life::BUCKET;
use super::*;
use crate::command::proposal::{Envelope, Proposal};
use crate::command::{Command, CreateBucket};
use crate::log::{Membership, Payload, entry_key};
use crate::mirror::current;
use crate::mirror::stage::{Made, Stage};
use crate::record::Record;
use crate::rocks::Purpose;
use crate::snapshot::Encoder;
use hamster_core::WallTime;
use hamster_core::ids::DriveOrdinal;
use proptest::prelude::*;
use std::sync::Arc;

/// The last entry that the mirrors have, and that of the snapshot.
const OLD: u64 = 12;
const NEW: u64 = 40;

/// An entry without a session.
pub(super) fn entry(position: Position, command: Command) -> Entry {
    let envelopes = vec![Envelope { session: None, commands: vec![command] }];
    Entry { position, payload: Payload::Proposal(Arc::new(Proposal { envelopes })) }
}

/// A log from its beginning: the membership, the founding, a bucket, writes.
fn entries() -> Vec<Entry> {
    let bucket = CreateBucket {
        name: "b".into(),
        owner: "alice".into(),
        owner_is_user: false,
        created: WallTime::from_secs(1),
    };
    let first =
        [common::found(&[0, 1]), Command::Boot { node: NODE }, Command::CreateBucket(bucket)];
    let puts = (0..).map(|number| common::put(BUCKET, &format!("k{}", number % 7), number));
    let commands = first.into_iter().chain(puts);
    let at = |index| Position { term: 1, node: 1, index };
    let membership = Membership { voters: vec![vec![1]], nodes: vec![1] };
    let begin = Entry { position: at(0), payload: Payload::Membership(membership) };
    let others = (1..=NEW).zip(commands).map(|(index, command)| entry(at(index), command));
    std::iter::once(begin).chain(others).collect()
}

/// Applies entries, each of which has an effect.
pub(super) fn apply_all(state: &Database, entries: &[Entry]) {
    for entry in entries {
        let applied = apply::entry(&state.now(Reach::Drive), entry).expect("sound");
        assert!(!format!("{:?}", applied.outcomes).contains("Refused"), "{:?}", applied.outcomes);
        state.write(&applied.batch, false).expect("written");
    }
}

pub(super) fn chunks(state: &Database) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(state.moment()).expect("readable").expect("applied");
    std::iter::from_fn(|| encoder.chunk().expect("readable")).collect()
}

fn memory() -> Database {
    Database::Twin(TwinWorld::default().open(Path::new("/memory")).expect("memory"))
}

/// What entries come to.
fn state_of(entries: &[Entry]) -> Database {
    let state = memory();
    apply_all(&state, entries);
    state
}

fn places(root: &Path, mirrors: u32) -> Vec<Place> {
    let place =
        |drive| Place { drive: DriveOrdinal::new(drive), path: root.join(format!("d{drive}")) };
    (0..mirrors).map(place).collect()
}

fn set(mirrors: u32) -> MirrorSet {
    MirrorSet { epoch: 1, drives: (0..mirrors).map(DriveOrdinal::new).collect() }
}

/// Mirrors with the old entries, of which some are flushed to the state.
fn found(storage: &Storage, places: &[Place]) -> Vec<Seeded> {
    let entries = entries();
    let old = &entries[..=usize::try_from(OLD).expect("few")];
    let make = |place| {
        let mirror = seed::create(storage, place).expect("made");
        let mut batch = Batch::default();
        let frames = old.iter().map(|entry| (entry.position.index, EntryFrame::encode(entry)));
        frames.for_each(|(index, frame)| batch.put(entry_key(index), frame));
        mirror.log.write(&batch, true).expect("written");
        seed::mark(&mirror.log, 1).expect("written");
        apply_all(&mirror.state, &old[..8]);
        mirror.state.flush().expect("flushed");
        apply_all(&mirror.state, &old[8..]);
        mirror
    };
    places.iter().map(make).collect()
}

/// Installs a snapshot of all entries, step by step: no more than `steps` of them. Whether all of
/// them were made, and whether a mirror was swapped.
fn install(storage: &Storage, mirrors: &[Seeded], steps: usize) -> (bool, bool) {
    let mut left = steps;
    let mut go_on = move || left.checked_sub(1).map(|less| left = less).is_some();
    let targets = mirrors.iter().map(|mirror| (mirror.place.clone(), mirror.current)).collect();
    if !go_on() {
        return (false, false);
    }
    let mut stage = Stage::begin(storage, targets).expect("it works");
    for chunk in chunks(&state_of(&entries())) {
        if !go_on() {
            return (false, false);
        }
        stage = stage.take(&chunk).expect("sound");
    }
    if !go_on() {
        return (false, false);
    }
    let made: Vec<Made> = stage.end().expect("whole").made;
    let mut swapped = false;
    for (mirror, made) in mirrors.iter().zip(&made) {
        if !go_on() {
            return (false, swapped);
        }
        current::swap(storage, &mirror.place.path).expect("it works");
        swapped = true;
        if !go_on() {
            return (false, swapped);
        }
        let installed = made.current.installed.expect("it was staged");
        crate::mirror::stage::begin_behind(&mirror.log, installed).expect("it works");
    }
    for made in &made {
        if !go_on() {
            return (false, swapped);
        }
        current::clear(storage, &made.place.path, &made.current).expect("it works");
    }
    (true, swapped)
}

/// What a start finds on these drives is the state up to `index`, on every mirror, and nothing else.
fn check_start(storage: &Storage, places: &[Place], index: u64) {
    let mirrors = u32::try_from(places.len()).expect("few");
    let expected = state_of(&entries()[..=usize::try_from(index).expect("few")]);
    // The second start finds what the first one has left.
    for _ in 0..2 {
        let kept = seed::survey(storage, &set(mirrors), places).expect("sound mirrors");
        assert_eq!(kept.len(), places.len(), "no mirror is lost");
        let first = kept[0].applied.expect("applied");
        for mirror in &kept {
            // What was not flushed comes from the log.
            let from = mirror.applied.expect("applied").index + 1;
            for index in from..=mirror.inspected.last.expect("a log").index {
                let stored = mirror.log.now(Reach::Drive).get(&entry_key(index)).expect("sound");
                let entry = EntryFrame::decode(index, &stored.expect("there")).expect("sound");
                apply_all(&mirror.state, &[entry]);
            }
            assert!(rows(&mirror.state.now(Reach::Drive)) == rows(&expected.now(Reach::Drive)));
            assert_eq!(mirror.inspected.last.expect("a log").index, index);
            assert_eq!(mirror.applied, Some(first));
            let log = mirror.place.path.join("log");
            let found = storage.databases(&mirror.place.path).expect("readable");
            assert_eq!(found, [log, mirror.current.path(&mirror.place.path)], "nothing is left");
            let next = storage.read_file(&mirror.place.path.join("state.next"));
            assert_eq!(next.expect("readable"), None);
        }
    }
}

#[test]
fn an_install_cut_at_any_step_leaves_the_old_state_or_the_new_one_in_the_twin() {
    let root = Path::new("/node");
    let mut cuts = 0;
    for mirrors in 1..=3 {
        for steps in 0.. {
            let world = TwinWorld::default();
            let storage = Storage::Twin(world.clone());
            let places = places(root, mirrors);
            let (all, swapped) = install(&storage, &found(&storage, &places), steps);
            world.crash(root);
            check_start(&storage, &places, if swapped { NEW } else { OLD });
            cuts += 1;
            if all {
                break;
            }
        }
    }
    println!("installs cut in the twin: {cuts}");
}

#[test]
fn an_install_killed_at_any_step_leaves_the_old_state_or_the_new_one_in_rocksdb() {
    let mut cuts = 0;
    for mirrors in 1..=2 {
        for steps in 0.. {
            let scratch = scratch();
            let (root, image) = (scratch.path().join("live"), scratch.path().join("image"));
            let live = found(&Storage::Rocks, &places(&root, mirrors));
            let (all, swapped) = install(&Storage::Rocks, &live, steps);
            // What a kill leaves: nothing of what the process had in memory.
            copy_all(&root, &image);
            check_start(&Storage::Rocks, &places(&image, mirrors), if swapped { NEW } else { OLD });
            cuts += 1;
            if all {
                break;
            }
        }
    }
    println!("installs killed over RocksDB: {cuts}");
}

#[test]
fn a_log_that_differs_from_the_snapshot_is_damage() {
    let storage = Storage::Twin(TwinWorld::default());
    let places = places(Path::new("/node"), 1);
    let mirror = found(&storage, &places).remove(0);
    let position = Position { term: 2, node: 1, index: OLD };
    assert!(crate::mirror::stage::begin_behind(&mirror.log, position).is_err());
    // One that goes on behind the snapshot stays.
    let position = Position { term: 1, node: 1, index: 5 };
    crate::mirror::stage::begin_behind(&mirror.log, position).expect("the same history");
    let left = crate::log::inspect(&mirror.log.now(Reach::Drive), Some(position)).expect("sound");
    assert_eq!((left.purged, left.last.map(|last| last.index)), (Some(position), Some(OLD)));
}

#[test]
fn a_damaged_name_of_the_state_is_damage_and_never_an_older_state() {
    let world = TwinWorld::default();
    let storage = Storage::Twin(world.clone());
    let places = places(Path::new("/node"), 1);
    let live = found(&storage, &places);
    install(&storage, &live, usize::MAX);
    let file = places[0].path.join("state.current");
    let mut bytes = storage.read_file(&file).expect("readable").expect("there");
    bytes[3] ^= 1;
    storage.write_file(&file, &bytes).expect("written");
    let refused = seed::survey(&storage, &set(1), &places).map(drop);
    assert!(matches!(refused, Err(crate::OpenError::Damaged { .. })), "{refused:?}");
}

fn state_rows() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let key = proptest::collection::vec(any::<u8>(), 0..4);
    let key = (0x10_u8..0x50, key).prop_map(|(space, rest)| [vec![space], rest].concat());
    let length = prop_oneof![8 => 0_usize..40, 1 => 100_000_usize..200_000];
    let value = (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length]);
    proptest::collection::btree_map(key, value, 0..40)
}

/// The state of a mirror that holds these rows, some of which were there before and are gone.
fn fill(state: &Database, rows: &BTreeMap<Vec<u8>, Vec<u8>>, gone: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let mut batch = Batch::default();
    gone.iter().for_each(|(key, value)| batch.put(key.clone(), value.clone()));
    batch.0.push(crate::state::Write::DeleteRange(vec![0x10], vec![0x50]));
    rows.iter().for_each(|(key, value)| batch.put(key.clone(), value.clone()));
    let position = Position { term: 1, node: 1, index: 7 };
    batch.put(key::applied(), position.encode());
    state.write(&batch, false).expect("written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn rocksdb_and_its_twin_send_and_install_alike(sent in state_rows(), held in state_rows()) {
        let scratch = scratch();
        let (mut streams, mut states) = (vec![], vec![]);
        for storage in [Storage::Rocks, Storage::Twin(TwinWorld::default())] {
            let source = storage.open(&scratch.path().join("source"), Purpose::State);
            let source = source.expect("made");
            fill(&source, &sent, &held);
            let stream = chunks(&source);
            let target = places(scratch.path(), 1).remove(0);
            let mirror = seed::create(&storage, &target).expect("made");
            fill(&mirror.state, &held, &sent);
            let mut stage =
                Stage::begin(&storage, vec![(target, mirror.current)]).expect("it works");
            for chunk in &stream {
                stage = stage.take(chunk).expect("sound");
            }
            let made = stage.end().expect("whole").made.remove(0);
            made.swap(&storage, &mirror.log).expect("it works");
            let installed = made.seeded(mirror.log).expect("sound");
            prop_assert!(rows(&installed.state.now(Reach::Drive)) == rows(&source.now(Reach::Drive)));
            streams.push(stream);
            states.push(rows(&installed.state.now(Reach::Drive)));
        }
        prop_assert!(streams[0] == streams[1]);
        prop_assert!(states[0] == states[1]);
    }
}
