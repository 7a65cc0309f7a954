//! The Raft group: openraft with one voter so far. Everything that names openraft is in here, so that
//! its generics are compiled in one place. `propose` gives it proposals; nobody else does.

mod adapter;
mod install;
mod log;
mod machine;
mod mpsc;
mod mutex;
mod network;
mod oneshot;
mod runtime;
mod types;
mod watch;

use crate::command::Outcome;
use crate::command::proposal::Proposal;
use crate::log::Inspected;
use crate::mirror::Mirrors;
use crate::shared::Shared;
use hamster_core::ids::NodeId;
use hamster_core::{Core, Queue, limits};
use machine::Machine;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::RaftError;
use openraft::raft::ReadPolicy;
use openraft::{Config, Raft, SnapshotPolicy};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use types::{Proposed, Types};

/// Why a proposal has no outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unproposed {
    /// It may or may not take effect.
    Unknown(String),
    /// The group has stopped for good. It may or may not take effect at the next start.
    Stopped(String),
}

/// This node's member of the group, on core 0. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Group {
    raft: Raft<Types, Machine>,
}

fn config() -> Config {
    Config {
        cluster_name: "hamster".into(),
        heartbeat_interval: 50,
        election_timeout_min: 150,
        election_timeout_max: 300,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(limits::LOG_ENTRIES_BETWEEN_FLUSHES),
        max_in_snapshot_log_to_keep: limits::LOG_ENTRIES_KEPT,
        // Why off: without a persisted commit index, only an election shows what was committed.
        enable_leader_restore: Some(false),
        ..Config::default()
    }
}

impl Group {
    /// Starts the member over the mirrors' log and state, and waits until it leads and has applied
    /// everything that was committed before. It takes no proposals before [`Group::serve`].
    pub(crate) async fn start(
        core: &Core,
        node: NodeId,
        founding: bool,
        mirrors: Mirrors,
        shared: Arc<Shared>,
        inspected: Inspected,
    ) -> io::Result<Self> {
        let config = Arc::new(config().validate().map_err(io::Error::other)?);
        let log = log::LogStore::new(core, mirrors.clone(), inspected);
        let machine = Machine::open(core, mirrors, shared)?;
        let raft = Raft::new(node.get(), config, network::NoNetwork, log, machine.clone());
        let group = Self { raft: raft.await.map_err(io::Error::other)? };
        machine.start();
        if founding {
            let members = BTreeSet::from([node.get()]);
            group.raft.initialize(members).await.map_err(io::Error::other)?;
        } else {
            // Why now: a lone voter need not wait for an election timeout.
            group.raft.trigger().elect(false).await.map_err(io::Error::other)?;
        }
        group.lead().await?;
        Ok(group)
    }

    /// Publishes from now on that this node leads: proposals are taken, reads answered. Once.
    pub(crate) fn serve(&self, core: &Core, node: NodeId, shared: &Arc<Shared>) {
        shared.set_leads(true);
        let (watching, shared) = (self.clone(), Arc::clone(shared));
        core.spawn(Queue::Latency, async move { watching.watch(node, &shared).await });
    }

    /// Waits until this node leads and has applied what was committed before.
    async fn lead(&self) -> io::Result<()> {
        let wait = self.raft.wait(Some(limits::LEADER_TIMEOUT));
        let leads = |metrics: &openraft::RaftMetrics<Types>| {
            metrics.current_leader == Some(metrics.id) || metrics.running_state.is_err()
        };
        let metrics = wait.metrics(leads, "this node leads").await.map_err(io::Error::other)?;
        metrics.running_state.map_err(io::Error::other)?;
        let barrier = self.raft.ensure_linearizable(ReadPolicy::ReadIndex);
        barrier.await.map_err(io::Error::other)?;
        Ok(())
    }

    /// Publishes whether this node leads, until the group stops.
    async fn watch(&self, node: NodeId, shared: &Shared) {
        let mut metrics = self.raft.metrics();
        loop {
            let (leads, running) = {
                let metrics = metrics.borrow_watched();
                let leads = metrics.current_leader == Some(node.get());
                (leads, metrics.running_state.clone())
            };
            if let Err(fatal) = running {
                return shared.stop(&fatal.to_string());
            }
            if !leads {
                shared.set_leads(false);
            } else if !shared.leads() && self.lead().await.is_ok() {
                shared.set_leads(true);
            }
            if metrics.changed().await.is_err() {
                return shared.stop("the Raft group has ended");
            }
        }
    }

    /// Has `proposal` committed and applied.
    pub(crate) async fn propose(&self, proposal: Proposal) -> Result<Vec<Outcome>, Unproposed> {
        let written = self.raft.client_write(Proposed(Arc::new(proposal))).await;
        match written {
            Ok(response) => Ok(response.data.0),
            Err(RaftError::Fatal(fatal)) => Err(Unproposed::Stopped(fatal.to_string())),
            // Why not "not proposed": a leader that is deposed forwards what it has appended, too.
            Err(RaftError::APIError(error)) => Err(Unproposed::Unknown(error.to_string())),
        }
    }

    /// Stops the member.
    pub(crate) async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!("the Raft group did not end in order: {error}");
        }
    }
}
