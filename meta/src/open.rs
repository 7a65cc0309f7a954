//! Opening the metadata of a node. The node calls this once per core at start.
//!
//! Invariant: opening changes no mirror set. The node judges by the layout, which is in the metadata,
//! whether it may start at all; a start that it refuses must not leave out the mirrors that happened
//! to be absent. [`Meta::take_over`] makes the mirrors present the set, and only from there on is
//! anything acknowledged.

use crate::command::{Command, Outcome};
use crate::meta::{Meta, MetaError, Owner, Readers};
use crate::mirror::seed::{self, Place, Seeded};
use crate::mirror::{MirrorSet, Mirrors, RecordMirrors};
use crate::propose::Proposer;
use crate::raft::Group;
use crate::shared::Shared;
use crate::state::Storage;
use futures_util::future::LocalBoxFuture;
use hamster_core::Core;
use hamster_core::disk::Directory;
use hamster_core::ids::{DriveOrdinal, NodeId};
use hamster_core::mesh::UnboundPort;
use std::future::ready;
use std::io;
use std::sync::Arc;

/// What travels over the mesh to core 0.
pub type Question = Command;
/// What comes back.
pub type Answer = Result<Outcome, MetaError>;

/// A drive that may hold a mirror: its `meta` subdirectory, made and locked by the node.
#[derive(Clone)]
pub struct MirrorDirectory {
    /// The drive.
    pub drive: DriveOrdinal,
    /// The directory, for log and state databases.
    pub directory: Directory,
}

impl MirrorDirectory {
    pub(crate) fn place(&self) -> Place {
        Place { drive: self.drive, path: self.directory.path().to_path_buf() }
    }
}

/// What to open on core 0.
pub struct Open {
    /// This node.
    pub node: NodeId,
    /// Which kind of database: RocksDB, but in the simulator.
    pub storage: Storage,
    /// Makes a new, empty Raft group with this node as its one voter: `init` only. Refused where a
    /// mirror was ever recorded; what is left of a founding that was cut short is made anew. The
    /// set is not recorded before [`Meta::record_mirrors`], which ends the founding.
    pub founding: bool,
    /// The mirror set with the highest epoch that a superblock of this node records.
    pub recorded: MirrorSet,
    /// At a founding the drives to mirror on, else those of `recorded` that are present. Further
    /// mirrors are made by [`Meta::add_mirror`].
    pub mirrors: Vec<MirrorDirectory>,
    /// Records a changed mirror set. Not called before [`Meta::take_over`] or
    /// [`Meta::record_mirrors`].
    pub record: RecordMirrors,
}

/// Why the metadata could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// None of the drives that hold the newest metadata is present.
    #[error("none of the drives that hold the metadata is present ({0:?})")]
    NoMirror(Vec<DriveOrdinal>),
    /// The only metadata present is an older copy: a drive shows a higher epoch than it does.
    #[error(
        "the metadata on {drive} is an older copy (epoch {epoch} of {}); the newest is on {:?}",
        recorded.epoch, recorded.drives
    )]
    Stale {
        /// The drive of the older copy.
        drive: DriveOrdinal,
        /// Its mark.
        epoch: u64,
        /// What the superblocks show.
        recorded: MirrorSet,
    },
    /// A founding found metadata.
    #[error("there is metadata already on {0}")]
    NotEmpty(DriveOrdinal),
    /// A mirror is damaged, and no other one is sound. Nothing was changed.
    #[error(
        "the metadata on {drive} is damaged: {what}; mount a drive that holds another copy of it \
         ({others:?}), or put the directory back from a backup of this drive"
    )]
    Damaged {
        /// The drive.
        drive: DriveOrdinal,
        /// What is wrong with it.
        what: String,
        /// The other drives of the set.
        others: Vec<DriveOrdinal>,
    },
    /// A newer version of Hamster wrote it.
    #[error("the metadata on {0} was written by a newer version")]
    Newer(DriveOrdinal),
    /// The mirror set could not be recorded, or a database could not be made.
    #[error("the metadata cannot be kept: {0}")]
    Io(#[from] io::Error),
    /// The Raft group did not start: most likely what it must apply again cannot be read.
    #[error(
        "the metadata did not start: {0}; if that is damage, mount a drive that holds another copy"
    )]
    Raft(String),
}

/// Opens the metadata on core 0: chooses the most advanced mirror, brings the others to its state,
/// starts Raft and waits until this node leads and has applied what was committed before. The layout
/// can be read then; all else, but at a founding, waits for [`Meta::take_over`].
///
/// # Errors
/// See [`OpenError`]; nothing is left running.
pub fn open_metadata_core(
    core: &Core,
    open: Open,
    port: UnboundPort<Question, Answer>,
) -> LocalBoxFuture<'_, Result<(Meta, Readers), OpenError>> {
    // Why boxed: the compiler would otherwise generate openraft's code once more in every crate that
    // awaits this.
    Box::pin(open_on_core_zero(core, open, port))
}

async fn open_on_core_zero(
    core: &Core,
    open: Open,
    port: UnboundPort<Question, Answer>,
) -> Result<(Meta, Readers), OpenError> {
    let Open { node, storage, founding, recorded, mirrors, record } = open;
    let places: Vec<Place> = mirrors.iter().map(MirrorDirectory::place).collect();
    let (opened, known) = (storage.clone(), recorded.clone());
    let seeded = core.blocking(move || match founding {
        true => found(&opened, &places),
        false => seed::survey(&opened, &known, &places),
    });
    let seeded = seeded.await?;
    let inspected = seeded.first().map(|first| first.inspected);
    let inspected = inspected.ok_or_else(|| OpenError::NoMirror(recorded.drives.clone()))?;
    let shared = Arc::new(Shared::new());
    let mirrors = Mirrors::new(core, storage, Arc::clone(&shared), record, recorded);
    for mirror in seeded {
        mirrors.start(mirror);
    }
    let started =
        Group::start(core, node, founding, mirrors.clone(), Arc::clone(&shared), inspected);
    let group = started.await.map_err(|error| {
        mirrors.close();
        OpenError::Raft(error.to_string())
    })?;
    if founding {
        group.serve(core, node, &shared);
    }
    let proposer = Proposer::new(core, node, group.clone(), Arc::clone(&shared));
    let port = port.bind(core, move |_from, command| {
        let proposer = proposer.clone();
        async move { proposer.propose(command).await }
    });
    let owner = Some(Owner { node, mirrors, group });
    Ok((Meta::new(core, Arc::clone(&shared), port, owner), Readers(shared)))
}

/// Opens the handle of another core.
pub fn open_reader(core: &Core, readers: Readers, port: UnboundPort<Question, Answer>) -> Meta {
    let elsewhere = |_from, _command| ready(Err(MetaError::NoLeader));
    Meta::new(core, readers.0, port.bind(core, elsewhere), None)
}

/// Makes empty mirrors, where no cluster was founded yet.
fn found(storage: &Storage, places: &[Place]) -> Result<Vec<Seeded>, OpenError> {
    if let Some(place) = places.iter().find(|place| seed::holds_founded_mirror(storage, place)) {
        return Err(OpenError::NotEmpty(place.drive));
    }
    let made = places.iter().map(|place| seed::create(storage, place));
    Ok(made.collect::<io::Result<Vec<Seeded>>>()?)
}
