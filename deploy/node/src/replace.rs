//! `hamster drive replace`: an empty directory takes the place of a drive that is gone, while the
//! node serves. What the former drive held is rebuilt by repair.
//!
//! The layout knows the new drive before anything is written to it: cut short in between, the new
//! drive is an absent one, which the same command replaces again.

use crate::boot::{BootedCore, propose};
use crate::control::Control;
use crate::drives::{PresentDrive, refusal};
use crate::error::NodeError;
use crate::mirrors;
use hamster_core::Core;
use hamster_core::ids::{DriveOrdinal, DriveUuid};
use hamster_meta::command::ReplaceDrive;
use hamster_meta::placement::Layout;
use hamster_meta::record::Drive;
use hamster_meta::{Command, Outcome};
use hamster_shard::drive::{self, DriveError, Inspection, Superblock};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// What came of it.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Replaced {
    /// The drive that is gone.
    pub former: u32,
    /// The drive that has its place.
    pub drive: u32,
    /// Where it is.
    pub path: String,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { former, drive, path } = self;
        write!(
            f,
            "drive {former} is replaced by drive {drive} at {path}; what it held is being rebuilt: \
             `hamster scrub` shows how far that is"
        )
    }
}

/// Replaces the drive that `named` (its number, or its directory) means.
///
/// # Errors
/// It cannot be replaced, or not by what is in its directory.
pub async fn replace(
    core: &Core,
    control: &Control,
    booted: &BootedCore,
    data_dirs: &[PathBuf],
    named: &str,
) -> Result<Replaced, NodeError> {
    let layout = booted.meta.layout().ok_or(NodeError::NotFounded)?;
    let (former, path) = Choice { core, booted, layout: &layout, data_dirs }.of(named).await?;
    if booted.boot.table.in_service(former.ordinal) {
        let why =
            format!("drive {} is in service; one that is gone is replaced", former.ordinal.get());
        return Err(NodeError::NotReplaced(why));
    }
    let directory = core.disk().create_directory(&path).await;
    let directory = directory.map_err(NodeError::file(&path, "opening the data directory"))?;
    // Why let go of: its lock may be on the very directory that is taken now.
    booted.drives.borrow_mut().retain(|drive| drive.superblock.ordinal != former.ordinal);
    match drive::inspect(&directory).await.map_err(NodeError::file(&path, "reading"))? {
        Inspection::Empty => {}
        other => {
            let why = format!(
                "{} is not empty ({}); mount the new drive there, or empty it",
                path.display(),
                other.reason()
            );
            return Err(NodeError::NotReplaced(why));
        }
    }
    // Why before the commit: from then on the former drive counts as one to be rebuilt.
    let _replacing = booted.boot.scrub.replacing();
    let uuid = DriveUuid::random(core.entropy());
    let replace = ReplaceDrive { former: former.ordinal, incarnation: former.incarnation, uuid };
    let ordinal = match propose(&booted.meta, Command::ReplaceDrive(replace)).await? {
        Outcome::DriveReplaced(ordinal) => ordinal,
        other => return Err(NodeError::Metadata(format!("the replacement came to {other:?}"))),
    };
    let superblock = Superblock {
        cluster: layout.record().cluster,
        drive: uuid,
        ordinal,
        node: former.node,
        incarnation: 1,
        mirrors: mirrors::in_superblock(booted.superblocks.current()),
    };
    let unfit = |error: DriveError| refusal(&path, error);
    drive::format(&directory, &superblock).await.map_err(unfit)?;
    booted.boot.identity.store(&directory).await?;
    let (superblock, lock) = drive::lock(&directory).await.map_err(unfit)?;
    if !booted.boot.table.add(ordinal) {
        let why = "this process has seen too many drives: restart the node".to_owned();
        return Err(NodeError::NotReplaced(why));
    }
    let directory = core.disk().directory(&alias(&path, booted)).await;
    let directory = directory.map_err(NodeError::file(&path, "opening the data directory"))?;
    booted.superblocks.add(directory.clone(), superblock.clone());
    let present = PresentDrive::new(path.clone(), directory, superblock.clone(), lock);
    booted.drives.borrow_mut().push(present);
    control.add_drive(path.clone(), superblock).await;
    tracing::info!(former = %former.ordinal, %ordinal, path = %path.display(), "a drive is replaced");
    let (former, drive) = (former.ordinal.get(), ordinal.get());
    Ok(Replaced { former, drive, path: path.display().to_string() })
}

/// The same directory by a name that was not used before. Why: RocksDB knows by their names which
/// databases this process has open, and one that was on the former drive stays open as long as
/// anyone reads from it; a new metadata mirror in its place would be refused.
fn alias(path: &Path, booted: &BootedCore) -> PathBuf {
    path.join("./".repeat(booted.boot.table.ordinals().count()))
}

/// Finds out which drive is meant, and where the new one is.
struct Choice<'a> {
    core: &'a Core,
    booted: &'a BootedCore,
    layout: &'a Layout,
    data_dirs: &'a [PathBuf],
}

impl Choice<'_> {
    async fn of(&self, named: &str) -> Result<(Drive, PathBuf), NodeError> {
        match named.parse() {
            Ok(number) => {
                let drive = self.drive(DriveOrdinal::new(number))?;
                let path = self.path_of(drive.ordinal)?;
                Ok((drive, path))
            }
            Err(_) => {
                let path = self.data_dir(Path::new(named)).await?;
                Ok((self.at(&path)?, path))
            }
        }
    }

    fn drive(&self, ordinal: DriveOrdinal) -> Result<Drive, NodeError> {
        let number = ordinal.get();
        let why = match self.layout.drive(ordinal) {
            Some(known) if !known.is_retired() => return Ok(known.clone()),
            Some(_) => format!("drive {number} has been replaced already"),
            None => format!("there is no drive {number}; `hamster status` lists them"),
        };
        Err(NodeError::NotReplaced(why))
    }

    /// The directory that a drive had, or the only one that has none.
    fn path_of(&self, ordinal: DriveOrdinal) -> Result<PathBuf, NodeError> {
        let drives = self.booted.drives.borrow();
        if let Some(known) = drives.iter().find(|drive| drive.superblock.ordinal == ordinal) {
            return Ok(known.path.clone());
        }
        match self.free_dirs().as_slice() {
            [path] => Ok((*path).clone()),
            free => Err(NodeError::NotReplaced(format!(
                "where the new drive is, cannot be told: {} directories of `serve` hold no drive; \
                 name its directory instead of the number",
                free.len()
            ))),
        }
    }

    /// The directory of `serve` that is meant, by whatever name.
    async fn data_dir(&self, path: &Path) -> Result<PathBuf, NodeError> {
        let resolve = async |path: &Path| {
            let resolved = self.core.disk().resolve(path).await;
            resolved.map_err(NodeError::file(path, "looking for"))
        };
        let wanted = resolve(path).await?;
        for given in self.data_dirs {
            if resolve(given).await? == wanted {
                return Ok(given.clone());
            }
        }
        let given: Vec<String> =
            self.data_dirs.iter().map(|path| path.display().to_string()).collect();
        Err(NodeError::NotReplaced(format!(
            "{} is no --data-dir of the running node, which has {}",
            path.display(),
            given.join(", ")
        )))
    }

    /// The drive that a directory held, or the first that is nowhere.
    fn at(&self, path: &Path) -> Result<Drive, NodeError> {
        let drives = self.booted.drives.borrow();
        if let Some(known) = drives.iter().find(|drive| drive.path == path) {
            return self.drive(known.superblock.ordinal);
        }
        let is_here = |ordinal| drives.iter().any(|drive| drive.superblock.ordinal == ordinal);
        let table = &self.booted.boot.table;
        let mut known = self.layout.record().drives.iter();
        let gone = known.find(|drive| {
            !drive.is_retired() && !table.in_service(drive.ordinal) && !is_here(drive.ordinal)
        });
        gone.cloned().ok_or_else(|| NodeError::NotReplaced("no drive is gone".into()))
    }

    fn free_dirs(&self) -> Vec<&PathBuf> {
        let drives = self.booted.drives.borrow();
        let is_free = |path: &&PathBuf| drives.iter().all(|drive| drive.path != **path);
        self.data_dirs.iter().filter(is_free).collect()
    }
}
