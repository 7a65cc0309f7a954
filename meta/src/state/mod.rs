//! Ordered key-value stores: two behind one enum. `apply` and the queries read through them, the
//! raft storage writes through them; nobody else sees them.

pub mod twin;

/// Which kind of database holds log and state.
#[derive(Clone, Default)]
pub enum Storage {
    /// RocksDB, in the directories of the mirrors: production.
    #[default]
    Rocks,
    /// In memory, crash-faithful: the simulator, which owns the world.
    Twin(twin::TwinWorld),
}
