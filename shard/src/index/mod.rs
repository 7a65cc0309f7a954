//! The index of a drive, on that drive: from (data id, offset in the shard, shard) to the run.
//!
//! New entries are in memory, in *parts*: one for each stretch of a segment that is being written. A
//! stretch that is long enough, or whose segment is full, becomes a [`table`]: an immutable, sorted
//! file, a static B+tree of 4 KiB blocks with a Bloom filter over the data ids; then its part is
//! dropped. The [`manifest`] says which tables there are, and which part of each segment they cover.
//! So memory is bounded whatever the number of runs (blocks are read through a [`cache`]), and a
//! start reads only what stands behind the last stretch of each segment.
//!
//! One core, the drive's [`keeper`], makes tables, merges them and writes the manifest; every core
//! reads them. Which core keeps a part in memory is `lane`'s business.
//!
//! The index can always be made anew from the segments: what is damaged here is no data loss, but
//! it must be noticed. So every block and the manifest carry their names and a checksum.

pub(crate) mod block;
mod cache;
mod cursor;
mod entry;
mod filter;
mod keeper;
pub(crate) mod manifest;
mod merge;
mod table;
mod view;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use cache::BlockCache;
pub(crate) use entry::{Entry, Key, Placement};
pub(crate) use keeper::{Dead, Keeper, Order, Snapshot, Stretch};
pub(crate) use manifest::Covered;
pub(crate) use table::{Table, TableError};
pub(crate) use view::{Completed, Part, View, Wanted};

/// The subdirectory of a drive that holds its index.
pub(crate) const DIRECTORY_NAME: &str = "index";
