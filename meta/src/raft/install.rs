//! Snapshots of the state: one of this node's, and that of a leader in the place of this node's.

use super::machine::Carried;
use super::{Group, adapter};
use crate::log::Vote;
use crate::meta::Leader;
use crate::mirror::{Mirrors, Received};
use crate::snapshot::{Encoder, Header, SnapshotError};
use futures_util::stream::LocalBoxStream;
use openraft::alias::SnapshotOf;
use std::io;
use std::rc::Rc;

impl Group {
    /// A snapshot of this node's state.
    pub(crate) async fn snapshot(&self) -> io::Result<Box<Encoder>> {
        let snapshot = self.raft.get_snapshot().await.map_err(io::Error::other)?;
        match snapshot.map(|snapshot| snapshot.snapshot) {
            Some(Carried::Moment(encoder)) => Ok(encoder),
            Some(Carried::Received(_)) | None => Err(io::Error::other("nothing was applied yet")),
        }
    }

    /// Receives the snapshot of `leader` and has it installed, unless this node is as far itself.
    pub(crate) async fn install(
        &self,
        mirrors: &Mirrors,
        leader: Leader,
        chunks: LocalBoxStream<'_, io::Result<Vec<u8>>>,
    ) -> Result<(), SnapshotError> {
        let received = Rc::new(mirrors.receive(chunks).await?);
        let installed = self.install_received(leader, &received).await;
        mirrors.discard(&received).await;
        installed
    }

    async fn install_received(
        &self,
        leader: Leader,
        received: &Rc<Received>,
    ) -> Result<(), SnapshotError> {
        let stopped = |error: String| SnapshotError::Stopped(error);
        let header = received.header();
        self.check(leader, header).await?;
        let vote = Vote { term: leader.term, node: leader.node.get(), committed: true };
        let meta = adapter::snapshot_meta(header).map_err(|error| stopped(error.to_string()))?;
        let snapshot = Carried::Received(Rc::clone(received));
        let snapshot = SnapshotOf::<super::Types, _> { meta, snapshot };
        let answer = self.raft.install_full_snapshot(adapter::raft_vote(vote), snapshot).await;
        let answer = answer.map_err(|fatal| stopped(fatal.to_string()))?;
        match adapter::vote(&answer.vote) {
            known if known == vote => Ok(()),
            known => Err(SnapshotError::Deposed { term: known.term }),
        }
    }

    /// Refuses what no leader of this group can have sent: openraft would panic on it.
    async fn check(&self, leader: Leader, header: &Header) -> Result<(), SnapshotError> {
        let position = header.position;
        if (position.term, position.node) > (leader.term, leader.node.get()) {
            return Err(SnapshotError::Contradicts("its last entry is of a later leader"));
        }
        let committed = self.raft.with_raft_state(|state| state.local_committed().copied()).await;
        let committed = committed.map_err(|fatal| SnapshotError::Stopped(fatal.to_string()))?;
        let committed = committed.as_ref().map(adapter::position);
        let contradicts = committed
            .is_some_and(|committed| position > committed && position.index <= committed.index);
        if contradicts {
            return Err(SnapshotError::Contradicts("another entry is committed in its place"));
        }
        Ok(())
    }
}
