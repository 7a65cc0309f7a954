//! A snapshot: one moment of the state as a stream of bytes, for a node that is too far behind to
//! follow the log. `encode` writes it, `decode` reads it and believes nothing; `mirror` has what was
//! read installed.
//!
//! The stream is `magic (8), format (4)`, then frames of `kind (1), length (4), CRC-64/NVME (8),
//! payload`; numbers are big-endian. The first frame is the header, the last one the footer; between
//! them are blocks of rows in the order of their keys. A frame's checksum covers its number in the
//! stream, its kind, its length and its payload; the footer's own covers all bytes before the footer,
//! and it tells how many rows there are. So a bit that flips, and a frame that is missing, doubled or
//! in another place, is noticed before anything is installed. Payloads are protobuf.

mod decode;
mod encode;
pub(crate) mod frame;

pub(crate) use decode::{Decoder, Section};
pub(crate) use encode::Encoder;

use crate::key;
use crate::log::{Position, StoredMembership};
use crate::state::{ReadError, View, get_record};
use hamster_core::ids::DriveOrdinal;

/// The state that a snapshot holds: what comes first in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// The log entry that was applied last.
    pub position: Position,
    /// The membership as applied.
    pub membership: StoredMembership,
}

impl Header {
    /// The header of a state; none before the first entry is applied.
    pub(crate) fn of(state: &dyn View) -> Result<Option<Self>, ReadError> {
        let Some(position) = get_record(state, &key::applied())? else { return Ok(None) };
        let membership = get_record(state, &key::membership())?.unwrap_or_default();
        Ok(Some(Self { position, membership }))
    }
}

/// Why a snapshot is not installed. The state is what it was before.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Something else.
    #[error("this is no snapshot of the metadata: the sender is at fault")]
    NotOne,
    /// A newer version of Hamster wrote it.
    #[error("the snapshot is in format {0}, newer than this version reads: upgrade this node")]
    Newer(u32),
    /// It was changed on its way.
    #[error("the snapshot is damaged in frame {frame} ({what}): it must be sent again")]
    Damaged {
        /// From zero.
        frame: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It ends too early.
    #[error("the snapshot ends after {frames} frames, before its footer: it must be sent again")]
    Cut {
        /// Whole frames that came.
        frames: u64,
    },
    /// The sender is gone, or what carries the stream.
    #[error("the snapshot did not come to its end: {0}; it must be sent again")]
    Lost(String),
    /// It is of another history than the one that this node has committed, or whoever sent it was
    /// not elected when its last entry was written.
    #[error(
        "the snapshot contradicts what this node knows: {0}; nothing of its sender may be used"
    )]
    Contradicts(&'static str),
    /// Another leader was elected since.
    #[error("a leader of term {term} is known: only it may send a snapshot")]
    Deposed {
        /// Its term.
        term: u64,
    },
    /// A mirror failed and there is no other: the node must get other drives.
    #[error("the metadata on {drive} cannot be written and no other mirror is left: {what}")]
    NoMirror {
        /// The last one's drive.
        drive: DriveOrdinal,
        /// What it said.
        what: String,
    },
    /// The metadata of this node has stopped for good; the process must end.
    #[error("the metadata has stopped: {0}")]
    Stopped(String),
}

#[cfg(test)]
mod tests;
