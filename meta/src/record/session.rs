//! Sessions: the last proposals of each node with their outcomes, so that a proposal sent again
//! takes effect once. A fixed number of slots per node, overwritten in turn.

use super::{FORMAT, Malformed, Record, check_format};
use crate::command::Outcome;
use crate::command::outcome_wire::OutcomeWire;
use hamster_core::ids::BootNumber;

/// How often a node has started: proposals of former boots are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Boots {
    pub boot: BootNumber,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct BootsWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    boot: u64,
}

impl Record for Boots {
    type Wire = BootsWire;
    const NAME: &'static str = "boots";

    fn to_wire(&self) -> BootsWire {
        BootsWire { format: FORMAT, boot: self.boot.get() }
    }

    fn from_wire(wire: BootsWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { boot: BootNumber::new(wire.boot) })
    }
}

/// One slot: the proposal last applied of those that share it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SessionSlot {
    pub boot: BootNumber,
    /// The proposal's number in its boot.
    pub number: u64,
    /// What its commands came to, in order.
    pub outcomes: Vec<Outcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SessionSlotWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    boot: u64,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(message, repeated, tag = "4")]
    outcomes: Vec<OutcomeWire>,
}

impl Record for SessionSlot {
    type Wire = SessionSlotWire;
    const NAME: &'static str = "session";

    fn to_wire(&self) -> SessionSlotWire {
        SessionSlotWire {
            format: FORMAT,
            boot: self.boot.get(),
            number: self.number,
            outcomes: self.outcomes.iter().map(Into::into).collect(),
        }
    }

    fn from_wire(wire: SessionSlotWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let outcomes = wire.outcomes.into_iter().map(TryInto::try_into);
        Ok(Self {
            boot: BootNumber::new(wire.boot),
            number: wire.number,
            outcomes: outcomes.collect::<Result<_, _>>()?,
        })
    }
}
