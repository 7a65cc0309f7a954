//! Bugs that are planted to see whether the simulator finds them: `cargo xtask mutants`. They are
//! compiled with the feature `plants` only; what ships has none, and asking costs nothing there.

/// A bug that can be planted, named for what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A batch is acknowledged as durable without its sync.
    SkipsSync,
    /// A batch is synced before it is written, not behind it.
    SyncsBeforeWrite,
    /// A sync that failed is tried again, and believed.
    RetriesSync,
    /// The last run of a batch is not written.
    DropsTailOfBatch,
    /// A small body has its receipt as soon as k of its k+m copies are durable.
    AcknowledgesAtK,
    /// A small body is proposed while its copies are still on their way to the drives.
    ProposesBeforeReceipt,
    /// A run is taken for the one that was looked for: its header's name is not compared, and its
    /// chunks are verified by the name that stands there.
    SkipsNameCheck,
    /// Chunks are not checked where a read wants a part of a run only.
    SkipsChecksumOfRange,
    /// Slices of the stripe before are served.
    ReadsWrongStripe,
    /// Repair takes what a shard gives without checking it, and does not compare what it makes of it.
    RepairsFromUnverified,
    /// A GET holds no lease on what it reads.
    FreesUnderGet,
    /// The lease on a body ends before its commit is decided.
    FreesUnderCommit,
    /// `200` is answered before the commit.
    AnswersBeforeCommit,
    /// A deleted key stays in listings. (Delete markers cannot be listed yet: versioning cannot be
    /// switched on.)
    ListsDeleted,
    /// A version whose commit was refused is listed all the same.
    ListsHalfCommitted,
    /// If-None-Match is not looked at.
    SkipsPrecondition,
    /// Log entries are acknowledged without a sync.
    SkipsLogSync,
    /// A log is cut at an entry whose checksum is wrong, though it was acknowledged.
    CutsLogAtBadChecksum,
    /// Sequences, which name versions and uploads, are made of what counts proposals since the start
    /// of the process.
    ReusesIdsAfterRestart,
    /// The state notes every eighth entry only as applied, and no session remembers what it did.
    AppliesTwice,
    /// The bytes of the parts of an aborted upload are forgotten, not given back.
    ForgetsAbortedParts,
    /// Of two versions of a key, the one with the later time is the current one.
    OrdersByClock,
    /// A key that was revoked goes on signing.
    KeepsRevokedKeys,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::SkipsSync,
        Self::SyncsBeforeWrite,
        Self::RetriesSync,
        Self::DropsTailOfBatch,
        Self::AcknowledgesAtK,
        Self::ProposesBeforeReceipt,
        Self::SkipsNameCheck,
        Self::SkipsChecksumOfRange,
        Self::ReadsWrongStripe,
        Self::RepairsFromUnverified,
        Self::FreesUnderGet,
        Self::FreesUnderCommit,
        Self::AnswersBeforeCommit,
        Self::ListsDeleted,
        Self::ListsHalfCommitted,
        Self::SkipsPrecondition,
        Self::SkipsLogSync,
        Self::CutsLogAtBadChecksum,
        Self::ReusesIdsAfterRestart,
        Self::AppliesTwice,
        Self::ForgetsAbortedParts,
        Self::OrdersByClock,
        Self::KeepsRevokedKeys,
    ];
}

/// Whether this bug is planted in this process: the variable `HAMSTER_PLANT` names it.
#[cfg(feature = "plants")]
pub fn planted(plant: Plant) -> bool {
    static PLANTED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let name =
        PLANTED.get_or_init(|| crate::uring::environment::var("HAMSTER_PLANT").unwrap_or_default());
    *name == format!("{plant:?}")
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "plants"))]
pub const fn planted(_: Plant) -> bool {
    false
}
