//! Giving the state to another node, and taking it from the leader: what core 0 does for a node that
//! is too far behind to follow the log.

use super::{Meta, MetaError};
use crate::snapshot::{Encoder, SnapshotError};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::LocalBoxStream;
use hamster_core::Core;
use hamster_core::ids::NodeId;
use std::io;

/// The leader of a term, as elected: only from it a snapshot is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leader {
    /// Its term.
    pub term: u64,
    /// The node.
    pub node: NodeId,
}

/// The state of one moment as a stream of bytes. What the state becomes meanwhile does not show.
pub struct SnapshotReader {
    core: Core,
    /// None at the end, and after an error.
    encoder: Option<Box<Encoder>>,
}

impl SnapshotReader {
    /// The next bytes: up to a few hundred KiB, or one row. `None` at the end. To be asked until it
    /// ends: what keeps the moment is let go then.
    ///
    /// # Errors
    /// [`MetaError::Unreadable`]: the state cannot be read; what was given before is of no use.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, MetaError> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(None) };
        let work = move || {
            let chunk = encoder.chunk();
            // The encoder ends here, where one may block, unless more will be asked.
            (matches!(chunk, Ok(Some(_))).then_some(encoder), chunk)
        };
        let (encoder, chunk) = self.core.blocking(work).await;
        self.encoder = encoder;
        chunk.map_err(|error| MetaError::Unreadable(error.to_string()))
    }
}

impl Meta {
    /// The state as of now, for another node.
    ///
    /// # Errors
    /// [`MetaError::Unreadable`]; [`MetaError::Stopped`].
    ///
    /// # Panics
    /// On another core than core 0.
    pub async fn snapshot(&self) -> Result<SnapshotReader, MetaError> {
        if let Some(why) = self.stopped() {
            return Err(MetaError::Stopped(why));
        }
        let encoder = self.owner().group.snapshot().await;
        let encoder = encoder.map_err(|error| MetaError::Unreadable(error.to_string()))?;
        Ok(SnapshotReader { core: self.0.core.clone(), encoder: Some(encoder) })
    }

    /// Takes the state that `leader` sends in the place of this node's, if it is ahead; does nothing
    /// if it is not. Until the stream has come to its end and is sound, the state stays what it is;
    /// then it changes from one moment to the next. This node follows `leader` from here on.
    ///
    /// To be run to its end: what an interrupted one leaves is removed by the next, or at the next
    /// start. A chunk is held in memory as a whole; its size is the caller's to bound.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    ///
    /// # Panics
    /// On another core than core 0.
    pub fn install_snapshot<'a>(
        &'a self,
        leader: Leader,
        chunks: LocalBoxStream<'a, io::Result<Vec<u8>>>,
    ) -> LocalBoxFuture<'a, Result<(), SnapshotError>> {
        // Why boxed: as open_metadata_core.
        Box::pin(async move {
            if let Some(why) = self.stopped() {
                return Err(SnapshotError::Stopped(why));
            }
            let owner = self.owner();
            owner.group.install(&owner.mirrors, leader, chunks).await
        })
    }
}
