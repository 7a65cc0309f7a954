//! The check of a log that is opened.

use super::{EntryFrame, Position, Vote, acknowledged_key, entry_keys_from, purged_key, vote_key};
use crate::record::{Malformed, Record};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::plant::{Plant, planted};

/// What a sound log holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Inspected {
    /// The last vote.
    pub vote: Option<Vote>,
    /// Entries up to here are gone.
    pub purged: Option<Position>,
    /// The last entry, or what was purged last.
    pub last: Option<Position>,
}

impl Inspected {
    /// How advanced the log is: of two mirrors, the greater has everything acknowledged.
    pub(crate) fn progress(&self) -> (Option<Vote>, Option<Position>) {
        (self.vote, self.last)
    }
}

/// Reads a whole log: every entry is there and sound, from what was purged to what was acknowledged
/// and to `applied` at least.
///
/// # Errors
/// What is wrong with it, or the database's refusal.
pub(crate) fn inspect(log: &dyn View, applied: Option<Position>) -> Result<Inspected, ReadError> {
    let damaged = |what: String| Err(ReadError::Failed(what));
    let purged: Option<Position> = get_record(log, &purged_key())?;
    let mut last = purged;
    log.scan(&entry_keys_from(0), &mut |key, value| {
        let index = key.last_chunk().map(|index| u64::from_be_bytes(*index));
        let index = index.ok_or(Malformed::Not("log key"))?;
        if index != last.map_or(0, |last| last.index + 1) {
            return Err(ReadError::Failed(format!("the log has a gap before entry {index}")));
        }
        let entry = match EntryFrame::decode(index, value) {
            Err(_) if planted(Plant::CutsLogAtBadChecksum) => return Ok(Visit::Stop),
            entry => entry?,
        };
        if last.is_some_and(|last| entry.position < last) {
            return Err(ReadError::Failed(format!("the log's terms go back at entry {index}")));
        }
        last = Some(entry.position);
        Ok(Visit::Next)
    })?;
    let end = last.map(|last| last.index);
    let acknowledged = match log.get(&acknowledged_key())? {
        Some(bytes) => {
            let bytes = bytes.as_slice().try_into().map_err(|_| Malformed::Not("log mark"))?;
            Some(u64::from_be_bytes(bytes))
        }
        None => None,
    };
    let acknowledged = acknowledged.filter(|_| !planted(Plant::CutsLogAtBadChecksum));
    if end < acknowledged || end < applied.map(|applied| applied.index) {
        return damaged(format!("the log ends at {end:?}, before what was acknowledged"));
    }
    let vote = match log.get(&vote_key())? {
        Some(bytes) => Some(Vote::decode(&bytes)?),
        None => None,
    };
    Ok(Inspected { vote, purged, last })
}
