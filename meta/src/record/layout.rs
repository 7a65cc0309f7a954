//! The layout: zones, hosts, nodes and drives, as the cluster agreed on them.

use super::{FORMAT, Malformed, Record, check_format};
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
    /// Gone: what it held is rebuilt elsewhere, unless it comes back before.
    Lost,
    /// Another drive has its place: what it held is being rebuilt, and it never comes back.
    Replaced,
    /// Replaced, and nothing refers to it any more.
    Removed,
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

impl Drive {
    /// It is in service, or may be again without a word of the operator.
    pub fn exists(&self) -> bool {
        matches!(self.state, DriveState::Live | DriveState::Poisoned)
    }

    /// It never comes back.
    pub fn is_retired(&self) -> bool {
        matches!(self.state, DriveState::Replaced | DriveState::Removed)
    }
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
    /// Its nodes, ascending by number.
    pub nodes: Vec<Node>,
    /// Its drives, ascending by ordinal, lost ones included.
    pub drives: Vec<Drive>,
    /// The canonical id of root, minted at the founding; empty in a cluster that was founded before
    /// ids of root were.
    pub root_id: String,
}

impl LayoutRecord {
    /// The drive of this ordinal.
    pub fn drive(&self, ordinal: DriveOrdinal) -> Option<&Drive> {
        let at = self.drives.binary_search_by_key(&ordinal, |drive| drive.ordinal).ok()?;
        self.drives.get(at)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct ProfileWire {
    #[prost(uint32, tag = "1")]
    k: u32,
    #[prost(uint32, tag = "2")]
    m: u32,
}

impl ProfileChoice {
    pub(crate) fn to_wire(self) -> Option<ProfileWire> {
        match self {
            Self::Auto => None,
            Self::Pinned(Profile { k, m }) => Some(ProfileWire { k: k.into(), m: m.into() }),
        }
    }

    pub(crate) fn from_wire(wire: Option<ProfileWire>) -> Result<Self, Malformed> {
        let Some(ProfileWire { k, m }) = wire else {
            return Ok(Self::Auto);
        };
        match (u8::try_from(k), u8::try_from(m)) {
            (Ok(k @ 1..), Ok(m)) => Ok(Self::Pinned(Profile { k, m })),
            _ => Err(Malformed::Not("profile")),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NodeWire {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    host: String,
    #[prost(string, tag = "4")]
    zone: String,
    #[prost(string, tag = "5")]
    address: String,
    #[prost(uint64, tag = "6")]
    boot: u64,
}

impl From<&Node> for NodeWire {
    fn from(node: &Node) -> Self {
        Self {
            id: node.id.get(),
            name: node.name.clone(),
            host: node.host.clone(),
            zone: node.zone.clone(),
            address: node.address.clone(),
            boot: node.boot.get(),
        }
    }
}

impl From<NodeWire> for Node {
    fn from(wire: NodeWire) -> Self {
        let NodeWire { id, name, host, zone, address, boot } = wire;
        Self { id: NodeId::new(id), name, host, zone, address, boot: BootNumber::new(boot) }
    }
}

impl DriveState {
    pub(crate) fn to_wire(self) -> u32 {
        match self {
            Self::Live => 0,
            Self::Poisoned => 1,
            Self::Lost => 2,
            Self::Replaced => 3,
            Self::Removed => 4,
        }
    }

    pub(crate) fn from_wire(wire: u32) -> Result<Self, Malformed> {
        match wire {
            0 => Ok(Self::Live),
            1 => Ok(Self::Poisoned),
            2 => Ok(Self::Lost),
            3 => Ok(Self::Replaced),
            4 => Ok(Self::Removed),
            _ => Err(Malformed::Not("drive state")),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DriveWire {
    #[prost(uint32, tag = "1")]
    ordinal: u32,
    #[prost(bytes = "vec", tag = "2")]
    uuid: Vec<u8>,
    #[prost(uint64, tag = "3")]
    node: u64,
    #[prost(uint32, tag = "4")]
    weight: u32,
    #[prost(uint32, tag = "5")]
    state: u32,
    #[prost(uint64, tag = "6")]
    incarnation: u64,
}

impl From<&Drive> for DriveWire {
    fn from(drive: &Drive) -> Self {
        Self {
            ordinal: drive.ordinal.get(),
            uuid: drive.uuid.bytes().to_vec(),
            node: drive.node.get(),
            weight: drive.weight,
            state: drive.state.to_wire(),
            incarnation: drive.incarnation,
        }
    }
}

impl TryFrom<DriveWire> for Drive {
    type Error = Malformed;

    fn try_from(wire: DriveWire) -> Result<Self, Malformed> {
        let uuid = wire.uuid.as_slice().try_into().map_err(|_| Malformed::Not("drive"))?;
        Ok(Self {
            ordinal: DriveOrdinal::new(wire.ordinal),
            uuid: DriveUuid::from_bytes(uuid),
            node: NodeId::new(wire.node),
            weight: wire.weight,
            state: DriveState::from_wire(wire.state)?,
            incarnation: wire.incarnation,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LayoutWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    version: u64,
    #[prost(bytes = "vec", tag = "3")]
    cluster: Vec<u8>,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(message, optional, tag = "5")]
    profile: Option<ProfileWire>,
    #[prost(message, repeated, tag = "6")]
    nodes: Vec<NodeWire>,
    #[prost(message, repeated, tag = "7")]
    drives: Vec<DriveWire>,
    #[prost(string, tag = "8")]
    root_id: String,
}

impl Record for LayoutRecord {
    type Wire = LayoutWire;
    const NAME: &'static str = "layout";

    fn to_wire(&self) -> LayoutWire {
        LayoutWire {
            format: FORMAT,
            version: self.version,
            cluster: self.cluster.bytes().to_vec(),
            name: self.name.clone(),
            profile: self.profile.to_wire(),
            nodes: self.nodes.iter().map(Into::into).collect(),
            drives: self.drives.iter().map(Into::into).collect(),
            root_id: self.root_id.clone(),
        }
    }

    fn from_wire(wire: LayoutWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let cluster = wire.cluster.as_slice().try_into();
        Ok(Self {
            version: wire.version,
            cluster: ClusterUuid::from_bytes(cluster.map_err(|_| Malformed::Not(Self::NAME))?),
            name: wire.name,
            profile: ProfileChoice::from_wire(wire.profile)?,
            nodes: wire.nodes.into_iter().map(Into::into).collect(),
            drives: wire.drives.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            root_id: wire.root_id,
        })
    }
}
