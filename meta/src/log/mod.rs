//! The Raft log as it lies in a mirror's log database: own records for vote, position, membership
//! and entry (no openraft type is stored), and the check of a log that is opened.
//!
//! An entry is `CRC-64/NVME ++ record`, under its index. Each append also notes how far the log was
//! acknowledged before it: a log that ends before that is damaged, never cut in silence.

mod inspect;
mod record;

pub(crate) use inspect::{Inspected, inspect};
pub(crate) use record::{
    Entry, EntryFrame, Membership, Payload, Position, PositionWire, StoredMembership,
    StoredMembershipWire, Vote,
};

use crate::key::KeyRange;

/// Where the vote is.
pub(crate) fn vote_key() -> Vec<u8> {
    b"vote".into()
}

/// Where the position is up to which the log was purged.
pub(crate) fn purged_key() -> Vec<u8> {
    b"purged".into()
}

/// Where the index is up to which the log was acknowledged, as of the last write.
pub(crate) fn acknowledged_key() -> Vec<u8> {
    b"acknowledged".into()
}

/// Where the mirror's mark is: the epoch of the last mirror set that it was in. Of a mirror, not of
/// the log; it lies here because the log is what is synced.
pub(crate) fn epoch_key() -> Vec<u8> {
    b"mirror-epoch".into()
}

/// Where the entry at `index` is.
pub(crate) fn entry_key(index: u64) -> Vec<u8> {
    [b"entry/".as_slice(), &index.to_be_bytes()].concat()
}

/// Entries from one index (inclusive) to another (exclusive).
pub(crate) fn entry_keys(from: u64, to: u64) -> KeyRange {
    KeyRange { from: entry_key(from), to: entry_key(to) }
}

/// All entries from one index on.
pub(crate) fn entry_keys_from(from: u64) -> KeyRange {
    KeyRange { from: entry_key(from), to: b"entry0".into() }
}
