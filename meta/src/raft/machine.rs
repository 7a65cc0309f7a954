//! openraft's state machine: committed entries go through `apply` to the mirrors' states, and what
//! readers need is published.

use super::adapter;
use super::types::{Outcomes, Types};
use crate::apply::{self, Applied};
use crate::key;
use crate::log::{Entry, Position, StoredMembership};
use crate::mirror::Mirrors;
use crate::placement::Layout;
use crate::record::{LayoutRecord, Record};
use crate::shared::Shared;
use crate::state::{Reach, ReadError, Write, get_record};
use futures_util::{Stream, TryStreamExt};
use hamster_core::Core;
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// The state machine. Cheap to clone.
#[derive(Clone)]
pub(super) struct Machine(Rc<Inner>);

struct Inner {
    core: Core,
    mirrors: Mirrors,
    shared: Arc<Shared>,
    applied: RefCell<(Option<Position>, StoredMembershipOf<Types>)>,
}

/// What a snapshot carries: nothing yet. It stands for the flushed state up to which the log may be
/// purged; sending it to another node comes with the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlushedState;

impl Machine {
    /// Over the state that the mirrors hold.
    pub(super) fn open(core: &Core, mirrors: Mirrors, shared: Arc<Shared>) -> io::Result<Self> {
        let state = mirrors.state()?;
        let view = state.now(Reach::Drive);
        let applied: Option<Position> = get_record(&view, &key::applied()).map_err(failed)?;
        let membership = get_record::<StoredMembership>(&view, &key::membership());
        let membership = match membership.map_err(failed)? {
            Some(stored) => adapter::raft_stored_membership(stored)?,
            None => StoredMembershipOf::<Types>::default(),
        };
        if let Some(layout) = get_record::<LayoutRecord>(&view, &key::layout()).map_err(failed)? {
            shared.set_layout(Layout::new(layout));
        }
        shared.set_applied(applied.map_or(0, |applied| applied.index));
        let applied = RefCell::new((applied, membership));
        Ok(Self(Rc::new(Inner { core: core.clone(), mirrors, shared, applied })))
    }

    /// Decides `entry`: in place where all that it reads is in memory, else on a thread that may
    /// wait. Apply is pure, so it may run again.
    async fn decide(&self, entry: &Entry) -> io::Result<Applied> {
        loop {
            let state = self.0.mirrors.state()?;
            let mut decided = apply::entry(&state.now(Reach::Memory), entry);
            if decided == Err(ReadError::WouldBlock) {
                let entry = entry.clone();
                let work = move || apply::entry(&state.now(Reach::Drive), &entry);
                decided = self.0.core.blocking(work).await;
            }
            match decided {
                Ok(applied) => return Ok(applied),
                Err(error @ ReadError::Malformed(_)) => return Err(failed(error)),
                Err(error) => {
                    let drive = self.0.mirrors.first_drive()?;
                    tracing::error!("the metadata state on {drive} cannot be read: {error}");
                    self.0.mirrors.leave_out(drive).await?;
                }
            }
        }
    }

    async fn apply_entry(&self, entry: &Entry) -> io::Result<Outcomes> {
        let Applied { batch, outcomes } = self.decide(entry).await?;
        let layout = batch.0.iter().find_map(|write| match write {
            Write::Put(at, value) if *at == key::layout() => Some(LayoutRecord::decode(value)),
            _ => None,
        });
        let changed = self.0.shared.stamps().of(&batch);
        self.0.mirrors.write_state(batch).await?;
        // Invariant: behind the write and before the answer, so that whoever knows of the change
        // finds no remembered row standing.
        self.0.shared.stamps().raise(&changed);
        if let Some(layout) = layout {
            self.0.shared.set_layout(Layout::new(layout.map_err(io::Error::other)?));
        }
        self.0.shared.set_applied(entry.position.index);
        Ok(Outcomes(outcomes))
    }

    fn log_id(&self) -> Option<LogIdOf<Types>> {
        self.0.applied.borrow().0.map(adapter::log_id)
    }
}

fn failed(error: ReadError) -> io::Error {
    io::Error::other(error)
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = FlushedState;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> io::Result<(Option<LogIdOf<Types>>, StoredMembershipOf<Types>)> {
        Ok((self.log_id(), self.0.applied.borrow().1.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((raft_entry, responder)) = entries.try_next().await? {
            let outcomes = self.apply_entry(&adapter::entry(&raft_entry)).await?;
            let mut applied = self.0.applied.borrow_mut();
            applied.0 = Some(adapter::position(&raft_entry.log_id));
            if let EntryPayload::Membership(membership) = raft_entry.payload {
                let at = Some(raft_entry.log_id);
                applied.1 = StoredMembershipOf::<Types>::new(at, membership);
            }
            drop(applied);
            if let Some(responder) = responder {
                responder.send(outcomes);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMetaOf<Types>,
        _snapshot: FlushedState,
    ) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "no other node sends snapshots yet"))
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<Types, FlushedState>>> {
        Ok(None)
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = FlushedState;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, FlushedState>> {
        let last_log_id = self.log_id();
        let last_membership = self.0.applied.borrow().1.clone();
        self.0.mirrors.flush().await?;
        let meta = SnapshotMetaOf::<Types> { last_log_id, last_membership };
        Ok(SnapshotOf::<Types, _> { meta, snapshot: FlushedState })
    }
}
