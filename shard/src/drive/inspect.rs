//! What a directory is, before anything is written to it.

use super::Superblock;
use hamster_core::Directory;
use hamster_core::disk::DirectoryLock;
use std::io;

/// What a directory holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inspection {
    /// Nothing (but `lost+found` and the lock file). May be formatted; where a drive was expected,
    /// the drive is absent.
    Empty,
    /// A drive of Hamster's.
    Ours(Superblock),
    /// Something that Hamster did not write, or a superblock that fails its checksum: what it is,
    /// for the operator. Never touched.
    Foreign(String),
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
    /// One line for the operator.
    pub fn reason(&self) -> String {
        todo!()
    }
}

/// Tells what `directory` holds. Writes nothing but the lock file.
///
/// # Errors
/// The directory cannot be read.
pub async fn inspect(_directory: &Directory) -> io::Result<Inspection> {
    todo!()
}

/// Makes the empty `directory` a drive, durably.
///
/// # Errors
/// It is not empty, is held by another process, or cannot be written.
pub async fn format(_directory: &Directory, _superblock: &Superblock) -> Result<(), DriveError> {
    todo!()
}

/// Takes a drive for this process. The lock is to be held until the process ends.
///
/// # Errors
/// It is not a drive of this format, or held by another process.
pub async fn lock(_directory: &Directory) -> Result<(Superblock, DirectoryLock), DriveError> {
    todo!()
}

/// Writes a changed superblock to a drive that the caller has locked.
///
/// # Errors
/// It is not known to be durable.
pub async fn update(_directory: &Directory, _superblock: &Superblock) -> io::Result<()> {
    todo!()
}

pub(super) async fn is_present(
    _directory: &Directory,
    _superblock: &Superblock,
) -> io::Result<bool> {
    todo!()
}
