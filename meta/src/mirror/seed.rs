//! Bringing mirrors to one state. When the metadata is opened, the most advanced one is chosen and
//! those that lack only the unacknowledged end of its log are caught up; all others are left out,
//! and made anew by `add`. Every step here blocks; the callers run it on a thread for that.

use super::current::{self, Current};
use super::stage;
use crate::apply;
use crate::key::{self, KeyRange};
use crate::log::{
    EntryFrame, Inspected, Position, entry_key, entry_keys, epoch_key, inspect, vote_key,
};
use crate::mirror::MirrorSet;
use crate::open::OpenError;
use crate::record::Malformed;
use crate::rocks::Purpose;
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
    pub place: Place,
    pub log: Database,
    pub state: Database,
    /// Where the state is.
    pub current: Current,
    pub inspected: Inspected,
    pub applied: Option<Position>,
}

fn log_path(path: &Path) -> PathBuf {
    path.join("log")
}

/// Whether `place` holds a whole metadata mirror, sound or not.
pub(crate) fn holds_mirror(storage: &Storage, place: &Place) -> bool {
    // Why also if that cannot be read: it is damage, not absence.
    let state = current::read(storage, &place.path)
        .map_or(true, |current| storage.holds(&current.path(&place.path)));
    state && storage.holds(&log_path(&place.path))
}

/// Whether `place` holds a mirror of a cluster that was founded, not only what a founding that was
/// cut short left behind.
pub(crate) fn holds_founded_mirror(storage: &Storage, place: &Place) -> bool {
    let marked = || {
        let log = storage.open(&log_path(&place.path), Purpose::Log).map_err(failed)?;
        mark_of(&log)
    };
    holds_mirror(storage, place) && marked().is_ok_and(|epoch| epoch > 0)
}

/// The epoch of the last mirror set that the mirror was in; zero if it was in none.
fn mark_of(log: &Database) -> Result<u64, ReadError> {
    let Some(bytes) = log.now(Reach::Drive).get(&epoch_key())? else { return Ok(0) };
    let bytes = bytes.as_slice().try_into().map_err(|_| Malformed::Not("mirror mark"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Notes durably that the mirror with this log is in the set of `epoch`.
pub(crate) fn mark(log: &Database, epoch: u64) -> io::Result<()> {
    let mut batch = Batch::default();
    batch.put(epoch_key(), epoch.to_be_bytes().into());
    log.write(&batch, true)
}

/// Makes an empty mirror, over whatever is there.
pub(crate) fn create(storage: &Storage, place: &Place) -> io::Result<Seeded> {
    storage.remove(&log_path(&place.path))?;
    current::remove(storage, &place.path)?;
    let current = Current::default();
    Ok(Seeded {
        place: place.clone(),
        log: storage.open(&log_path(&place.path), Purpose::Log)?,
        state: storage.open(&current.path(&place.path), Purpose::State)?,
        current,
        inspected: Inspected { vote: None, purged: None, last: None },
        applied: None,
    })
}

/// Opens the mirrors of the recorded set and chooses the most advanced one. It comes first in the
/// answer; behind it come those that were brought to the same state. The others are left out.
pub(crate) fn survey(
    storage: &Storage,
    recorded: &MirrorSet,
    places: &[Place],
) -> Result<Vec<Seeded>, OpenError> {
    let mut sound = Vec::new();
    let mut refused = None;
    for place in places.iter().filter(|place| recorded.drives.contains(&place.drive)) {
        if !holds_mirror(storage, place) {
            continue;
        }
        let opened = open_existing(storage, place);
        match opened.and_then(|mirror| Ok((mark_of(&mirror.log)?, mirror))) {
            Ok((epoch, _)) if epoch < recorded.epoch => {
                tracing::warn!(epoch, "the metadata on {} is an older copy", place.drive);
                refused.get_or_insert(OpenError::Stale {
                    drive: place.drive,
                    epoch,
                    recorded: recorded.clone(),
                });
            }
            Ok((_, mirror)) => sound.push(mirror),
            Err(ReadError::Malformed(Malformed::Newer(_))) => {
                return Err(OpenError::Newer(place.drive));
            }
            Err(error) => {
                tracing::warn!("the metadata on {} is damaged: {error}", place.drive);
                let (drive, what) = (place.drive, error.to_string());
                let others = recorded.drives.iter().copied().filter(|other| *other != drive);
                refused = Some(OpenError::Damaged { drive, what, others: others.collect() });
            }
        }
    }
    let installed = sound.iter().filter_map(|mirror| mirror.current.installed).max();
    let sound = sound.into_iter().filter_map(|mirror| finish_install(storage, mirror, installed));
    let mut sound: Vec<Seeded> = sound.collect();
    let best = (0..sound.len()).max_by_key(|at| {
        let mirror: &Seeded = &sound[*at];
        (mirror.inspected.progress(), mirror.applied)
    });
    let Some(best) = best.map(|best| sound.swap_remove(best)) else {
        return Err(refused.unwrap_or_else(|| OpenError::NoMirror(recorded.drives.clone())));
    };
    let mut kept = vec![best.clone()];
    for mirror in sound {
        let drive = mirror.place.drive;
        match catch_up(&best, mirror) {
            Ok(Some(mirror)) => kept.push(mirror),
            Ok(None) => tracing::info!("the metadata on {drive} is too old: made anew"),
            Err(error) => tracing::warn!("the metadata on {drive} is made anew: {error}"),
        }
    }
    Ok(kept)
}

pub(super) fn open_existing(storage: &Storage, place: &Place) -> Result<Seeded, ReadError> {
    let current = current::read(storage, &place.path)?;
    let log = storage.open(&log_path(&place.path), Purpose::Log).map_err(failed)?;
    let state = storage.open(&current.path(&place.path), Purpose::State).map_err(failed)?;
    if let Some(installed) = current.installed {
        stage::begin_behind(&log, installed)?;
    }
    read_in(place.clone(), log, state, current)
}

/// Ends what an install has begun on a mirror. If another one has `installed` that snapshot and this
/// one has it whole beside its state, it is put in its place; what is in no use is removed. `None`:
/// the drive refused.
fn finish_install(
    storage: &Storage,
    mirror: Seeded,
    installed: Option<Position>,
) -> Option<Seeded> {
    let (drive, path) = (mirror.place.drive, mirror.place.path.clone());
    let staged = current::staged(storage, &path);
    let staged = staged.filter(|staged| installed.is_some() && staged.installed == installed);
    let finished = match staged {
        Some(staged) if mirror.current.installed < installed => swap(storage, mirror, staged),
        _ => Ok(mirror),
    };
    let finished = finished.and_then(|mirror| {
        current::clear(storage, &path, &mirror.current).map_err(failed)?;
        Ok(mirror)
    });
    finished.inspect_err(|error| tracing::warn!("the metadata on {drive} failed: {error}")).ok()
}

fn swap(storage: &Storage, mirror: Seeded, staged: Current) -> Result<Seeded, ReadError> {
    let Seeded { place, log, .. } = mirror;
    tracing::info!("the snapshot that was received for {} is installed", place.drive);
    let state = storage.open(&staged.path(&place.path), Purpose::State).map_err(failed)?;
    let made = stage::Made { place, current: staged, state };
    made.swap(storage, &log).map_err(failed)?;
    made.seeded(log)
}

/// How far an open mirror is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_in(
    place: Place,
    log: Database,
    state: Database,
    current: Current,
) -> Result<Seeded, ReadError> {
    let applied: Option<Position> = get_record(&state.now(Reach::Drive), &key::applied())?;
    let inspected = inspect(&log.snapshot(Reach::Drive), applied)?;
    if applied < inspected.purged {
        return Err(ReadError::Failed("the state is older than the log reaches back".into()));
    }
    Ok(Seeded { place, log, state, current, inspected, applied })
}

/// Gives `mirror` what it lacks of the end of the log, and applies what `best` has applied. `None`:
/// that is not enough.
pub(crate) fn catch_up(best: &Seeded, mut mirror: Seeded) -> Result<Option<Seeded>, ReadError> {
    let last = mirror.inspected.last;
    if last != best.inspected.last {
        if !holds(best, last)? {
            return Ok(None);
        }
        let from = last.map_or(0, |last| last.index + 1);
        copy_rows(&best.log, &mirror.log, &entry_keys(from, u64::MAX), true, &|| true)?;
    }
    // Why at the end, and always: the vote makes the mirror as advanced as the best one.
    let vote = vote_key();
    let vote = KeyRange { to: [vote.as_slice(), &[0]].concat(), from: vote };
    copy_rows(&best.log, &mirror.log, &vote, true, &|| true)?;
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

/// Makes a mirror at `place` anew from a log and a state that go on being written; the log is not
/// purged meanwhile. It is as of a moment during the call. It may take long, and ends with an error
/// when `go_on` says no: the process ends no earlier than its blocking work.
pub(crate) fn copy(
    storage: &Storage,
    log: &Database,
    state: &Database,
    place: &Place,
    go_on: &dyn Fn() -> bool,
) -> Result<Seeded, ReadError> {
    let made = create(storage, place).map_err(failed)?;
    copy_rows(state, &made.state, &key::all(), false, go_on)?;
    made.state.flush().map_err(failed)?;
    // Invariant: the log behind the state, so that it holds what the state lacks.
    copy_rows(log, &made.log, &key::all(), true, go_on)?;
    read_in(made.place, made.log, made.state, made.current)
}

fn copy_rows(
    from: &Database,
    to: &Database,
    range: &KeyRange,
    synced: bool,
    go_on: &dyn Fn() -> bool,
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    from.snapshot(Reach::Drive).scan(range, &mut |key, value| {
        batch.put(key.into(), value.into());
        if batch.0.len() == COPY_ROWS_MAX {
            if !go_on() {
                return Err(ReadError::Failed("the node is ending".into()));
            }
            to.write(&std::mem::take(&mut batch), synced).map_err(failed)?;
        }
        Ok(Visit::Next)
    })?;
    to.write(&batch, synced).map_err(failed)
}
