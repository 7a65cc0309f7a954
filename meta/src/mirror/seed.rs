//! Bringing the mirrors of a node to one state when the metadata is opened: the most advanced one
//! is chosen, those that lack only the unacknowledged end of its log are caught up, all others are
//! made anew from it. Every step here blocks; `open` runs it on a thread for that.

use crate::apply;
use crate::key::{self, KeyRange};
use crate::log::{EntryFrame, Inspected, Position, entry_key, entry_keys, inspect, vote_key};
use crate::open::OpenError;
use crate::record::Malformed;
use crate::rocks::{self, Purpose};
use crate::state::{Batch, Database, Reach, ReadError, Storage, View, Visit, get_record};
use hamster_core::ids::DriveOrdinal;
use std::io;
use std::path::{Path, PathBuf};

/// Rows that are copied in one batch.
const COPY_ROWS_MAX: usize = 1024;

/// A drive that may hold a mirror, and where.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub drive: DriveOrdinal,
    pub path: PathBuf,
}

/// A mirror that is open and sound.
#[derive(Clone)]
pub(crate) struct Seeded {
    pub drive: DriveOrdinal,
    pub log: Database,
    pub state: Database,
    pub inspected: Inspected,
    pub applied: Option<Position>,
}

fn log_path(path: &Path) -> PathBuf {
    path.join("log")
}

fn state_path(path: &Path) -> PathBuf {
    path.join("state")
}

/// Whether `place` holds a metadata mirror, sound or not.
pub(crate) fn holds_mirror(storage: &Storage, place: &Place) -> bool {
    let paths = [log_path(&place.path), state_path(&place.path)];
    paths.iter().any(|path| match storage {
        Storage::Rocks => rocks::exists(path),
        Storage::Twin(world) => world.exists(path),
    })
}

fn open_database(storage: &Storage, path: &Path, purpose: Purpose) -> io::Result<Database> {
    match storage {
        Storage::Rocks => rocks::open(path, purpose).map(Database::Rocks),
        Storage::Twin(world) => world.open(path).map(Database::Twin),
    }
}

fn remove_databases(storage: &Storage, path: &Path) -> io::Result<()> {
    for path in [log_path(path), state_path(path)] {
        match storage {
            Storage::Rocks => rocks::remove(&path)?,
            Storage::Twin(world) => world.wipe(&path),
        }
    }
    Ok(())
}

/// Makes an empty mirror, over whatever is there.
pub(crate) fn create(storage: &Storage, place: &Place) -> io::Result<Seeded> {
    remove_databases(storage, &place.path)?;
    Ok(Seeded {
        drive: place.drive,
        log: open_database(storage, &log_path(&place.path), Purpose::Log)?,
        state: open_database(storage, &state_path(&place.path), Purpose::State)?,
        inspected: Inspected { vote: None, purged: None, last: None },
        applied: None,
    })
}

/// Opens the mirrors of the recorded set and chooses the most advanced one. It comes first in the
/// answer; behind it come those that were brought to the same state. The others are to be made anew.
pub(crate) fn survey(
    storage: &Storage,
    recorded: &[DriveOrdinal],
    places: &[Place],
) -> Result<Vec<Seeded>, OpenError> {
    let mut sound = Vec::new();
    let mut damaged = None;
    for place in places.iter().filter(|place| recorded.contains(&place.drive)) {
        if !holds_mirror(storage, place) {
            continue;
        }
        match open_existing(storage, place) {
            Ok(mirror) => sound.push(mirror),
            Err(ReadError::Malformed(Malformed::Newer(_))) => {
                return Err(OpenError::Newer(place.drive));
            }
            Err(error) => {
                tracing::warn!("the metadata on {} is damaged: {error}", place.drive);
                let what = error.to_string();
                damaged = Some(OpenError::Damaged { drive: place.drive, what });
            }
        }
    }
    let best = (0..sound.len()).max_by_key(|at| {
        let mirror: &Seeded = &sound[*at];
        (mirror.inspected.progress(), mirror.applied)
    });
    let Some(best) = best.map(|best| sound.swap_remove(best)) else {
        return Err(damaged.unwrap_or_else(|| OpenError::NoMirror(recorded.into())));
    };
    let mut kept = vec![best.clone()];
    for mirror in sound {
        let drive = mirror.drive;
        match catch_up(&best, mirror) {
            Ok(Some(mirror)) => kept.push(mirror),
            Ok(None) => tracing::info!("the metadata on {drive} is too old: made anew"),
            Err(error) => tracing::warn!("the metadata on {drive} is made anew: {error}"),
        }
    }
    Ok(kept)
}

fn open_existing(storage: &Storage, place: &Place) -> Result<Seeded, ReadError> {
    let open = |path: PathBuf, purpose| {
        open_database(storage, &path, purpose).map_err(|error| ReadError::Failed(error.to_string()))
    };
    let log = open(log_path(&place.path), Purpose::Log)?;
    let state = open(state_path(&place.path), Purpose::State)?;
    let applied: Option<Position> = get_record(&state.now(Reach::Drive), &key::applied())?;
    let inspected = inspect(&log.snapshot(Reach::Drive), applied)?;
    if applied < inspected.purged {
        return Err(ReadError::Failed("the state is older than the log reaches back".into()));
    }
    Ok(Seeded { drive: place.drive, log, state, inspected, applied })
}

/// Gives `mirror` what it lacks of the end of the log, and applies what `best` has applied. `None`:
/// that is not enough.
fn catch_up(best: &Seeded, mut mirror: Seeded) -> Result<Option<Seeded>, ReadError> {
    let last = mirror.inspected.last;
    if last != best.inspected.last {
        if !holds(best, last)? {
            return Ok(None);
        }
        let from = last.map_or(0, |last| last.index + 1);
        copy_rows(&best.log, &mirror.log, &entry_keys(from, u64::MAX), true)?;
    }
    // Why at the end, and always: the vote makes the mirror as advanced as the best one.
    let vote = vote_key();
    let vote = KeyRange { to: [vote.as_slice(), &[0]].concat(), from: vote };
    copy_rows(&best.log, &mirror.log, &vote, true)?;
    let from = mirror.applied.map_or(0, |applied| applied.index + 1);
    let to = best.applied.map_or(0, |applied| applied.index + 1);
    if from < to && from < best.inspected.purged.map_or(0, |purged| purged.index + 1) {
        return Ok(None);
    }
    replay(best, &mirror.state, from, to)?;
    mirror.inspected = Inspected { purged: mirror.inspected.purged, ..best.inspected };
    mirror.applied = mirror.applied.max(best.applied);
    Ok(Some(mirror))
}

/// Whether the log of `best` holds the entry at exactly this position, or was purged up to it. Then
/// all entries before it are the same as well (Raft, log matching).
fn holds(best: &Seeded, position: Option<Position>) -> Result<bool, ReadError> {
    if position == best.inspected.purged {
        return Ok(true);
    }
    let Some(position) = position else {
        return Ok(false);
    };
    let stored = best.log.now(Reach::Drive).get(&entry_key(position.index))?;
    let Some(stored) = stored else {
        return Ok(false);
    };
    Ok(EntryFrame::decode(position.index, &stored)?.position == position)
}

/// Applies the entries from one index to another of the log of `best`, which are committed.
fn replay(best: &Seeded, state: &Database, from: u64, to: u64) -> Result<(), ReadError> {
    for index in from..to {
        let stored = best.log.now(Reach::Drive).get(&entry_key(index))?;
        let stored = stored.ok_or_else(|| ReadError::Failed(format!("no log entry {index}")))?;
        let entry = EntryFrame::decode(index, &stored)?;
        let applied = apply::entry(&state.now(Reach::Drive), &entry)?;
        state.write(&applied.batch, false).map_err(failed)?;
    }
    Ok(())
}

fn failed(error: io::Error) -> ReadError {
    ReadError::Failed(error.to_string())
}

/// Makes a mirror at `place` anew from `best`, which nobody changes meanwhile.
pub(crate) fn copy(storage: &Storage, best: &Seeded, place: &Place) -> io::Result<Seeded> {
    let made = create(storage, place)?;
    let copy_all =
        |from, to, synced| copy_rows(from, to, &key::all(), synced).map_err(io::Error::other);
    copy_all(&best.state, &made.state, false)?;
    made.state.flush()?;
    copy_all(&best.log, &made.log, true)?;
    Ok(Seeded { inspected: best.inspected, applied: best.applied, ..made })
}

fn copy_rows(
    from: &Database,
    to: &Database,
    range: &KeyRange,
    synced: bool,
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    from.snapshot(Reach::Drive).scan(range, &mut |key, value| {
        batch.put(key.into(), value.into());
        if batch.0.len() == COPY_ROWS_MAX {
            to.write(&std::mem::take(&mut batch), synced).map_err(failed)?;
        }
        Ok(Visit::Next)
    })?;
    to.write(&batch, synced).map_err(failed)
}
