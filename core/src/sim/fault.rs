//! The kinds of fault that a world has, and how often each has struck where.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// What may go wrong in a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The power of a node fails.
    Crash,
    /// The process of a node is killed, or told to stop, and started again.
    Restart,
    /// A process stands still for a while, as by SIGSTOP or a live migration.
    Pause,
    /// A core of a node takes longer for everything.
    SlowCore,
    /// Tasks run in an adverse order: the newest first.
    TaskReorder,
    /// A packet is lost, and sent again later.
    Drop,
    /// A packet arrives twice.
    Duplicate,
    /// A packet is overtaken.
    Reorder,
    /// A packet takes long.
    Delay,
    /// Packets of a link are held until it is free again.
    Clog,
    /// Nothing passes between two hosts.
    Partition,
    /// Nothing passes from one host to another; the way back is free.
    HalfPartition,
    /// A connection is reset with a part of what was sent.
    Reset,
    /// Of an unsynced write, a power cut leaves a part.
    TornWrite,
    /// Of an unsynced write, a power cut leaves nothing.
    LostWrite,
    /// A write lands in another place of its file, and is reported as done.
    MisdirectedWrite,
    /// A read gives wrong bytes, once or from now on.
    Corruption,
    /// A write fails with `EIO`.
    WriteError,
    /// A read fails with `EIO`.
    ReadError,
    /// A sync fails with `EIO`.
    SyncError,
    /// A write fails with `ENOSPC`.
    NoSpace,
    /// A drive takes long, or does not answer for a while.
    SlowDisk,
    /// The wall clock of a node jumps.
    ClockJump,
    /// A drive is emptied, or replaced by an empty one.
    Wipe,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Crash,
        Self::Restart,
        Self::Pause,
        Self::SlowCore,
        Self::TaskReorder,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::Clog,
        Self::Partition,
        Self::HalfPartition,
        Self::Reset,
        Self::TornWrite,
        Self::LostWrite,
        Self::MisdirectedWrite,
        Self::Corruption,
        Self::WriteError,
        Self::ReadError,
        Self::SyncError,
        Self::NoSpace,
        Self::SlowDisk,
        Self::ClockJump,
        Self::Wipe,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::SlowCore => "slow-core",
            Self::TaskReorder => "task-reorder",
            Self::Drop => "message-drop",
            Self::Duplicate => "message-duplicate",
            Self::Reorder => "message-reorder",
            Self::Delay => "message-delay",
            Self::Clog => "clog",
            Self::Partition => "partition",
            Self::HalfPartition => "half-partition",
            Self::Reset => "connection-reset",
            Self::TornWrite => "torn-write",
            Self::LostWrite => "lost-write",
            Self::MisdirectedWrite => "misdirected-write",
            Self::Corruption => "read-corruption",
            Self::WriteError => "eio-write",
            Self::ReadError => "eio-read",
            Self::SyncError => "eio-sync",
            Self::NoSpace => "enospc",
            Self::SlowDisk => "slow-disk",
            Self::ClockJump => "clock-jump",
            Self::Wipe => "drive-wiped",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often each fault has struck, by where it did.
pub type Struck = BTreeMap<(Fault, String), u64>;

/// Counts what strikes in a world.
#[derive(Default)]
pub(super) struct Tally(RefCell<Struck>);

impl Tally {
    pub fn count(&self, fault: Fault, place: &str) {
        *self.0.borrow_mut().entry((fault, place.to_owned())).or_default() += 1;
    }

    pub fn all(&self) -> Struck {
        self.0.borrow().clone()
    }
}
