//! Metadata mirrors: log and state are kept on several drives of a node, so that losing a drive
//! does not lose the metadata. `seed` opens them and brings them to one state, `write` keeps them
//! there, `add` takes a new one in while the node serves. A snapshot is received by `stage` beside
//! the states in use, and put in their place by `install`; `current` says which one is.
//!
//! An append is acknowledged after it is synced on all live mirrors. A mirror that fails is left
//! out, and the node records the new set in every drive's superblock before the next
//! acknowledgement; so the set with the highest epoch names only mirrors that have everything.
//!
//! The epoch is raised with every change and each time a node takes over. It is written as a *mark*
//! into each mirror of the set first, and into the superblocks only when all marks are durable. So
//! whatever a crash interrupts, no superblock shows a higher epoch than the mirrors of the set; and
//! a mirror whose mark is below what a superblock shows is an older copy that was put back: never
//! used.

mod add;
pub(crate) mod current;
mod install;
pub(crate) mod seed;
pub(crate) mod stage;
pub(crate) mod write;

use futures_util::future::LocalBoxFuture;
use hamster_core::ids::DriveOrdinal;
use std::io;

pub(crate) use install::Received;
pub(crate) use write::Mirrors;

/// Which drives hold the metadata of a node, as its superblocks record it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MirrorSet {
    /// Grows by one with each change and each start. Zero: the founding has not ended.
    pub epoch: u64,
    /// The drives.
    pub drives: Vec<DriveOrdinal>,
}

/// What the node does when the mirror set changes: records it in the superblocks of all live drives.
/// No write is acknowledged until the future is done. An error stops the metadata for good.
pub type RecordMirrors = Box<dyn Fn(MirrorSet) -> LocalBoxFuture<'static, io::Result<()>>>;

#[cfg(test)]
mod tests;
