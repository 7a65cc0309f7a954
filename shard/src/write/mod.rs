//! From body bytes to a receipt. Called by the coordinator of a PUT, a part or a copy.

mod outcome;
mod small;
mod stripe;
mod writer;

pub(crate) use small::small;
pub(crate) use stripe::pad_to_blocks;
pub use writer::Writer;

use crate::location::Receipt;

/// Why there is no receipt. Nothing is visible; the client may retry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// Fewer drives made their shard durable than the plan needs. S3: 503 SlowDown.
    #[error("{durable} shards are durable, {needed} are needed")]
    TooFewDrives {
        /// Shards that are durable, or still could be.
        durable: u8,
        /// Shards that the receipt needs.
        needed: u8,
    },
    /// As `TooFewDrives`, and at least one of the drives is full. S3: 503 SlowDown.
    #[error("drives are full")]
    NoSpace,
    /// The core that owns the lane has ended: the node is going down. S3: 503.
    #[error("the node is shutting down")]
    ShuttingDown,
}
