//! What a directory is, before anything is written to it.

use super::Superblock;
use super::superblock::{Decoded, FILE_NAME, LENGTH_MAX};
use hamster_core::Directory;
use hamster_core::disk::DirectoryLock;
use std::io;

/// What an empty directory may hold: what file systems and locks make, and what a crash leaves of a
/// superblock that was being written for the first time.
const HARMLESS: [&str; 3] = ["lost+found", "hamster.lock", "drive.hamster.new"];

/// What a directory holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inspection {
    /// Nothing (but `lost+found` and the lock file). May be formatted; where a drive was expected,
    /// the drive is absent.
    Empty,
    /// A drive of Hamster's.
    Ours(Superblock),
    /// Something that Hamster did not write: what it is, for the operator. Never touched.
    Foreign(String),
    /// A superblock that fails its checksum: whose drive it was cannot be told. Never touched.
    Damaged,
    /// A drive of a newer format than this version knows. Never touched.
    Newer {
        /// Its format version.
        format: u16,
    },
    /// Another process holds it.
    Busy,
}

/// Why a directory was not formatted or locked.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// It is not what the caller needs (empty to format, ours to lock).
    #[error("{}", .0.reason())]
    Unfit(Inspection),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Inspection {
    /// One line for the operator: what it is and what to do about it.
    pub fn reason(&self) -> String {
        match self {
            Self::Empty => "it is empty: run `hamster init` to format it".to_owned(),
            Self::Ours(superblock) => {
                format!("it already is {} of cluster {}", superblock.ordinal, superblock.cluster)
            }
            Self::Foreign(what) => {
                format!("it holds {what}, which Hamster did not write: choose an empty directory")
            }
            Self::Damaged => format!(
                "its {FILE_NAME} is damaged: empty the directory, and run `hamster drive replace` \
                 on the node whose drive it was"
            ),
            Self::Newer { format } => {
                format!("it has format {format} of a newer Hamster: run that version")
            }
            Self::Busy => "another process holds it: stop that one first".to_owned(),
        }
    }
}

/// Tells what `directory` holds. Writes nothing but the lock file, and nothing at all into what is
/// not Hamster's.
///
/// # Errors
/// The directory cannot be read.
pub async fn inspect(directory: &Directory) -> io::Result<Inspection> {
    let seen = look(directory).await?;
    if matches!(seen, Inspection::Foreign(_) | Inspection::Damaged | Inspection::Newer { .. }) {
        return Ok(seen);
    }
    match directory.lock().await? {
        Some(_lock) => look(directory).await,
        None => Ok(Inspection::Busy),
    }
}

/// As [`inspect`], without the lock or by its holder.
async fn look(directory: &Directory) -> io::Result<Inspection> {
    if let Some(bytes) = directory.read_small(FILE_NAME, LENGTH_MAX).await? {
        return Ok(match Superblock::decode(&bytes) {
            Decoded::Valid(superblock) => Inspection::Ours(superblock),
            Decoded::Newer(format) => Inspection::Newer { format },
            Decoded::Damaged => Inspection::Damaged,
        });
    }
    let entries = directory.list().await?;
    let unknown = entries.into_iter().find(|entry| !HARMLESS.contains(&entry.name.as_str()));
    Ok(unknown.map_or(Inspection::Empty, |entry| Inspection::Foreign(entry.name)))
}

/// Makes `directory` a drive, durably: an empty one, or what a founding that was cut short left.
///
/// # Errors
/// It is neither, is held by another process, or cannot be written.
pub async fn format(directory: &Directory, superblock: &Superblock) -> Result<(), DriveError> {
    let Some(_lock) = directory.lock().await? else {
        return Err(DriveError::Unfit(Inspection::Busy));
    };
    match look(directory).await? {
        Inspection::Empty => Ok(write(directory, superblock).await?),
        Inspection::Ours(former) if !former.is_founded() => Ok(write(directory, superblock).await?),
        other => Err(DriveError::Unfit(other)),
    }
}

/// Takes a drive for this process. The lock is to be held until the process ends.
///
/// # Errors
/// It is not a drive of this format, or held by another process.
pub async fn lock(directory: &Directory) -> Result<(Superblock, DirectoryLock), DriveError> {
    let seen = look(directory).await?;
    if !matches!(seen, Inspection::Ours(_)) {
        return Err(DriveError::Unfit(seen));
    }
    let Some(lock) = directory.lock().await? else {
        return Err(DriveError::Unfit(Inspection::Busy));
    };
    match look(directory).await? {
        Inspection::Ours(superblock) => Ok((superblock, lock)),
        other => Err(DriveError::Unfit(other)),
    }
}

/// Writes a changed superblock to a drive that the caller has locked.
///
/// # Errors
/// The drive is no longer there, or the change is not known to be durable.
pub async fn update(directory: &Directory, superblock: &Superblock) -> io::Result<()> {
    // Why a look: a mount point whose drive has gone would pass for that drive from now on.
    if !is_present(directory, superblock).await? {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the superblock was removed"));
    }
    write(directory, superblock).await
}

async fn write(directory: &Directory, superblock: &Superblock) -> io::Result<()> {
    directory.replace_small(FILE_NAME, superblock.encode()).await
}

pub(super) async fn is_present(directory: &Directory, superblock: &Superblock) -> io::Result<bool> {
    let bytes = directory.read_small(FILE_NAME, LENGTH_MAX).await?;
    let Some(Decoded::Valid(found)) = bytes.as_deref().map(Superblock::decode) else {
        return Ok(false);
    };
    Ok(found.drive == superblock.drive)
}
