//! Crash images of the metadata: a process opens it and changes it under strace; from what its system
//! calls have made durable at some moment, and any part of the rest, drives are made as a power cut
//! may leave them, and opened. Facts: nothing that was acknowledged is lost; every mirror of the set
//! opens, torn ends or not; each log is a part of the one history, and each state is what that
//! history comes to up to the state's applied index, in the twin.
//!
//! `HAMSTER_CRASH_IMAGES` (240) is how many are made, `HAMSTER_SEED` (1) draws commands, moments and
//! what is torn. Needs strace, which `cargo xtask test` installs.

#[path = "../../tests/common/mod.rs"]
mod common;
mod disk;
mod install;
mod life;
mod trace;

use super::MirrorSet;
use super::seed::{self, Place, Seeded};
use crate::apply;
use crate::key;
use crate::log::{Entry, EntryFrame, Position, entry_keys_from};
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Reach, Storage, View, Visit, get_record};
use common::{Machine, NODE, current, propose, tell, world};
use disk::Disk;
use hamster_core::Entropy;
use life::{BUCKET, Mark};
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const LIFE: &str = "HAMSTER_TEST_METADATA_LIFE";

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Why there: a sync costs nothing, and hundreds of images are opened.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary directory")
}

#[test]
fn the_life_that_is_followed() {
    // Only in the process that the test below starts.
    let Ok(life) = env::var(LIFE) else { return };
    let words: Vec<&str> = life.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    let mirrors = u32::try_from(number(1)).expect("few");
    life::live(Path::new(words[3]), number(0), mirrors, number(2));
}

#[test]
fn every_image_that_a_power_cut_may_leave_has_all_that_was_acknowledged() {
    let (images, seed) = (setting("HAMSTER_CRASH_IMAGES", 240), setting("HAMSTER_SEED", 1));
    println!("crash images of the metadata: seed {seed}");
    let mut done = 0;
    for mirrors in 1..=3 {
        let scratch = scratch();
        let root = scratch.path().join("live");
        let steps = follow(&root, &scratch.path().join("trace"), seed, mirrors, 0..life::LIVES);
        let drives = (0..mirrors + life::SPARE_DRIVES).map(|drive| format!("d{drive}"));
        let drives: Vec<String> = drives.collect();
        let share = images * u64::from(mirrors) / 3 - images * u64::from(mirrors - 1) / 3;
        let chance = Entropy::seeded(seed ^ u64::from(mirrors));
        let count = u64::try_from(steps.len()).expect("64 bits");
        let ends = (0..).zip(&steps).filter(|(_, step)| matches!(step, trace::Step::ProcessEnds));
        let ends: Vec<u64> = ends.map(|(at, _)| at).collect();
        // Why: the second life is long and uniform; half of the images are of the others. The other
        // half comes at regular steps, so that each log entry is seen before it is purged.
        let others = count - (ends[1] - ends[0]);
        let moment = |number| match number % 2 {
            0 => number * count / share,
            _ => match chance.below(others) {
                at if at < ends[0] => at,
                at => at + ends[1] - ends[0],
            },
        };
        let mut moments: Vec<u64> = (0..share).map(moment).collect();
        moments.sort_unstable();
        let mut moments = moments.into_iter().peekable();
        let mut disk = Disk::new(&root, &drives);
        let mut told = Told::default();
        let mut history = History::default();
        for (step, at) in steps.iter().zip(0..) {
            disk.follow(step).into_iter().for_each(|mark| told.note(Mark::read(&mark)));
            while moments.next_if_eq(&at).is_some() {
                let image = scratch.path().join("image");
                disk.image(&chance, &image);
                eprintln!("mirrors {mirrors}, step {at} of {count}, set {:?}", told.recorded);
                check(&image, &told, &mut history, mirrors);
                std::fs::remove_dir_all(&image).expect("removed");
                done += 1;
            }
        }
        let entries = history.entries.len();
        println!("mirrors {mirrors}: {count} steps, {entries} log entries seen, {share} images");
    }
    tell(&format!("crash images: {done} of the metadata (seed {seed})"));
}

#[test]
fn every_step_of_an_install_may_be_the_last_before_a_power_cut() {
    let (images, seed) = (setting("HAMSTER_CRASH_IMAGES", 240), setting("HAMSTER_SEED", 1));
    println!("crash images of an install: seed {seed}");
    let mut done = 0;
    for mirrors in 1..=2 {
        let scratch = scratch();
        let root = scratch.path().join("live");
        let lives = [life::INSTALLING];
        let steps = follow(&root, &scratch.path().join("trace"), seed, mirrors, lives);
        let drives = (0..mirrors + life::SPARE_DRIVES).map(|drive| format!("d{drive}"));
        let drives: Vec<String> = drives.collect();
        let chance = Entropy::seeded(seed ^ u64::from(mirrors));
        let mut disk = Disk::new(&root, &drives);
        let (mut told, mut history) = (Told::default(), History::default());
        let every = (installing_steps(&steps, &mut Disk::new(&root, &drives)) / images).max(1);
        let (mut within, mut count) = (false, 0);
        for step in &steps {
            match disk.follow(step).map(|mark| Mark::read(&mark)) {
                Some(Mark::Known { index, frame }) => drop(history.entries.insert(index, frame)),
                Some(Mark::Installing(begins)) => within = begins,
                Some(mark) => told.note(mark),
                None => {}
            }
            count += u64::from(within);
            if within && count % every == 0 {
                let image = scratch.path().join("image");
                disk.image(&chance, &image);
                eprintln!(
                    "mirrors {mirrors}, step {count} of the install, set {:?}",
                    told.recorded
                );
                check(&image, &told, &mut history, mirrors);
                std::fs::remove_dir_all(&image).expect("removed");
                done += 1;
            }
        }
        println!("mirrors {mirrors}: {count} steps of an install");
        assert!(count > 50, "an install is seen");
    }
    tell(&format!("crash images: {done} of an install of a snapshot (seed {seed})"));
}

/// How many steps are made while a snapshot is installed.
fn installing_steps(steps: &[trace::Step], disk: &mut Disk) -> u64 {
    let mut within = false;
    let is_within = |step: &&trace::Step| {
        if let Some(Mark::Installing(begins)) = disk.follow(step).map(|mark| Mark::read(&mark)) {
            within = begins;
        }
        within
    };
    u64::try_from(steps.iter().filter(is_within).count()).expect("64 bits")
}

/// Runs the lives and gives the steps of their files.
fn follow(
    root: &Path,
    trace: &Path,
    seed: u64,
    mirrors: u32,
    lives: impl IntoIterator<Item = u64>,
) -> Vec<trace::Step> {
    for drive in 0..mirrors + life::SPARE_DRIVES {
        std::fs::create_dir_all(root.join(format!("d{drive}"))).expect("made");
    }
    let program = env::current_exe().expect("this test");
    let mut steps = Vec::new();
    for life in lives {
        let mut command = trace::command(&program, trace);
        command.args(["--exact", "mirror::tests::the_life_that_is_followed", "--nocapture"]);
        command.env(LIFE, format!("{seed} {mirrors} {life} {}", root.display()));
        let output = command.output().expect("strace is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        steps.extend(trace::steps(&std::fs::read_to_string(trace).expect("a trace")));
        steps.push(trace::Step::ProcessEnds);
    }
    steps
}

/// What the process has told so far.
#[derive(Default)]
struct Told {
    recorded: MirrorSet,
    /// The values that each key may have: what was acknowledged last, then what was begun since.
    keys: BTreeMap<String, Vec<Option<u32>>>,
    /// What is under way.
    begun: BTreeMap<u32, (String, Option<u32>)>,
}

impl Told {
    fn note(&mut self, mark: Mark) {
        match mark {
            Mark::Recorded(set) => self.recorded = set,
            Mark::Begun { number, key, removal } => {
                let value = (!removal).then_some(number);
                self.keys.entry(key.clone()).or_insert_with(|| vec![None]).push(value);
                self.begun.insert(number, (key, value));
            }
            Mark::Ended { number } => {
                let (key, value) = self.begun.remove(&number).expect("begun");
                self.keys.insert(key, vec![value]);
            }
            Mark::Known { .. } | Mark::Installing(_) => {}
        }
    }
}

fn check(image: &Path, told: &Told, history: &mut History, mirrors: u32) {
    let place = |drive: u32| image.join(format!("d{drive}"));
    let recorded = &told.recorded;
    if recorded.epoch > 0 {
        let places = recorded.drives.iter();
        let places = places.map(|drive| Place { drive: *drive, path: place(drive.get()) });
        let places: Vec<Place> = places.collect();
        let kept = seed::survey(&Storage::Rocks, recorded, &places).expect("a sound mirror");
        let mut drives: Vec<_> = kept.iter().map(|mirror| mirror.place.drive).collect();
        drives.sort_unstable();
        let mut all = recorded.drives.clone();
        all.sort_unstable();
        let missing = places.iter().filter(|place| !drives.contains(&place.drive));
        let missing: Vec<_> = missing.map(what_is_there).collect();
        let best = &kept[0];
        let best = (&best.inspected, best.applied);
        assert_eq!(drives, all, "a power cut costs no mirror: {missing:#?}; the best: {best:?}");
        kept.iter().for_each(|mirror| history.check(mirror));
    }
    let machine = Machine::new(image, Storage::Rocks);
    machine.recorded.replace(recorded.clone());
    let keys = told.keys.clone();
    let (world, node) = world(1);
    let core = node.core(0);
    world.run_on(&node.core(0), async move {
        if machine.recorded.borrow().epoch == 0 {
            let all: Vec<u32> = (0..mirrors).collect();
            machine.found(&core, &all).await.0.close().await;
            return;
        }
        let drives = machine.recorded_drives();
        let meta = machine.restart(&core, &drives).await;
        for (key, values) in keys {
            let value = current(&meta, BUCKET, &key).await;
            assert!(values.contains(&value), "{key} is {value:?}, not one of {values:?}");
        }
        propose(&meta, crate::Command::Boot { node: NODE }).await;
        meta.close().await;
    });
}

/// Of a mirror that was left out.
fn what_is_there(place: &Place) -> String {
    match seed::open_existing(&Storage::Rocks, place) {
        Ok(mirror) => format!("{}: {:?}, {:?}", place.drive, mirror.inspected, mirror.applied),
        Err(error) => format!("{}: {error}", place.drive),
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// All log entries that any image had, and the states that they come to.
#[derive(Default)]
struct History {
    entries: BTreeMap<u64, Vec<u8>>,
    states: BTreeMap<u64, Rows>,
}

impl History {
    fn check(&mut self, mirror: &Seeded) {
        let log = mirror.log.now(Reach::Drive);
        log.scan(&entry_keys_from(0), &mut |key, value| {
            let index = u64::from_be_bytes(*key.last_chunk().expect("an index"));
            let known = self.entries.entry(index).or_insert_with(|| value.to_vec());
            assert_eq!(known, value, "entry {index} has changed");
            Ok(Visit::Next)
        })
        .expect("sound");
        let state = mirror.state.now(Reach::Drive);
        let applied: Option<Position> = get_record(&state, &key::applied()).expect("sound");
        let expected = applied.map_or_else(Rows::new, |applied| self.state(applied.index));
        assert!(rows(&state) == expected, "the state is not that of {applied:?}");
    }

    /// What the entries up to `index` come to.
    fn state(&mut self, index: u64) -> Rows {
        let (from, former) = match self.states.range(..=index).next_back() {
            Some((known, rows)) => (known + 1, rows.clone()),
            None => (0, Rows::new()),
        };
        let twin = TwinWorld::default().open(&PathBuf::from("/twin")).expect("memory");
        let twin = Database::Twin(twin);
        let mut batch = Batch::default();
        former.into_iter().for_each(|(key, value)| batch.put(key, value));
        twin.write(&batch, true).expect("memory");
        for index in from..=index {
            let stored = self.entries.get(&index).unwrap_or_else(|| panic!("no entry {index}"));
            let entry = EntryFrame::decode(index, stored).expect("sound");
            let applied = apply::entry(&twin.now(Reach::Drive), &entry).expect("memory");
            twin.write(&applied.batch, true).expect("memory");
        }
        let rows = rows(&twin.now(Reach::Drive));
        self.states.insert(index, rows.clone());
        rows
    }
}

fn rows(view: &dyn View) -> Rows {
    let mut rows = Rows::new();
    view.scan(&key::all(), &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        Ok(Visit::Next)
    })
    .expect("sound");
    rows
}
