//! Object bytes to durable shards and back: the segment log, erasure coding, reads that verify.
//!
//! The coordinator of a request plans *where* (with `hamster-meta`), then calls [`Shards`] of its
//! own core: [`Shards::write_small`] or [`Shards::writer`] give a [`Receipt`] once the shards are
//! durable, [`Shards::read`] gives verified bytes back. Nothing here knows buckets, keys or
//! versions, and nothing here decides what is visible: a receipt is not yet a commit.
//!
//! Inside, from the drive up: [`drive`] (identity and state of a data directory), `segment` (the
//! on-disk format), `append` (group commit), [`lane`] (the index and who owns it), `recover` (the
//! index from the segments), [`code`] (Reed–Solomon), [`write`] and [`read`].

mod append;
pub mod code;
mod compact;
pub mod drive;
mod free;
#[doc(hidden)]
pub mod fuzzing;
mod geometry;
mod index;
pub mod lane;
mod lease;
pub mod location;
pub mod read;
mod recover;
mod repair;
mod scrub;
mod segment;
mod shards;
mod sweep;
mod wire;
pub mod write;

pub use compact::Needs;
pub use drive::{DriveState, DriveTable, OpenDrive};
pub use lease::{Lease, Pin};
pub use location::{Location, Piece, Plan, Receipt};
pub use read::{CacheFigures, ReadError, Reader};
pub use repair::{RepairError, Target};
pub use scrub::{Checked, Depth};
pub use shards::{OpenError, ReadMemory, Shards, open};
pub use sweep::{Claims, SweepError, Swept};
pub use write::{WriteError, Writer};
