//! One core's handle to everything stored on this node's drives.

use crate::drive::{DriveTable, OpenDrive};
use crate::lane::{Answer, Question};
use crate::location::{Location, Plan, Receipt};
use crate::read::Reader;
use crate::write::{WriteError, Writer};
use bytes::Bytes;
use hamster_core::Core;
use hamster_core::ids::Partition;
use hamster_core::mesh::UnboundPort;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Why the drives could not be opened. The node does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another core ended while the index was being built.
    #[error("another core ended while the segments were being read")]
    CoreEnded,
}

/// One core's handle to the drives. Cheap to clone.
#[derive(Clone)]
pub struct Shards;

/// Opens the drives on this core: reads this core's share of the segments, hands what it finds to
/// the lanes' owners, and returns when every core has done so. Called on every core of the node.
///
/// A drive that fails meanwhile is marked in `table` and left out.
///
/// # Errors
/// See [`OpenError`].
pub async fn open(
    _core: &Core,
    _drives: Vec<OpenDrive>,
    _table: Arc<DriveTable>,
    _port: UnboundPort<Question, Answer>,
    _writer_epoch: u64,
) -> Result<Shards, OpenError> {
    todo!()
}

impl Shards {
    /// A random partition whose lane this core owns: a small write into it never hops.
    pub fn owned_partition(&self) -> Partition {
        todo!()
    }

    /// Stores `body` as 1+m full copies, one record each, and returns when they are durable.
    ///
    /// # Errors
    /// See [`WriteError`]; nothing is visible then.
    ///
    /// # Panics
    /// If the plan has `k` other than 1 or not k+m targets, or the body is over
    /// [`SMALL_BODY_BYTES_MAX`](hamster_core::limits::SMALL_BODY_BYTES_MAX).
    pub async fn write_small(&self, _plan: Plan, _body: Bytes) -> Result<Receipt, WriteError> {
        todo!()
    }

    /// Starts a body of any length, erasure-coded as it streams.
    ///
    /// # Panics
    /// If the plan is malformed (see [`Plan`]).
    pub fn writer(&self, _plan: Plan) -> Writer {
        todo!()
    }

    /// Reads bytes of a body; the part of `range` beyond its end is left out.
    pub fn read(&self, _location: Rc<Location>, _range: Range<u64>) -> Reader {
        todo!()
    }

    /// The drives of this node, shared by all cores.
    pub fn drives(&self) -> &Arc<DriveTable> {
        todo!()
    }
}
