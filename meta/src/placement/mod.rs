//! Placement: from a partition and the layout to drives. Pure, in integers, the same on every node.

use crate::record::{Drive, LayoutRecord, Node, Profile};
use hamster_core::ids::{DriveOrdinal, NodeId, Partition};

/// Which of the two shapes a body is stored in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// 1 + m full copies.
    Small,
    /// Stripes of k + m slices.
    Large,
}

/// Where a new version goes. `targets[i]` takes shard `i`; there are k + m.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Data slices; 1 for a small body.
    pub k: u8,
    /// Parity slices, or further copies.
    pub m: u8,
    /// The drives in shard order.
    pub targets: Vec<DriveOrdinal>,
}

/// A layout with its placements, computed as they are asked for. Shared by all cores of a node.
pub struct Layout {
    record: LayoutRecord,
}

impl Layout {
    /// Placements of `record`.
    pub fn new(record: LayoutRecord) -> Self {
        Self { record }
    }

    /// The layout itself.
    pub fn record(&self) -> &LayoutRecord {
        &self.record
    }

    /// The drive of this ordinal.
    pub fn drive(&self, _ordinal: DriveOrdinal) -> Option<&Drive> {
        todo!()
    }

    /// The node of this number.
    pub fn node(&self, _id: NodeId) -> Option<&Node> {
        todo!()
    }

    /// The profile that new large bodies get while all drives of the layout live.
    pub fn profile(&self) -> Profile {
        todo!()
    }

    /// All drives that are not lost, best first, for `partition`.
    pub fn ranking(&self, _partition: Partition) -> &[DriveOrdinal] {
        todo!()
    }

    /// Where a new version in `partition` goes, given the drives that `live` accepts now (in service
    /// and not full). Steps down to the widest rung that they allow; `None` if none lives.
    pub fn plan(
        &self,
        _partition: Partition,
        _body: Body,
        _live: impl Fn(DriveOrdinal) -> bool,
    ) -> Option<Planned> {
        todo!()
    }
}
