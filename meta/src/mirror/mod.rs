//! Metadata mirrors: log and state are kept on several drives of a node, so that losing a drive
//! does not lose the metadata. `seed` brings them to one state at the opening, `write` keeps them
//! there.
//!
//! An append is acknowledged after it is synced on all live mirrors. A mirror that fails is left
//! out, and the node records the new set in every drive's superblock before the next
//! acknowledgement; so the set with the highest epoch names only mirrors that have everything.

pub(crate) mod seed;
pub(crate) mod write;

use futures_util::future::LocalBoxFuture;
use hamster_core::ids::DriveOrdinal;
use std::io;

pub(crate) use write::Mirrors;

/// Which drives hold the metadata of a node, as its superblocks record it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MirrorSet {
    /// Grows by one with each change.
    pub epoch: u64,
    /// The drives.
    pub drives: Vec<DriveOrdinal>,
}

/// What the node does when the mirror set changes: records it in the superblocks of all live drives.
/// No write is acknowledged until the future is done. An error stops the metadata for good.
pub type RecordMirrors = Box<dyn Fn(MirrorSet) -> LocalBoxFuture<'static, io::Result<()>>>;
