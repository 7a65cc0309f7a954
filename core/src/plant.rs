//! Bugs that are planted to see whether the simulator finds them: `cargo xtask mutants`. They are
//! compiled with the feature `plants` only; what ships has none, and asking costs nothing there.

/// A bug that can be planted, named for what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A batch is acknowledged as durable without its sync.
    SkipsSync,
    /// A sync that failed is tried again, and believed.
    RetriesSync,
    /// The last run of a batch is not written.
    DropsTailOfBatch,
    /// A run is taken for the one that was looked for, whatever its header says.
    SkipsNameCheck,
    /// Chunks are not checked on a read.
    SkipsChecksum,
    /// Slices of the stripe before are served.
    ReadsWrongStripe,
    /// What a core reads or writes is freed.
    FreesWhatIsHeld,
    /// `200` is answered before the commit.
    AnswersBeforeCommit,
    /// A deleted key stays in listings.
    ListsDeleted,
    /// If-None-Match is not looked at.
    SkipsPrecondition,
    /// Log entries are acknowledged without a sync.
    SkipsLogSync,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::SkipsSync,
        Self::RetriesSync,
        Self::DropsTailOfBatch,
        Self::SkipsNameCheck,
        Self::SkipsChecksum,
        Self::ReadsWrongStripe,
        Self::FreesWhatIsHeld,
        Self::AnswersBeforeCommit,
        Self::ListsDeleted,
        Self::SkipsPrecondition,
        Self::SkipsLogSync,
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
