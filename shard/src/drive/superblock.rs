//! The identity of a drive, in the file `drive.hamster` of its directory.

use hamster_core::ids::{ClusterUuid, DriveOrdinal, DriveUuid, NodeId};

/// Whose drive this is. Written at format and whenever the node changes one of its fields, always
/// as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// The cluster it belongs to.
    pub cluster: ClusterUuid,
    /// Its own identity.
    pub drive: DriveUuid,
    /// Its number in the layout.
    pub ordinal: DriveOrdinal,
    /// The node that holds it.
    pub node: NodeId,
    /// How often it was admitted anew (DESIGN.md, invariant 5).
    pub incarnation: u64,
    /// Where this node's metadata is mirrored. Opaque here.
    pub mirrors: MirrorSet,
}

/// The drives of a node that mirror its metadata, as of an epoch. The node writes it to all of its
/// drives; the highest epoch is right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MirrorSet {
    /// Counts the changes of the set.
    pub epoch: u64,
    /// The drives in it.
    pub drives: Vec<DriveOrdinal>,
}
