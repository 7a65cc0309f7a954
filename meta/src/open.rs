//! Opening the metadata of a node. The node calls this once per core at start.

use crate::command::{Command, Outcome};
use crate::meta::{Meta, MetaError, Readers};
use crate::mirror::{MirrorSet, RecordMirrors};
use crate::state::Storage;
use hamster_core::Core;
use hamster_core::disk::Directory;
use hamster_core::ids::{DriveOrdinal, NodeId};
use hamster_core::mesh::UnboundPort;
use std::io;

/// What travels over the mesh to core 0.
pub type Question = Command;
/// What comes back.
pub type Answer = Result<Outcome, MetaError>;

/// A drive that may hold a mirror: its `meta` subdirectory, made and locked by the node.
pub struct MirrorDirectory {
    /// The drive.
    pub drive: DriveOrdinal,
    /// The directory, for log and state databases.
    pub directory: Directory,
}

/// What to open on core 0.
pub struct Open {
    /// This node.
    pub node: NodeId,
    /// Which kind of database: RocksDB, but in the simulator.
    pub storage: Storage,
    /// Makes a new, empty Raft group with this node as its one voter: `init` only. Refused where a
    /// mirror holds anything.
    pub founding: bool,
    /// The mirror set with the highest epoch that a superblock of this node records.
    pub recorded: MirrorSet,
    /// The drives to mirror on from now on, best first, those of `recorded` that are present among
    /// them.
    pub mirrors: Vec<MirrorDirectory>,
    /// Records a changed mirror set. Also called during the opening where the set changes.
    pub record: RecordMirrors,
}

/// Why the metadata could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// None of the drives that hold the newest metadata is present.
    #[error("none of the drives that hold the metadata is present ({0:?})")]
    NoMirror(Vec<DriveOrdinal>),
    /// A founding found metadata.
    #[error("there is metadata already on {0}")]
    NotEmpty(DriveOrdinal),
    /// A mirror's log is damaged at or below what was acknowledged.
    #[error("the metadata on {drive} is damaged: {what}")]
    Damaged {
        /// The drive.
        drive: DriveOrdinal,
        /// What is wrong with it.
        what: String,
    },
    /// A newer version of Hamster wrote it.
    #[error("the metadata on {0} was written by a newer version")]
    Newer(DriveOrdinal),
    /// The mirror set could not be recorded, or a database could not be made.
    #[error("the metadata cannot be kept: {0}")]
    Io(#[from] io::Error),
    /// The Raft group did not start.
    #[error("the metadata did not start: {0}")]
    Raft(String),
}

/// Opens the metadata on core 0: chooses the most advanced mirror, seeds the others from it, starts
/// Raft and waits until this node leads and has applied what was committed before.
///
/// # Errors
/// See [`OpenError`]; nothing is left running.
pub async fn open_metadata_core(
    _core: &Core,
    _open: Open,
    _port: UnboundPort<Question, Answer>,
) -> Result<(Meta, Readers), OpenError> {
    todo!()
}

/// Opens the handle of another core.
pub fn open_reader(_core: &Core, _readers: Readers, _port: UnboundPort<Question, Answer>) -> Meta {
    todo!()
}
