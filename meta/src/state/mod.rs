//! Ordered key-value databases: RocksDB and its in-memory twin behind one enum. `apply` and the
//! queries read through [`View`], the raft storage writes through [`Database`]; nobody else sees
//! them. Their calls may block: only what is said not to may run on a core's executor.

mod batch;
mod database;
mod storage;
pub mod twin;
mod view;

pub(crate) use batch::{Batch, Write};
pub(crate) use database::{Database, Moment, Reach};
pub use storage::Storage;
pub(crate) use view::{Overlay, ReadError, View, Visit, Visitor, get_record};

#[cfg(test)]
mod tests;
