//! Planted bugs: each takes one rule out of the protocol. The checker must find every one.

use crate::scope::{BULK_GET, BULK_WRITERS, COMPACTION, NEARLY_FULL, Scope, TWO_CRASHES};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Plant {
    /// Dead shards are freed without asking the cores for leases.
    FreeWithoutAsking,
    /// A core answers the reclaimer while a look-up that began earlier has not yet got its lease.
    LeaseAfterWait,
    /// The sweep does not ask first whether somebody writes it.
    SweepIgnoresWriters,
    /// The sweep looks up before this boot's number is applied.
    SweepBeforeBoot,
    /// The sweep does not ask in the end whether somebody reads it.
    SweepIgnoresReaders,
    /// The sweep trusts earlier boots to have swept: it visits runs of the boot before only.
    SweepLastBootOnly,
    /// Dead rows are taken off the queue before the free is durable.
    BuryBeforeDurable,
    /// Commits of an older boot are applied.
    AcceptOlderCommit,
    /// A proposal sent again is applied again.
    ForgetSession,
    /// The data of a proposed commit are given up when the client goes away.
    GiveUpProposed,
    /// A segment is recycled under the generation it had.
    RecycleSameGeneration,
    /// A recycled segment is written before its new header is durable.
    RecycleBeforeHeader,
    /// A segment is recycled while an append to it is not yet indexed.
    RecycleUnsettled,
    /// The index is moved to the copy before the copy is durable.
    IndexBeforeDurable,
    /// A writer takes what room the active segment has even when no segment is free.
    RoomWithoutReserve,
    /// A reader serves whatever it finds at the place.
    ServeUnverified,
}

/// All of them, each with a scope in which it does harm.
pub const ALL: [(Plant, Scope); 16] = [
    (Plant::FreeWithoutAsking, BULK_GET),
    (Plant::LeaseAfterWait, BULK_GET),
    (Plant::SweepIgnoresWriters, BULK_WRITERS),
    (Plant::SweepBeforeBoot, BULK_WRITERS),
    (Plant::SweepIgnoresReaders, BULK_GET),
    (Plant::SweepLastBootOnly, TWO_CRASHES),
    (Plant::BuryBeforeDurable, BULK_GET),
    (Plant::AcceptOlderCommit, BULK_WRITERS),
    (Plant::ForgetSession, BULK_WRITERS),
    (Plant::GiveUpProposed, BULK_WRITERS),
    (Plant::RecycleSameGeneration, NEARLY_FULL),
    (Plant::RecycleBeforeHeader, COMPACTION),
    (Plant::RecycleUnsettled, COMPACTION),
    (Plant::IndexBeforeDurable, COMPACTION),
    (Plant::RoomWithoutReserve, NEARLY_FULL),
    (Plant::ServeUnverified, COMPACTION),
];
