//! The one place where openraft's types and the stored records meet.

use super::types::{Proposed, Types};
use crate::log::{Entry, Membership, Payload, Position, StoredMembership, Vote};
use crate::snapshot::Header;
use openraft::EntryPayload;
use openraft::alias::{EntryOf, LogIdOf, SnapshotMetaOf, StoredMembershipOf, VoteOf};
use openraft::impls::leader_id_adv::LeaderId;
use std::collections::BTreeSet;
use std::io;

/// The stored form of a log id.
pub(super) fn position(id: &LogIdOf<Types>) -> Position {
    Position { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

/// The log id of a stored position.
pub(super) fn log_id(position: Position) -> LogIdOf<Types> {
    let leader_id = LeaderId { term: position.term, node_id: position.node };
    LogIdOf::<Types> { leader_id, index: position.index }
}

/// The stored form of a vote.
pub(super) fn vote(vote: &VoteOf<Types>) -> Vote {
    let LeaderId { term, node_id } = vote.leader_id;
    Vote { term, node: node_id, committed: vote.committed }
}

/// The vote of a stored one.
pub(super) fn raft_vote(vote: Vote) -> VoteOf<Types> {
    VoteOf::<Types> {
        leader_id: LeaderId { term: vote.term, node_id: vote.node },
        committed: vote.committed,
    }
}

fn membership(membership: &openraft::Membership<u64, ()>) -> Membership {
    let voters = membership.get_joint_config().iter();
    Membership {
        voters: voters.map(|voters| voters.iter().copied().collect()).collect(),
        nodes: membership.nodes().map(|(node, ())| *node).collect(),
    }
}

fn raft_membership(membership: Membership) -> io::Result<openraft::Membership<u64, ()>> {
    let voters = membership.voters.into_iter().map(BTreeSet::from_iter).collect();
    let nodes: BTreeSet<u64> = membership.nodes.into_iter().collect();
    openraft::Membership::new(voters, nodes).map_err(io::Error::other)
}

/// The membership of a stored one.
pub(super) fn raft_stored_membership(
    stored: StoredMembership,
) -> io::Result<StoredMembershipOf<Types>> {
    let membership = raft_membership(stored.membership)?;
    Ok(StoredMembershipOf::<Types>::new(stored.position.map(log_id), membership))
}

/// What openraft is to know of a snapshot.
pub(super) fn snapshot_meta(header: &Header) -> io::Result<SnapshotMetaOf<Types>> {
    Ok(SnapshotMetaOf::<Types> {
        last_log_id: Some(log_id(header.position)),
        last_membership: raft_stored_membership(header.membership.clone())?,
    })
}

/// The stored form of an entry.
pub(super) fn entry(entry: &EntryOf<Types>) -> Entry {
    Entry {
        position: position(&entry.log_id),
        payload: match &entry.payload {
            EntryPayload::Blank => Payload::Blank,
            EntryPayload::Normal(proposed) => Payload::Proposal(proposed.0.clone()),
            EntryPayload::Membership(changed) => Payload::Membership(membership(changed)),
        },
    }
}

/// The entry of a stored one.
pub(super) fn raft_entry(entry: Entry) -> io::Result<EntryOf<Types>> {
    let payload = match entry.payload {
        Payload::Blank => EntryPayload::Blank,
        Payload::Proposal(proposal) => EntryPayload::Normal(Proposed(proposal)),
        Payload::Membership(changed) => EntryPayload::Membership(raft_membership(changed)?),
    };
    Ok(EntryOf::<Types> { log_id: log_id(entry.position), payload })
}
