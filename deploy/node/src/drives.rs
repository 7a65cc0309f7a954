//! The data directories that a command was given: which are this node's drives, which are absent.
//!
//! Called at boot, on core 0. Never writes to a directory that holds no drive of this cluster.

use crate::error::NodeError;
use crate::identity::Identity;
use crate::mirrors::Superblocks;
use hamster_core::disk::DirectoryLock;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::DRIVES_PER_NODE_MAX;
use hamster_core::{Core, Directory};
use hamster_shard::OpenDrive;
use hamster_shard::drive::{self, DriveError, Inspection, Superblock};
use std::io;
use std::path::{Path, PathBuf};

/// A drive that is here, locked by this process.
pub struct PresentDrive {
    /// Where it was given.
    pub path: PathBuf,
    /// Its directory.
    pub directory: Directory,
    /// Its identity.
    pub superblock: Superblock,
    _lock: DirectoryLock,
}

impl PresentDrive {
    /// A drive that this process has locked.
    pub fn new(
        path: PathBuf,
        directory: Directory,
        superblock: Superblock,
        lock: DirectoryLock,
    ) -> Self {
        Self { path, directory, superblock, _lock: lock }
    }

    /// As `shard` takes it.
    pub fn open(&self) -> OpenDrive {
        OpenDrive { directory: self.directory.clone(), superblock: self.superblock.clone() }
    }
}

/// What the directories given hold.
pub struct GivenDrives {
    /// The drives, by ordinal.
    pub present: Vec<PresentDrive>,
    /// Directories that are empty, not there, or damaged: absent drives, most likely not mounted.
    pub empty: Vec<PathBuf>,
    /// Who this node is.
    pub identity: Identity,
}

impl GivenDrives {
    /// Opens and locks what is given.
    ///
    /// # Errors
    /// A directory is foreign, of a newer format, locked, given twice or of another node; or no
    /// drive was found at all.
    pub async fn open(core: &Core, paths: &[PathBuf]) -> Result<Self, NodeError> {
        check_count(paths)?;
        let mut present: Vec<PresentDrive> = Vec::new();
        let mut empty = Vec::new();
        let (mut identity, mut damaged) = (None, None);
        for path in paths {
            let drive = match open_one(core, path).await {
                // Why no refusal: what the others hold is enough, and it is not touched.
                Err(error @ NodeError::Damaged { .. }) => {
                    tracing::error!(%error, "a drive that cannot be told is absent");
                    damaged.get_or_insert(error);
                    None
                }
                opened => opened?,
            };
            let Some(drive) = drive else {
                empty.push(path.clone());
                continue;
            };
            if let Some(other) = present.first()
                && (other.superblock.cluster, other.superblock.node)
                    != (drive.superblock.cluster, drive.superblock.node)
            {
                let what =
                    format!("a drive of another node or cluster than {}", other.path.display());
                return Err(NodeError::Foreign { path: path.clone(), what });
            }
            if identity.is_none() {
                identity = load_identity(&drive.directory).await?;
            }
            present.push(drive);
        }
        present.sort_by_key(|drive| drive.superblock.ordinal);
        for pair in present.windows(2) {
            if pair[0].superblock.ordinal == pair[1].superblock.ordinal {
                return Err(NodeError::SameDrive(pair[0].path.clone(), pair[1].path.clone()));
            }
        }
        if present.iter().all(|drive| !drive.superblock.is_founded()) {
            return Err(damaged.unwrap_or(NodeError::NotFounded));
        }
        let identity = identity.ok_or(NodeError::NotFounded)?;
        Ok(Self { present, empty, identity })
    }

    /// The superblocks of the drives that are here.
    pub fn superblocks(&self) -> Superblocks {
        let drives = self.present.iter();
        Superblocks::new(
            drives.map(|drive| (drive.directory.clone(), drive.superblock.clone())).collect(),
        )
    }

    /// The ordinals of the drives that are here.
    pub fn ordinals(&self) -> impl Iterator<Item = DriveOrdinal> {
        self.present.iter().map(|drive| drive.superblock.ordinal)
    }
}

/// Refuses a list of directories that no node can have.
pub fn check_count(paths: &[PathBuf]) -> Result<(), NodeError> {
    if paths.len() > DRIVES_PER_NODE_MAX {
        return Err(NodeError::TooManyDrives { given: paths.len(), most: DRIVES_PER_NODE_MAX });
    }
    let mut sorted: Vec<&PathBuf> = paths.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(NodeError::SameDrive(pair[0].clone(), pair[1].clone())),
        None => Ok(()),
    }
}

/// The drive at `path`; `None` if nothing is there. An empty directory is not even locked: it may
/// be the mount point of an absent drive.
async fn open_one(core: &Core, path: &Path) -> Result<Option<PresentDrive>, NodeError> {
    let directory = match core.disk().directory(path).await {
        Ok(directory) => directory,
        Err(error) => return absent(path, error),
    };
    let entries = match directory.list().await {
        Ok(entries) => entries,
        Err(error) => return absent(path, error),
    };
    if entries.iter().all(|entry| entry.name == "lost+found") {
        return Ok(None);
    }
    match drive::lock(&directory).await {
        Ok((superblock, lock)) => {
            Ok(Some(PresentDrive::new(path.into(), directory, superblock, lock)))
        }
        Err(DriveError::Unfit(Inspection::Empty)) => Ok(None),
        Err(DriveError::Io(error)) => absent(path, error),
        Err(error) => Err(refusal(path, error)),
    }
}

/// A drive that is not there or does not answer is absent, and counted against what the data
/// survives; what the operator got wrong is refused.
fn absent(path: &Path, error: io::Error) -> Result<Option<PresentDrive>, NodeError> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(None),
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
            Err(NodeError::file(path, "opening the data directory")(error))
        }
        _ => {
            tracing::error!(path = %path.display(), %error, "a drive does not answer: absent");
            Ok(None)
        }
    }
}

/// The identity that a drive holds; `None` where it is damaged, for another drive holds it too.
async fn load_identity(directory: &Directory) -> Result<Option<Identity>, NodeError> {
    match Identity::load(directory).await {
        Err(error @ (NodeError::Damaged { .. } | NodeError::File { .. })) => {
            tracing::error!(%error, "a drive's copy of the identity is of no use");
            Ok(None)
        }
        other => other,
    }
}

/// A directory that cannot be used, as the operator reads it.
pub fn refusal(path: &Path, error: DriveError) -> NodeError {
    let path = path.to_path_buf();
    match error {
        DriveError::Io(source) => {
            NodeError::File { path, doing: "reading the data directory", source }
        }
        DriveError::Unfit(Inspection::Busy) => NodeError::Locked(path),
        DriveError::Unfit(Inspection::Newer { format }) => {
            NodeError::NewerFormat { path, format: u32::from(format) }
        }
        DriveError::Unfit(Inspection::Ours(_)) => NodeError::AlreadyFounded(path),
        DriveError::Unfit(Inspection::Empty) => NodeError::NotFounded,
        DriveError::Unfit(damaged @ Inspection::Damaged) => {
            NodeError::Damaged { path, reason: damaged.reason() }
        }
        DriveError::Unfit(Inspection::Foreign(what)) => NodeError::Foreign { path, what },
    }
}
