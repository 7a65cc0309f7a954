//! openraft's state machine: committed entries go through `apply` to the mirrors' states, and what
//! readers need is published.

use super::adapter;
use super::types::{Outcomes, Types};
use crate::apply::{self, Applied};
use crate::key;
use crate::log::{Entry, Position, StoredMembership};
use crate::mirror::{Mirrors, Received};
use crate::placement::Layout;
use crate::record::{LayoutRecord, Record};
use crate::shared::Shared;
use crate::snapshot::Encoder;
use crate::state::{Database, Reach, ReadError, Write, get_record};
use futures_util::{Stream, TryStreamExt};
use hamster_core::Core;
use hamster_core::worker::Worker;
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use std::cell::{Cell, RefCell};
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
    /// Decides what must wait for the drive: a thread of its own, so that no query is in the way.
    decider: Worker,
    /// openraft has started over the state.
    started: Cell<bool>,
}

/// What openraft hands on as a snapshot.
pub(crate) enum Carried {
    /// A moment of this node's state, to be sent.
    Moment(Box<Encoder>),
    /// Another node's, whole on the mirrors of this one.
    Received(Rc<Received>),
}

/// What the state says of itself.
struct Told {
    applied: Option<Position>,
    membership: StoredMembershipOf<Types>,
    layout: Option<LayoutRecord>,
}

impl Told {
    /// Blocks.
    fn by(state: &Database) -> io::Result<Self> {
        let view = state.now(Reach::Drive);
        let membership = get_record::<StoredMembership>(&view, &key::membership());
        Ok(Self {
            applied: get_record(&view, &key::applied()).map_err(failed)?,
            membership: match membership.map_err(failed)? {
                Some(stored) => adapter::raft_stored_membership(stored)?,
                None => StoredMembershipOf::<Types>::default(),
            },
            layout: get_record(&view, &key::layout()).map_err(failed)?,
        })
    }
}

impl Machine {
    /// Over the state that the mirrors hold.
    pub(super) fn open(core: &Core, mirrors: Mirrors, shared: Arc<Shared>) -> io::Result<Self> {
        let told = Told::by(&mirrors.state()?)?;
        let machine = Self(Rc::new(Inner {
            core: core.clone(),
            mirrors,
            shared,
            applied: RefCell::default(),
            decider: core.worker("meta-decide"),
            started: Cell::new(false),
        }));
        machine.go_by(told);
        Ok(machine)
    }

    /// Goes by a state that was opened or installed.
    fn go_by(&self, told: Told) {
        if let Some(layout) = told.layout {
            self.0.shared.set_layout(Layout::new(layout));
        }
        self.0.shared.set_applied(told.applied.map_or(0, |applied| applied.index));
        self.0.applied.replace((told.applied, told.membership));
    }

    /// openraft has started: from here on it may have snapshots.
    pub(super) fn start(&self) {
        self.0.started.set(true);
    }

    /// A snapshot of the state as of now; none of one to which nothing was applied.
    async fn snapshot(&self) -> io::Result<Option<Encoder>> {
        let state = self.0.mirrors.state()?;
        let encoder = self.0.core.blocking(move || Encoder::new(state.moment()));
        encoder.await.map_err(failed)
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
                decided = self.0.decider.run(work).await;
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
        let users_changed = batch.0.iter().any(|write| match write {
            Write::Put(at, _) | Write::Delete(at) => key::is_of_users(at),
            Write::DeleteRange(..) => true,
        });
        let changed = self.0.shared.stamps().of(&batch);
        self.0.mirrors.write_state(batch).await?;
        // Invariant: behind the write and before the answer, so that whoever knows of the change
        // finds no remembered row standing.
        self.0.shared.stamps().raise(&changed);
        if users_changed {
            self.0.shared.users_changed();
        }
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
    type SnapshotData = Carried;
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
        meta: &SnapshotMetaOf<Types>,
        snapshot: Carried,
    ) -> io::Result<()> {
        let Carried::Received(received) = snapshot else {
            let what = "a node does not install its own state";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        };
        assert_eq!(meta.last_log_id, Some(adapter::log_id(received.header().position)));
        self.0.mirrors.install(&received).await?;
        // Invariant: as after a write (see `apply_entry`), for every row.
        self.0.shared.stamps().raise_all();
        self.0.shared.users_changed();
        let state = self.0.mirrors.state()?;
        self.go_by(self.0.core.blocking(move || Told::by(&state)).await?);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, Carried>>> {
        // Why not at the start: openraft has one built then if the log was purged, and with it the
        // states are flushed.
        if !self.0.started.get() {
            return Ok(None);
        }
        self.snapshot().await?.map(carried).transpose()
    }
}

/// What openraft is to know of a snapshot.
fn carried(encoder: Encoder) -> io::Result<SnapshotOf<Types, Carried>> {
    let meta = adapter::snapshot_meta(encoder.header())?;
    Ok(SnapshotOf::<Types, _> { meta, snapshot: Carried::Moment(Box::new(encoder)) })
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Carried;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, Carried>> {
        let encoder = self.snapshot().await?;
        let encoder = encoder.ok_or_else(|| io::Error::other("nothing was applied yet"))?;
        // Why behind it: what openraft has a snapshot of, it may purge from the log.
        self.0.mirrors.flush().await?;
        carried(encoder)
    }
}
