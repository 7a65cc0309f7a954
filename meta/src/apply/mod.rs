//! Apply: what a committed proposal does to the state. Pure and deterministic: it reads nothing but
//! the proposal, its place in the log and the state (DESIGN.md, invariant 6), so that every replica
//! comes to the same, and a run that must be repeated (a read would have blocked) may be.

mod abort_upload;
mod add_user;
mod boot;
mod bury;
mod change;
mod complete_upload;
mod create_bucket;
mod create_key;
mod create_upload;
mod delete_bucket;
mod delete_current;
mod delete_version;
mod found;
mod install;
mod move_shards;
mod put_part;
mod put_version;
mod remove_user;
mod replace_drive;
mod revoke_key;
mod set_drive;
mod set_setting;
mod set_tags;

use crate::command::proposal::{Envelope, Proposal, Session};
use crate::command::{Command, Outcome};
use crate::key;
use crate::log::{Entry, Payload, StoredMembership};
use crate::record::{Boots, Record, Sequence, SessionSlot};
use crate::state::{Batch, ReadError, View};
use change::Change;
use hamster_core::limits;
use hamster_core::plant::{Plant, planted};

/// What a proposal comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Applied {
    /// The changes to the state.
    pub batch: Batch,
    /// The outcomes of the commands of all envelopes, in order.
    pub outcomes: Vec<Outcome>,
}

/// Decides a log entry upon `state`, and notes that it is applied: in the same batch as its effects.
pub(crate) fn entry(state: &dyn View, entry: &Entry) -> Result<Applied, ReadError> {
    let mut applied = match &entry.payload {
        Payload::Blank => Applied::default(),
        Payload::Proposal(commands) => proposal(state, entry.position.index, commands)?,
        Payload::Membership(membership) => {
            let membership = membership.clone();
            let stored = StoredMembership { position: Some(entry.position), membership };
            let mut applied = Applied::default();
            applied.batch.put(key::membership(), stored.encode());
            applied
        }
    };
    if !planted(Plant::AppliesTwice) || entry.position.index.is_multiple_of(8) {
        applied.batch.put(key::applied(), entry.position.encode());
    }
    Ok(applied)
}

/// Decides the proposal of the log entry at `index` upon `state`.
pub(crate) fn proposal(
    state: &dyn View,
    index: u64,
    proposal: &Proposal,
) -> Result<Applied, ReadError> {
    let mut change = Change::new(state);
    let mut outcomes = Vec::new();
    let mut position = 0;
    for envelope in &proposal.envelopes {
        outcomes.append(&mut once(&mut change, index, &mut position, envelope)?);
    }
    Ok(Applied { batch: change.into_batch(), outcomes })
}

/// Applies an envelope unless it was applied before; then its outcomes are those of that time.
fn once(
    change: &mut Change<'_>,
    index: u64,
    position: &mut u32,
    envelope: &Envelope,
) -> Result<Vec<Outcome>, ReadError> {
    let stale = || Ok(vec![Outcome::Stale; envelope.commands.len()]);
    let Some(Session { node, boot, number }) = envelope.session else {
        return each(change, index, position, envelope);
    };
    let boots: Option<Boots> = change.get(&key::boots(node))?;
    if boots.is_none_or(|boots| boots.boot != boot) {
        return stale();
    }
    let slot = number % u64::from(limits::SESSION_PROPOSALS_KEPT);
    let slot = key::session(node, u8::try_from(slot).expect("below a u8"));
    let former: Option<SessionSlot> = change.get(&slot)?;
    if let Some(former) = former.filter(|former| former.boot == boot) {
        if former.number == number && !planted(Plant::AppliesTwice) {
            return Ok(former.outcomes);
        }
        if former.number > number {
            return stale();
        }
    }
    let outcomes = each(change, index, position, envelope)?;
    change.put(slot, &SessionSlot { boot, number, outcomes: outcomes.clone() });
    Ok(outcomes)
}

fn each(
    change: &mut Change<'_>,
    index: u64,
    position: &mut u32,
    envelope: &Envelope,
) -> Result<Vec<Outcome>, ReadError> {
    let mut outcomes = Vec::with_capacity(envelope.commands.len());
    for command in &envelope.commands {
        let counted = envelope.session.filter(|_| planted(Plant::ReusesIdsAfterRestart));
        change.at(Sequence::new(counted.map_or(index, |session| session.number), *position));
        outcomes.push(apply(change, command)?);
        *position += 1;
    }
    Ok(outcomes)
}

fn apply(change: &mut Change<'_>, command: &Command) -> Result<Outcome, ReadError> {
    match command {
        Command::Found(found) => found::apply(change, found),
        Command::Boot { node } => boot::apply(change, *node),
        Command::SetDrive(set) => set_drive::apply(change, set),
        Command::ReplaceDrive(replace) => replace_drive::apply(change, replace),
        Command::CreateBucket(create) => create_bucket::apply(change, create),
        Command::DeleteBucket { bucket } => delete_bucket::apply(change, *bucket),
        Command::SetSetting { bucket, kind, document } => {
            set_setting::apply(change, *bucket, *kind, document.as_deref())
        }
        Command::PutVersion(put) => put_version::apply(change, put),
        Command::DeleteCurrent(deletion) => delete_current::apply(change, deletion),
        Command::DeleteVersion { bucket, key, version } => {
            delete_version::apply(change, *bucket, key, *version)
        }
        Command::SetTags(set) => set_tags::apply(change, set),
        Command::CreateUpload(create) => create_upload::apply(change, create),
        Command::PutPart(put) => put_part::apply(change, put),
        Command::CompleteUpload(complete) => complete_upload::apply(change, complete),
        Command::AbortUpload { bucket, key, upload } => {
            abort_upload::apply(change, *bucket, key, *upload)
        }
        Command::Bury { rows } => Ok(bury::apply(change, rows)),
        Command::MoveShards { data, expected, pieces } => {
            move_shards::apply(change, *data, expected, pieces)
        }
        Command::AddUser(user) => add_user::apply(change, user),
        Command::RemoveUser { id } => remove_user::apply(change, id),
        Command::CreateKey(key) => create_key::apply(change, key),
        Command::RevokeKey { id } => revoke_key::apply(change, id),
    }
}

#[cfg(test)]
mod tests;
