//! A proposal: what one log entry carries. Commands of one node go together in an envelope, which
//! takes effect once, however often it is sent.

use super::Command;
use super::wire::CommandWire;
use crate::record::{FORMAT, Malformed, Record, check_format};
use hamster_core::ids::{BootNumber, NodeId};

/// Which proposal of which node and boot an envelope is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Session {
    pub node: NodeId,
    pub boot: BootNumber,
    /// Counts the proposals of the boot.
    pub number: u64,
}

/// Commands of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Envelope {
    /// `None` before the node's boot is committed: such commands are never sent twice.
    pub session: Option<Session>,
    pub commands: Vec<Command>,
}

/// What one log entry carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proposal {
    pub envelopes: Vec<Envelope>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct SessionWire {
    #[prost(uint64, tag = "1")]
    node: u64,
    #[prost(uint64, tag = "2")]
    boot: u64,
    #[prost(uint64, tag = "3")]
    number: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EnvelopeWire {
    #[prost(message, optional, tag = "1")]
    session: Option<SessionWire>,
    #[prost(message, repeated, tag = "2")]
    commands: Vec<CommandWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProposalWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, repeated, tag = "2")]
    envelopes: Vec<EnvelopeWire>,
}

impl From<&Envelope> for EnvelopeWire {
    fn from(envelope: &Envelope) -> Self {
        let session = |session: Session| SessionWire {
            node: session.node.get(),
            boot: session.boot.get(),
            number: session.number,
        };
        Self {
            session: envelope.session.map(session),
            commands: envelope.commands.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<EnvelopeWire> for Envelope {
    type Error = Malformed;

    fn try_from(wire: EnvelopeWire) -> Result<Self, Malformed> {
        let session = |session: SessionWire| Session {
            node: NodeId::new(session.node),
            boot: BootNumber::new(session.boot),
            number: session.number,
        };
        Ok(Self {
            session: wire.session.map(session),
            commands: wire.commands.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl Record for Proposal {
    type Wire = ProposalWire;
    const NAME: &'static str = "proposal";

    fn to_wire(&self) -> ProposalWire {
        ProposalWire { format: FORMAT, envelopes: self.envelopes.iter().map(Into::into).collect() }
    }

    fn from_wire(wire: ProposalWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let envelopes = wire.envelopes.into_iter().map(TryInto::try_into);
        Ok(Self { envelopes: envelopes.collect::<Result<_, _>>()? })
    }
}
