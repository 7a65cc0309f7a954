//! Making fresh states of a snapshot beside those in use, on all mirrors at once. What is made counts
//! for nothing before the install. Everything here blocks.

use super::current::{self, Current};
use super::seed::{self, Place};
use crate::log::{EntryFrame, Position, entry_key, entry_keys, purged_key};
use crate::record::Record;
use crate::rocks::Purpose;
use crate::snapshot::{Decoder, Header, Section, SnapshotError};
use crate::state::{Batch, Database, Reach, ReadError, Storage, View, Write, get_record};
use hamster_core::ids::DriveOrdinal;
use std::io;

/// A fresh state of one mirror.
pub(crate) struct Made {
    pub place: Place,
    pub current: Current,
    pub state: Database,
}

/// A snapshot that is whole and durable on the mirrors, not in use yet.
pub(crate) struct Staged {
    pub header: Header,
    pub made: Vec<Made>,
    /// The mirrors that failed meanwhile, and what they said.
    pub lost: Vec<(DriveOrdinal, String)>,
}

/// A snapshot that is being received.
pub(crate) struct Stage {
    storage: Storage,
    decoder: Decoder,
    made: Vec<Made>,
    lost: Vec<(DriveOrdinal, String)>,
}

impl Stage {
    /// Makes an empty state beside the one in use of each of these mirrors.
    ///
    /// # Errors
    /// None of them takes one.
    pub(crate) fn begin(
        storage: &Storage,
        mirrors: Vec<(Place, Current)>,
    ) -> Result<Self, SnapshotError> {
        let mut stage = Self {
            storage: storage.clone(),
            decoder: Decoder::new(),
            made: Vec::new(),
            lost: Vec::new(),
        };
        for (place, in_use) in mirrors {
            let current = Current { number: in_use.number + 1, installed: None };
            let path = current.path(&place.path);
            let opened = current::clear(storage, &place.path, &in_use)
                .and_then(|()| storage.open(&path, Purpose::State));
            match opened {
                Ok(state) => stage.made.push(Made { place, current, state }),
                Err(error) => stage.lost.push((place.drive, error.to_string())),
            }
        }
        stage.unless_all_failed()
    }

    /// Takes more bytes of the stream. The rows of each block that is sound are written at once.
    ///
    /// # Errors
    /// The stream is damaged, or no mirror is left; what was made is removed.
    pub(crate) fn take(mut self, bytes: &[u8]) -> Result<Self, SnapshotError> {
        self.decoder.push(bytes);
        loop {
            match self.decoder.next() {
                Ok(Some(Section::Rows(rows))) => {
                    let rows = rows.into_iter().map(|(key, value)| Write::Put(key, value));
                    let batch = Batch(rows.collect());
                    self.on_each(|_, made| made.state.write(&batch, false));
                }
                Ok(Some(Section::Header(_) | Section::End)) => {}
                Ok(None) => return self.unless_all_failed(),
                Err(error) => return Err(self.abandon(error)),
            }
        }
    }

    /// The stream has ended: makes the fresh states durable and notes that they are whole.
    ///
    /// # Errors
    /// As [`Stage::take`].
    pub(crate) fn end(mut self) -> Result<Staged, SnapshotError> {
        let decoder = std::mem::replace(&mut self.decoder, Decoder::new());
        let header = match decoder.finish() {
            Ok(header) => header,
            Err(error) => return Err(self.abandon(error)),
        };
        self.on_each(|storage, made| {
            made.state.flush()?;
            made.current.installed = Some(header.position);
            current::stage(storage, &made.place.path, &made.current)
        });
        let Self { made, lost, .. } = self.unless_all_failed()?;
        Ok(Staged { header, made, lost })
    }

    /// Removes what was made; gives `why` back.
    pub(crate) fn abandon(self, why: SnapshotError) -> SnapshotError {
        discard(&self.storage, self.made);
        why
    }

    /// Does something on each mirror; those that fail are left out.
    fn on_each(&mut self, mut act: impl FnMut(&Storage, &mut Made) -> io::Result<()>) {
        let (storage, lost) = (&self.storage, &mut self.lost);
        self.made.retain_mut(|made| match act(storage, made) {
            Ok(()) => true,
            Err(error) => {
                lost.push((made.place.drive, error.to_string()));
                false
            }
        });
    }

    fn unless_all_failed(self) -> Result<Self, SnapshotError> {
        match self.lost.last() {
            Some((drive, what)) if self.made.is_empty() => {
                Err(SnapshotError::NoMirror { drive: *drive, what: what.clone() })
            }
            _ => Ok(self),
        }
    }
}

/// Removes fresh states that are not going to be used.
pub(crate) fn discard(storage: &Storage, made: Vec<Made>) {
    for Made { place, current, state } in made {
        drop(state);
        // Why the file as well: it is of this state, and never names what is not whole.
        let gone = current::unstage(storage, &place.path)
            .and_then(|()| storage.remove(&current.path(&place.path)));
        if let Err(error) = gone {
            tracing::warn!("what is left of a snapshot on {} stays: {error}", place.drive);
        }
    }
}

impl Made {
    /// Puts it in the place of the state in use; the log begins behind it then.
    ///
    /// # Errors
    /// The drive refused: the mirror must be left out.
    pub(crate) fn swap(&self, storage: &Storage, log: &Database) -> io::Result<()> {
        let installed = self.current.installed.ok_or(io::ErrorKind::InvalidInput)?;
        current::swap(storage, &self.place.path)?;
        begin_behind(log, installed).map_err(io::Error::other)
    }

    /// The mirror with this log and this state, after [`Made::swap`].
    pub(crate) fn seeded(self, log: Database) -> Result<seed::Seeded, ReadError> {
        seed::read_in(self.place, log, self.state, self.current)
    }
}

/// Has a log begin behind the snapshot in the state, if it does not yet: a crash may come between the
/// swap and this. Entries behind the snapshot stay.
///
/// # Errors
/// The log is of another history than the snapshot, or the database refused.
pub(crate) fn begin_behind(log: &Database, installed: Position) -> Result<(), ReadError> {
    let purged: Option<Position> = get_record(&log.now(Reach::Drive), &purged_key())?;
    if purged >= Some(installed) {
        return Ok(());
    }
    if let Some(stored) = log.now(Reach::Drive).get(&entry_key(installed.index))? {
        // Invariant: Raft has cut off what contradicts a snapshot before that is installed.
        if EntryFrame::decode(installed.index, &stored)?.position != installed {
            let index = installed.index;
            return Err(ReadError::Failed(format!("log and state differ in entry {index}")));
        }
    }
    let gone = entry_keys(0, installed.index + 1);
    let mark = Write::Put(purged_key(), installed.encode());
    let batch = Batch(vec![Write::DeleteRange(gone.from, gone.to), mark]);
    log.write(&batch, true).map_err(|error| ReadError::Failed(error.to_string()))
}
