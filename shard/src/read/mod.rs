//! From a location to verified bytes. Called by the coordinator of a GET or a copy.

use bytes::Bytes;
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

/// A body being read. Holds at most two stripes in memory, whatever the length.
pub struct Reader;

impl Reader {
    /// The next verified bytes, at most one slice; `None` at the end of the range. Reads ahead.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        todo!()
    }
}
