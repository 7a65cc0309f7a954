//! openraft's type parameters.

use super::runtime::CoreRuntime;
use crate::command::Outcome;
use crate::command::proposal::Proposal;
use openraft::impls::{BoxedErrorSource, InlineBatch, OneshotResponder, leader_id_adv};
use openraft::{OptionalSend, RaftTypeConfig};
use std::fmt;
use std::sync::Arc;

/// What an entry carries.
#[derive(Clone, Debug)]
pub(crate) struct Proposed(pub Arc<Proposal>);

impl fmt::Display for Proposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} envelopes", self.0.envelopes.len())
    }
}

/// What its commands came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes(pub Vec<Outcome>);

/// The type parameters.
#[derive(Debug, Clone, Copy, Default, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Types;

// Why by hand: openraft's macro cannot set the responder.
impl RaftTypeConfig for Types {
    type D = Proposed;
    type R = Outcomes;
    type NodeId = u64;
    type Node = ();
    type Term = u64;
    type LeaderId = leader_id_adv::LeaderId<u64, u64>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = openraft::EntryPayload<Proposed, u64, ()>;
    type Entry =
        openraft::Entry<<Self::LeaderId as openraft::vote::RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = CoreRuntime;
    type Responder<T>
        = OneshotResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}
