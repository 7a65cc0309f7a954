//! The head of a key: which of its versions is current, and which has no id of its own.

use super::sequence::{Sequence, SequenceWire};
use super::{FORMAT, Malformed, Record, check_format};

/// There is a head exactly while the key has versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// The newest version.
    pub current: Sequence,
    /// The null version.
    pub null: Option<Sequence>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct HeadWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    current: Option<SequenceWire>,
    #[prost(message, optional, tag = "3")]
    null: Option<SequenceWire>,
}

impl Record for Head {
    type Wire = HeadWire;
    const NAME: &'static str = "head";

    fn to_wire(&self) -> HeadWire {
        HeadWire {
            format: FORMAT,
            current: Some(self.current.into()),
            null: self.null.map(Into::into),
        }
    }

    fn from_wire(wire: HeadWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let current = wire.current.ok_or(Malformed::Not(Self::NAME))?.into();
        Ok(Self { current, null: wire.null.map(Into::into) })
    }
}
