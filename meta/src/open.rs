//! Opening the metadata of a node. The node calls this once per core at start.

use crate::command::{Command, Outcome};
use crate::meta::{Meta, MetaError, Owner, Readers};
use crate::mirror::seed::{self, Place, Seeded};
use crate::mirror::{MirrorSet, Mirrors, RecordMirrors};
use crate::propose::Proposer;
use crate::raft::Group;
use crate::shared::Shared;
use crate::state::Storage;
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
    core: &Core,
    open: Open,
    port: UnboundPort<Question, Answer>,
) -> Result<(Meta, Readers), OpenError> {
    let Open { node, storage, founding, recorded, mirrors, record } = open;
    let places = mirrors
        .iter()
        .map(|mirror| Place { drive: mirror.drive, path: mirror.directory.path().to_path_buf() });
    let places: Vec<Place> = places.collect();
    let (seeded, set) = match founding {
        true => found(core, storage, recorded, places, &record).await?,
        false => reopen(core, storage, recorded, places, &record).await?,
    };
    let inspected = seeded.first().map(|first| first.inspected);
    let inspected = inspected.ok_or_else(|| OpenError::NoMirror(set.drives.clone()))?;
    let states = seeded.iter().map(|mirror| mirror.state.clone()).collect();
    let shared = Arc::new(Shared::new(states));
    let mirrors = Mirrors::new(core, Arc::clone(&shared), record, set, seeded);
    let started =
        Group::start(core, node, founding, mirrors.clone(), Arc::clone(&shared), inspected);
    let group = started.await.map_err(|error| {
        mirrors.close();
        OpenError::Raft(error.to_string())
    })?;
    let proposer = Proposer::new(core, node, group.clone(), Arc::clone(&shared));
    let port = port.bind(core, move |_from, command| {
        let proposer = proposer.clone();
        async move { proposer.propose(command).await }
    });
    let owner = Some(Owner { mirrors, group });
    Ok((Meta::new(core, Arc::clone(&shared), port, owner), Readers(shared)))
}

/// Opens the handle of another core.
pub fn open_reader(core: &Core, readers: Readers, port: UnboundPort<Question, Answer>) -> Meta {
    let elsewhere = |_from, _command| ready(Err(MetaError::NoLeader));
    Meta::new(core, readers.0, port.bind(core, elsewhere), None)
}

/// Makes empty mirrors, where there is nothing yet.
async fn found(
    core: &Core,
    storage: Storage,
    recorded: MirrorSet,
    places: Vec<Place>,
    record: &RecordMirrors,
) -> Result<(Vec<Seeded>, MirrorSet), OpenError> {
    let made = core.blocking(move || {
        if let Some(place) = places.iter().find(|place| seed::holds_mirror(&storage, place)) {
            return Err(OpenError::NotEmpty(place.drive));
        }
        let made = places.iter().map(|place| seed::create(&storage, place));
        Ok(made.collect::<io::Result<Vec<Seeded>>>()?)
    });
    let made = made.await?;
    let set = MirrorSet { epoch: recorded.epoch + 1, drives: drives(&made) };
    record(set.clone()).await?;
    Ok((made, set))
}

/// Opens what the recorded set holds, and makes the other mirrors anew from the best of it.
async fn reopen(
    core: &Core,
    storage: Storage,
    recorded: MirrorSet,
    places: Vec<Place>,
    record: &RecordMirrors,
) -> Result<(Vec<Seeded>, MirrorSet), OpenError> {
    let (surveyed, known, all) = (storage.clone(), recorded.drives.clone(), places.clone());
    let mut seeded = core.blocking(move || seed::survey(&surveyed, &known, &all)).await?;
    let mut set = recorded;
    // Why before the copying: a mirror half made must not be in the recorded set.
    change_set(&mut set, &seeded, record).await?;
    let kept = drives(&seeded);
    for place in places.into_iter().filter(|place| !kept.contains(&place.drive)) {
        let (storage, drive) = (storage.clone(), place.drive);
        let Some(best) = seeded.first().cloned() else { break };
        match core.blocking(move || seed::copy(&storage, &best, &place)).await {
            Ok(mirror) => seeded.push(mirror),
            Err(error) => tracing::warn!("no metadata mirror could be made on {drive}: {error}"),
        }
    }
    change_set(&mut set, &seeded, record).await?;
    Ok((seeded, set))
}

async fn change_set(
    set: &mut MirrorSet,
    seeded: &[Seeded],
    record: &RecordMirrors,
) -> io::Result<()> {
    let now = drives(seeded);
    let same = now.len() == set.drives.len() && now.iter().all(|drive| set.drives.contains(drive));
    if !same {
        *set = MirrorSet { epoch: set.epoch + 1, drives: now };
        record(set.clone()).await?;
    }
    Ok(())
}

fn drives(seeded: &[Seeded]) -> Vec<DriveOrdinal> {
    seeded.iter().map(|mirror| mirror.drive).collect()
}
