//! Proposals: commands of all cores of this node, gathered on core 0. A command leaves at once when
//! nothing is under way; while something is, others gather and share one log entry and one sync.

use crate::command::proposal::{Envelope, Proposal, Session};
use crate::command::{Command, Outcome};
use crate::meta::MetaError;
use crate::open::Answer;
use crate::raft::{Group, Unproposed};
use crate::shared::Shared;
use hamster_core::ids::{BootNumber, NodeId};
use hamster_core::sync::{self, OneshotSender};
use hamster_core::{Core, Queue, limits};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Gathers commands. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proposer(Rc<Inner>);

struct Inner {
    core: Core,
    node: NodeId,
    group: Group,
    shared: Arc<Shared>,
    waiting: RefCell<VecDeque<Waiting>>,
    in_flight: Cell<usize>,
    former: Cell<Former>,
    session: Cell<Option<(BootNumber, u64)>>,
}

struct Waiting {
    command: Command,
    weight: usize,
    answer: OneshotSender<Answer>,
}

/// What is known of the proposal before.
#[derive(Clone, Copy, Default)]
struct Former {
    commands: usize,
    took: Duration,
}

impl Proposer {
    /// Proposes to `group` for `node`.
    pub(crate) fn new(core: &Core, node: NodeId, group: Group, shared: Arc<Shared>) -> Self {
        Self(Rc::new(Inner {
            core: core.clone(),
            node,
            group,
            shared,
            waiting: RefCell::default(),
            in_flight: Cell::new(0),
            former: Cell::default(),
            session: Cell::new(None),
        }))
    }

    /// Proposes `command` and waits for its outcome.
    pub(crate) async fn propose(&self, command: Command) -> Answer {
        if let Some(why) = self.0.shared.stopped() {
            return Err(MetaError::Stopped(why));
        }
        if !self.0.shared.leads() {
            return Err(MetaError::NoLeader);
        }
        if self.0.waiting.borrow().len() >= limits::COMMANDS_WAITING_MAX {
            return Err(MetaError::Overloaded);
        }
        let (answer, answered) = sync::oneshot();
        let weight = command.weight();
        self.0.waiting.borrow_mut().push_back(Waiting { command, weight, answer });
        self.start();
        answered.await.unwrap_or_else(|_| Err(MetaError::Unknown("the node is ending".into())))
    }

    /// Sends what waits, if nothing is under way; a full proposal beside others.
    fn start(&self) {
        let in_flight = self.0.in_flight.get();
        let waiting = self.0.waiting.borrow().len();
        let full = waiting >= limits::PROPOSAL_COMMANDS_MAX;
        let room = in_flight == 0 || (full && in_flight < limits::PROPOSALS_IN_FLIGHT_MAX);
        if waiting > 0 && room {
            self.0.in_flight.set(in_flight + 1);
            let proposer = self.clone();
            // Why a task: it begins after those that run now, whose commands then come along.
            self.0.core.spawn(Queue::Latency, async move {
                proposer.send().await;
                proposer.0.in_flight.set(proposer.0.in_flight.get() - 1);
                proposer.start();
            });
        }
    }

    /// Under load, waits a part of what the proposal before took: what comes meanwhile shares this
    /// entry and its sync, which more commands wait for than for this.
    async fn let_others_come(&self) {
        let Former { commands, took } = self.0.former.get();
        let is_full = self.0.waiting.borrow().len() >= limits::PROPOSAL_COMMANDS_MAX;
        if commands >= limits::BUSY_PROPOSAL_COMMANDS && !is_full {
            let wait = (took / 2).min(limits::BUSY_PROPOSAL_WAIT_MAX);
            self.0.core.clock().sleep(wait).await;
        }
    }

    async fn send(&self) {
        self.let_others_come().await;
        let (commands, answers) = self.take();
        let (begun, count) = (self.0.core.clock().now(), commands.len());
        if commands.is_empty() {
            return;
        }
        let session = self.session_for(&commands);
        let envelopes = vec![Envelope { session, commands }];
        let result = self.0.group.propose(Proposal { envelopes }).await;
        let took = self.0.core.clock().now().since(begun);
        self.0.former.set(Former { commands: count, took });
        let answer_all = |error: MetaError, answers: Vec<OneshotSender<Answer>>| {
            for answer in answers {
                // Whoever asked has gone: the outcome stands in the log.
                let _gone = answer.send(Err(error.clone()));
            }
        };
        match result {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    if let Outcome::Booted(boot) = outcome {
                        self.0.session.set(Some((boot, 0)));
                    }
                    let _gone = answer.send(Ok(outcome));
                }
            }
            Err(Unproposed::Unknown(why)) => answer_all(MetaError::Unknown(why), answers),
            Err(Unproposed::Stopped(why)) => {
                self.0.shared.stop(&why);
                answer_all(MetaError::Stopped(why), answers);
            }
        }
    }

    /// The next commands that fit in one proposal. What founds or boots goes alone: it is what a
    /// session begins with.
    fn take(&self) -> (Vec<Command>, Vec<OneshotSender<Answer>>) {
        let mut waiting = self.0.waiting.borrow_mut();
        let (mut commands, mut answers, mut bytes) = (vec![], vec![], 0);
        while let Some(next) = waiting.front() {
            let alone = begins_session(&next.command);
            bytes += next.weight;
            let full = commands.len() >= limits::PROPOSAL_COMMANDS_MAX
                || bytes > limits::PROPOSAL_BYTES_MAX.as_usize();
            if !commands.is_empty() && (alone || full) {
                break;
            }
            let Some(Waiting { command, answer, .. }) = waiting.pop_front() else {
                break;
            };
            commands.push(command);
            answers.push(answer);
            if alone {
                break;
            }
        }
        (commands, answers)
    }

    fn session_for(&self, commands: &[Command]) -> Option<Session> {
        let (boot, number) = self.0.session.get()?;
        if commands.iter().any(begins_session) {
            return None;
        }
        self.0.session.set(Some((boot, number + 1)));
        Some(Session { node: self.0.node, boot, number })
    }
}

fn begins_session(command: &Command) -> bool {
    matches!(command, Command::Found(_) | Command::Boot { .. })
}
