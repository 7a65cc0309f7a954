//! Ordered key-value databases: RocksDB and its in-memory twin behind one enum. `apply` and the
//! queries read through [`View`], the raft storage writes through [`Database`]; nobody else sees
//! them. Their calls may block: only what is said not to may run on a core's executor.

mod batch;
mod database;
pub mod twin;
mod view;

pub(crate) use batch::{Batch, Write};
pub(crate) use database::{Database, Reach};
pub(crate) use view::{Overlay, ReadError, View, Visit, Visitor, get_record};

/// Which kind of database holds log and state.
#[derive(Clone, Default)]
pub enum Storage {
    /// RocksDB, in the directories of the mirrors: production.
    #[default]
    Rocks,
    /// In memory, crash-faithful: the simulator, which owns the world.
    Twin(twin::TwinWorld),
}

#[cfg(test)]
mod tests;
