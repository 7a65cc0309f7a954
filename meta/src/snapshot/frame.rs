//! The frames that a snapshot is made of, and what is in them.

use super::Header;
use crate::log::{Position, PositionWire, StoredMembership, StoredMembershipWire};
use crate::record::{FORMAT, Malformed, Record, check_format};
use hamster_core::checksum::{Crc64, Crc64State};

pub(super) const MAGIC: [u8; 8] = *b"HAMSNAP\n";
/// The format of the stream; that of a payload is in the payload.
pub(super) const STREAM_FORMAT: u32 = 1;
/// Magic and format.
pub(super) const PREAMBLE_BYTES: usize = 12;
/// Kind, length and checksum.
pub(super) const FRAME_HEAD_BYTES: usize = 13;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Header,
    Rows,
    Footer,
}

impl Kind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Header, Self::Rows, Self::Footer].into_iter().find(|kind| kind.byte() == byte)
    }

    fn byte(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Rows => 2,
            Self::Footer => 3,
        }
    }
}

/// The first bytes of a stream.
pub(super) fn preamble() -> Vec<u8> {
    [MAGIC.as_slice(), &STREAM_FORMAT.to_be_bytes()].concat()
}

/// A frame with this payload, the `number`th from zero.
pub(super) fn frame(number: u64, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("checked against the longest frame");
    let head = [&[kind.byte()], length.to_be_bytes().as_slice()].concat();
    let checksum = checksum(number, &head, payload).get().to_be_bytes();
    [head.as_slice(), &checksum, payload].concat()
}

/// The checksum of a frame: `head` is its kind and length.
pub(super) fn checksum(number: u64, head: &[u8], payload: &[u8]) -> Crc64 {
    let mut state = Crc64State::new();
    state.update(&number.to_be_bytes());
    state.update(head);
    state.update(payload);
    state.finish()
}

/// The same stream with the checksums that its frames should have: for `fuzzing`.
pub(crate) fn seal(stream: &[u8]) -> Vec<u8> {
    let (preamble, mut rest) = stream.split_at(PREAMBLE_BYTES.min(stream.len()));
    let (mut sealed, mut number) = (preamble.to_vec(), 0);
    while let Some((head, behind)) = rest.split_first_chunk::<FRAME_HEAD_BYTES>() {
        let [kind, a, b, c, d, ..] = *head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let (Some(kind), Some(payload)) = (Kind::of(kind), behind.get(..length)) else { break };
        let payload = match Footer::decode(payload) {
            Ok(footer) if kind == Kind::Footer => {
                Footer { checksum: Crc64::of(&sealed), ..footer }.encode()
            }
            _ => payload.to_vec(),
        };
        sealed.extend(frame(number, kind, &payload));
        number += 1;
        rest = &behind[length..];
    }
    [sealed.as_slice(), rest].concat()
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeaderWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    position: Option<PositionWire>,
    #[prost(message, optional, tag = "3")]
    membership: Option<StoredMembershipWire>,
}

impl Record for Header {
    type Wire = HeaderWire;
    const NAME: &'static str = "snapshot header";

    fn to_wire(&self) -> HeaderWire {
        HeaderWire {
            format: FORMAT,
            position: Some(self.position.to_wire()),
            membership: Some(self.membership.to_wire()),
        }
    }

    fn from_wire(wire: HeaderWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let not = Malformed::Not(Self::NAME);
        Ok(Self {
            position: Position::from_wire(wire.position.ok_or(not)?)?,
            membership: StoredMembership::from_wire(wire.membership.ok_or(not)?)?,
        })
    }
}

/// Rows in the order of their keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Block(pub Vec<(Vec<u8>, Vec<u8>)>);

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RowWire {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BlockWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, repeated, tag = "2")]
    rows: Vec<RowWire>,
}

impl Record for Block {
    type Wire = BlockWire;
    const NAME: &'static str = "block of rows";

    fn to_wire(&self) -> BlockWire {
        let row =
            |(key, value): &(Vec<u8>, Vec<u8>)| RowWire { key: key.clone(), value: value.clone() };
        BlockWire { format: FORMAT, rows: self.0.iter().map(row).collect() }
    }

    fn from_wire(wire: BlockWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self(wire.rows.into_iter().map(|RowWire { key, value }| (key, value)).collect()))
    }
}

/// How a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Footer {
    /// Of all blocks.
    pub rows: u64,
    /// Of all bytes before the footer's frame.
    pub checksum: Crc64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct FooterWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    rows: u64,
    #[prost(fixed64, tag = "3")]
    checksum: u64,
}

impl Record for Footer {
    type Wire = FooterWire;
    const NAME: &'static str = "snapshot footer";

    fn to_wire(&self) -> FooterWire {
        FooterWire { format: FORMAT, rows: self.rows, checksum: self.checksum.get() }
    }

    fn from_wire(wire: FooterWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { rows: wire.rows, checksum: Crc64::new(wire.checksum) })
    }
}
