//! From a location to verified bytes. Called by the coordinator of a GET or a copy.
//!
//! [`Reader`] goes stripe by stripe; `stripe` gets the wanted parts of one from the cache, from the
//! shards that hold them, or restored from others; `race` chooses the shards, by the `pace` of their
//! drives; `run` reads and verifies a part of one shard; `flight` is one read in a drive.

mod cache;
mod flight;
mod pace;
mod race;
mod reader;
mod run;
mod stripe;

pub(crate) use cache::Cache;
pub use cache::CacheFigures;
pub(crate) use flight::Orphans;
pub(crate) use pace::Pace;
pub use reader::Reader;
pub(crate) use stripe::{Sources, StripeRead};

use hamster_core::ids::DataId;

/// Why there are no (more) bytes. Those handed out before were verified.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// Fewer than k shards of a stripe can be read and verified. Nothing else will help but the
    /// return of a drive.
    #[error("{data}: {readable} of {needed} shards can be read")]
    Unrecoverable {
        /// What was read.
        data: DataId,
        /// Shards that were read and verified.
        readable: u8,
        /// Shards that are needed.
        needed: u8,
    },
    /// The core that owns the lane has ended: the node is going down.
    #[error("the node is shutting down")]
    ShuttingDown,
}
