//! Bury: rows leave the dead queue, the bytes of their data ids freed.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::Sequence;
use hamster_core::ids::DataId;
use hamster_core::limits;

pub(super) fn apply(change: &mut Change<'_>, rows: &[(Sequence, DataId)]) -> Outcome {
    if rows.len() > limits::DATA_IDS_PER_CALL_MAX {
        return Outcome::Refused(format!("a Bury of {} rows", rows.len()));
    }
    // Why unread: one that is gone is well, and no later death ever has the key of a former one.
    for (sequence, data) in rows {
        change.delete(key::dead(*sequence, *data));
    }
    Outcome::Buried
}
