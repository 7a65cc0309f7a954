//! Data directories: whose they are, and how they fare.
//!
//! The node inspects each directory it is given, formats empty ones at `init`, locks its own at
//! `serve`, and opens them on every core with [`crate::open`]. Never formats a directory that holds
//! anything it does not know.

mod inspect;
pub(crate) mod local;
mod superblock;
mod table;
pub(crate) mod watch;

pub use inspect::{DriveError, Inspection, format, inspect, lock, update};
pub use superblock::{MirrorSet, Superblock};
pub use table::{DriveState, DriveStatus, DriveTable, Failure};

use hamster_core::Directory;
use std::io;

/// A drive of this node, as one core opened it. The node holds the directory's lock meanwhile.
#[derive(Clone)]
pub struct OpenDrive {
    /// Its directory, opened on this core.
    pub directory: Directory,
    /// Its identity, as [`lock`] read it.
    pub superblock: Superblock,
}

impl OpenDrive {
    /// Is it still there: does its directory still name a superblock with this drive's identity?
    ///
    /// # Errors
    /// The file system does not answer; the drive is as good as lost.
    pub async fn is_present(&self) -> io::Result<bool> {
        inspect::is_present(&self.directory, &self.superblock).await
    }
}
