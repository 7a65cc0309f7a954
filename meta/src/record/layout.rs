//! The layout: zones, hosts, nodes and drives, as the cluster agreed on them.

use hamster_core::ids::{BootNumber, ClusterUuid, DriveOrdinal, DriveUuid, NodeId};

/// How many slices a stripe has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Profile {
    /// Data slices.
    pub k: u8,
    /// Parity slices: drives that may be lost.
    pub m: u8,
}

impl Profile {
    /// The profile of `k` data and `m` parity slices.
    pub const fn new(k: u8, m: u8) -> Self {
        Self { k, m }
    }

    /// Drives that one version is spread over.
    pub const fn width(self) -> usize {
        self.k as usize + self.m as usize
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}", self.k, self.m)
    }
}

/// Which profile new writes use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProfileChoice {
    /// The widest that the drives allow.
    #[default]
    Auto,
    /// This one, whatever it survives.
    Pinned(Profile),
}

/// A drive's standing in the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DriveState {
    /// In service.
    Live,
    /// It refused durability: out of service until re-admitted under a new incarnation.
    Poisoned,
    /// Gone for good: what it held is rebuilt elsewhere.
    Lost,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its number; its Raft id as well.
    pub id: NodeId,
    /// Its name, as the operator gave it.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// The failure zone it is in.
    pub zone: String,
    /// Where other nodes and the command line reach it.
    pub address: String,
    /// How often it has started.
    pub boot: BootNumber,
}

/// A drive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drive {
    /// Its number: given once, never reused.
    pub ordinal: DriveOrdinal,
    /// Its own identity.
    pub uuid: DriveUuid,
    /// The node it is in.
    pub node: NodeId,
    /// Its share of new writes, relative to the others. Never zero.
    pub weight: u32,
    /// Its standing.
    pub state: DriveState,
    /// Counts its admissions: a re-admitted drive is a new one to readers of old records.
    pub incarnation: u64,
}

/// The layout as it is replicated. [`Layout`](crate::placement::Layout) places by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutRecord {
    /// Grows by one with each change.
    pub version: u64,
    /// The cluster's identity.
    pub cluster: ClusterUuid,
    /// The cluster's name, for people.
    pub name: String,
    /// Which profile new writes use.
    pub profile: ProfileChoice,
    /// Its nodes, by number.
    pub nodes: Vec<Node>,
    /// Its drives, by ordinal, lost ones included.
    pub drives: Vec<Drive>,
}
