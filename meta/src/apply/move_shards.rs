//! MoveShards: a data record's pieces are replaced if they are still what the mover saw. Nothing else
//! changes: neither the rest of the record nor what refers to it.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::{DataRecord, Piece};
use crate::state::ReadError;
use hamster_core::ids::DataId;

pub(super) fn apply(
    change: &mut Change<'_>,
    data: DataId,
    expected: &[Piece],
    pieces: &[Piece],
) -> Result<Outcome, ReadError> {
    let row = key::data(data);
    let Some(record) = change.get::<DataRecord>(&row)? else {
        return Ok(Outcome::NoSuchData);
    };
    if record.pieces != expected {
        return Ok(Outcome::ShardsChanged);
    }
    let durable = pieces.iter().filter(|piece| piece.checksum.is_some()).count();
    if pieces.len() != record.pieces.len() || durable < usize::from(record.k) {
        return Ok(Outcome::Refused(format!("pieces that do not make {data}")));
    }
    change.put(row, &DataRecord { pieces: pieces.to_vec(), ..record });
    Ok(Outcome::ShardsMoved)
}
