//! The small replicated truth: buckets, versions, uploads, data records and the layout, kept by
//! openraft over RocksDB. `s3` and the node propose [`Command`]s and ask queries through [`Meta`].
//!
//! Apply is deterministic: it reads nothing but the command and the state. Object bytes never pass
//! here, and nothing here knows how shards are stored. Only `rocks` touches the file system; only
//! `raft` names openraft.

mod apply;
pub mod command;
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod log;
pub mod meta;
pub mod mirror;
pub mod open;
pub mod placement;
mod propose;
pub mod query;
mod raft;
mod recall;
pub mod record;
mod rocks;
mod shared;
mod snapshot;
pub mod state;

// Why: what the integration tests share, the crash images use as well.
#[cfg(test)]
extern crate self as hamster_meta;

pub use command::{Command, Outcome};
pub use meta::{Leader, Meta, MetaError, Readers, SnapshotReader};
pub use open::{Open, OpenError, open_metadata_core, open_reader};
pub use snapshot::SnapshotError;
