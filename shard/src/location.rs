//! Where the shards of a data id go ([`Plan`]), are ([`Location`]), and the proof that they got
//! there ([`Receipt`]).
//!
//! Made by the coordinator from the layout and kept in metadata; this crate only follows them.

use crate::lease::Lease;
use hamster_core::checksum::Crc64;
use hamster_core::ids::{DataId, DriveOrdinal};

/// Where a new body shall go. `targets[i]` takes shard `i`: data shards first, then parity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The name of the bytes; never written before.
    pub data: DataId,
    /// Data slices of a stripe. 1: every shard is a full copy.
    pub k: u8,
    /// Parity slices of a stripe.
    pub m: u8,
    /// Bytes of a slice: a power of two from 4 KiB to 1 MiB.
    pub slice_bytes: u32,
    /// k+m different drives.
    pub targets: Vec<DriveOrdinal>,
}

impl Plan {
    /// Pieces that must be durable: all of the plan, of which targets lost since may be missing
    /// down to one more than the data (DESIGN.md, invariant 3).
    pub fn needed(&self) -> u8 {
        self.k + self.m.min(1)
    }
}

/// Where the shards of a data id are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The name of the bytes.
    pub data: DataId,
    /// Data slices of a stripe.
    pub k: u8,
    /// Parity slices of a stripe.
    pub m: u8,
    /// Bytes of a slice in every stripe but the last.
    pub slice_bytes: u32,
    /// Length of the body as it is stored.
    pub stored_bytes: u64,
    /// k+m pieces; `pieces[i]` holds shard `i`.
    pub pieces: Vec<Piece>,
}

/// One shard of a body, on one drive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The drive that holds it.
    pub drive: DriveOrdinal,
    /// The checksum of the whole shard, seeded with its name. `None`: not durable there.
    pub checksum: Option<Crc64>,
}

/// Proof that the shards of a plan are durable. Only a completed write makes one.
pub struct Receipt {
    location: Location,
    lease: Lease,
}

impl Receipt {
    pub(crate) fn new(location: Location, lease: Lease) -> Self {
        Self { location, lease }
    }

    /// What was written where.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What was written where, for the commit.
    pub fn into_location(self) -> Location {
        self.location
    }

    /// As [`Receipt::into_location`], with what keeps the bytes where they are: to be held until it
    /// is known whether the commit was applied.
    pub fn into_parts(self) -> (Location, Lease) {
        (self.location, self.lease)
    }
}
