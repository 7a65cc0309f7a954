//! The records of the log.

use crate::command::proposal::Proposal;
use crate::command::proposal::ProposalWire;
use crate::record::{FORMAT, Malformed, Record, check_format};
use hamster_core::checksum::Crc64;
use std::sync::Arc;

/// A place in the log: what Raft calls a log id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Position {
    /// The term of the leader that appended the entry.
    pub term: u64,
    /// That leader.
    pub node: u64,
    /// The index.
    pub index: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct PositionWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    term: u64,
    #[prost(uint64, tag = "3")]
    node: u64,
    #[prost(uint64, tag = "4")]
    index: u64,
}

impl Record for Position {
    type Wire = PositionWire;
    const NAME: &'static str = "log position";

    fn to_wire(&self) -> PositionWire {
        PositionWire { format: FORMAT, term: self.term, node: self.node, index: self.index }
    }

    fn from_wire(wire: PositionWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { term: wire.term, node: wire.node, index: wire.index })
    }
}

/// Whom the node has voted for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Vote {
    /// In which term.
    pub term: u64,
    /// For which node.
    pub node: u64,
    /// That node has won.
    pub committed: bool,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct VoteWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    term: u64,
    #[prost(uint64, tag = "3")]
    node: u64,
    #[prost(bool, tag = "4")]
    committed: bool,
}

impl Record for Vote {
    type Wire = VoteWire;
    const NAME: &'static str = "vote";

    fn to_wire(&self) -> VoteWire {
        VoteWire { format: FORMAT, term: self.term, node: self.node, committed: self.committed }
    }

    fn from_wire(wire: VoteWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { term: wire.term, node: wire.node, committed: wire.committed })
    }
}

/// Who belongs to the Raft group: voters (two sets while they change), and everyone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Membership {
    pub voters: Vec<Vec<u64>>,
    pub nodes: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VotersWire {
    #[prost(uint64, repeated, tag = "1")]
    nodes: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MembershipWire {
    #[prost(message, repeated, tag = "1")]
    voters: Vec<VotersWire>,
    #[prost(uint64, repeated, tag = "2")]
    nodes: Vec<u64>,
}

impl From<&Membership> for MembershipWire {
    fn from(membership: &Membership) -> Self {
        let voters = membership.voters.iter().cloned().map(|nodes| VotersWire { nodes });
        Self { voters: voters.collect(), nodes: membership.nodes.clone() }
    }
}

impl From<MembershipWire> for Membership {
    fn from(wire: MembershipWire) -> Self {
        let voters = wire.voters.into_iter().map(|voters| voters.nodes).collect();
        Self { voters, nodes: wire.nodes }
    }
}

/// The membership as the state knows it, with the entry that set it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StoredMembership {
    pub position: Option<Position>,
    pub membership: Membership,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StoredMembershipWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    position: Option<PositionWire>,
    #[prost(message, optional, tag = "3")]
    membership: Option<MembershipWire>,
}

impl Record for StoredMembership {
    type Wire = StoredMembershipWire;
    const NAME: &'static str = "membership";

    fn to_wire(&self) -> StoredMembershipWire {
        StoredMembershipWire {
            format: FORMAT,
            position: self.position.as_ref().map(Record::to_wire),
            membership: Some((&self.membership).into()),
        }
    }

    fn from_wire(wire: StoredMembershipWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self {
            position: wire.position.map(Position::from_wire).transpose()?,
            membership: wire.membership.ok_or(Malformed::Not(Self::NAME))?.into(),
        })
    }
}

/// What an entry does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Payload {
    /// Nothing: a new leader's first.
    Blank,
    /// Commands for the state.
    Proposal(Arc<Proposal>),
    /// The group changes.
    Membership(Membership),
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub position: Position,
    pub payload: Payload,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum PayloadWire {
    #[prost(message, tag = "3")]
    Proposal(ProposalWire),
    #[prost(message, tag = "4")]
    Membership(MembershipWire),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EntryWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    position: Option<PositionWire>,
    /// None for a blank entry.
    #[prost(oneof = "PayloadWire", tags = "3, 4")]
    payload: Option<PayloadWire>,
}

impl Record for Entry {
    type Wire = EntryWire;
    const NAME: &'static str = "log entry";

    fn to_wire(&self) -> EntryWire {
        EntryWire {
            format: FORMAT,
            position: Some(self.position.to_wire()),
            payload: match &self.payload {
                Payload::Blank => None,
                Payload::Proposal(proposal) => Some(PayloadWire::Proposal(proposal.to_wire())),
                Payload::Membership(membership) => Some(PayloadWire::Membership(membership.into())),
            },
        }
    }

    fn from_wire(wire: EntryWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self {
            position: Position::from_wire(wire.position.ok_or(Malformed::Not(Self::NAME))?)?,
            payload: match wire.payload {
                None => Payload::Blank,
                Some(PayloadWire::Proposal(proposal)) => {
                    Payload::Proposal(Arc::new(Proposal::from_wire(proposal)?))
                }
                Some(PayloadWire::Membership(membership)) => Payload::Membership(membership.into()),
            },
        })
    }
}

/// An entry as it is stored: its checksum, then its record.
pub(crate) struct EntryFrame;

impl EntryFrame {
    /// The stored bytes of `entry`.
    pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
        let record = entry.encode();
        let checksum = Crc64::of_named(&entry.position.index.to_be_bytes(), &record);
        [checksum.get().to_be_bytes().as_slice(), &record].concat()
    }

    /// The entry of the bytes stored under `index`.
    pub(crate) fn decode(index: u64, bytes: &[u8]) -> Result<Entry, Malformed> {
        const NOT: Malformed = Malformed::Not(Entry::NAME);
        let (checksum, record) = bytes.split_first_chunk::<8>().ok_or(NOT)?;
        if Crc64::of_named(&index.to_be_bytes(), record).get() != u64::from_be_bytes(*checksum) {
            return Err(NOT);
        }
        let entry = Entry::decode(record)?;
        if entry.position.index == index { Ok(entry) } else { Err(NOT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::proposal::{Envelope, Session};
    use hamster_core::ids::{BootNumber, BucketId, NodeId};

    const AT: Position = Position { term: 2, node: 1, index: 300 };

    fn pin(entry: &Entry, golden: &str) {
        let bytes = EntryFrame::encode(entry);
        assert_eq!(hex::encode(&bytes), golden);
        assert_eq!(EntryFrame::decode(entry.position.index, &bytes).as_ref(), Ok(entry));
    }

    #[test]
    fn entries_are_pinned() {
        pin(
            &Entry { position: AT, payload: Payload::Blank },
            "241966837ab72eba0801120908011002180120ac02",
        );
        let membership = Membership { voters: vec![vec![1]], nodes: vec![1] };
        pin(
            &Entry { position: AT, payload: Payload::Membership(membership) },
            "ffb7d53e2f8ad30f0801120908011002180120ac0222080a030a0101120101",
        );
        let session = Session { node: NodeId::new(1), boot: BootNumber::new(3), number: 4 };
        let commands = vec![Command::DeleteBucket { bucket: BucketId::new(7) }];
        let envelopes = vec![Envelope { session: Some(session), commands }];
        let proposal = Payload::Proposal(Arc::new(Proposal { envelopes }));
        pin(
            &Entry { position: AT, payload: proposal },
            "f1390d086ea0b2610801120908011002180120ac021a100801120c0a0608011003180412022807",
        );
    }

    #[test]
    fn vote_and_memberships_are_pinned() {
        let vote = Vote { term: 2, node: 1, committed: true };
        assert_eq!(hex::encode(vote.encode()), "0801100218012001");
        assert_eq!(Vote::decode(&vote.encode()), Ok(vote));
        let membership = Membership { voters: vec![vec![1, 2], vec![1]], nodes: vec![1, 2, 3] };
        let stored = StoredMembership { position: Some(AT), membership };
        assert_eq!(
            hex::encode(stored.encode()),
            "0801120908011002180120ac021a100a040a0201020a030a01011203010203"
        );
        assert_eq!(StoredMembership::decode(&stored.encode()), Ok(stored));
    }

    #[test]
    fn an_entry_elsewhere_or_damaged_is_none() {
        let blank = EntryFrame::encode(&Entry { position: AT, payload: Payload::Blank });
        assert!(EntryFrame::decode(301, &blank).is_err());
        let (mut flips, mut cuts) = (0, 0);
        let of_each_kind = (1..).zip(crate::fuzzing::log_entries());
        for (index, bytes) in of_each_kind.chain([(300, blank)]) {
            assert!(EntryFrame::decode(index, &bytes).is_ok());
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(EntryFrame::decode(index, &damaged).is_err(), "bit {bit}");
                flips += 1;
            }
            for length in 0..bytes.len() {
                assert!(EntryFrame::decode(index, &bytes[..length]).is_err(), "length {length}");
                cuts += 1;
            }
        }
        println!(
            "log entries by their own checksum: {flips} flips, {cuts} truncations, all detected"
        );
    }
}
