//! Between what `shard` wrote and what `meta` keeps: the same facts in two crates' words, because
//! neither knows the other. Called by the verbs that store or read bodies.

use hamster_core::checksum::Crc64;
use hamster_meta::record::{DataRecord, Owner, Piece as PieceRecord};
use hamster_shard::{Location, Piece};

/// The record of what was written at `location` in this writer's epoch. Apply fixes its owner.
pub fn of_location(location: Location, writer_epoch: u64) -> DataRecord {
    let Location { data, k, m, slice_bytes, stored_bytes, pieces } = location;
    let pieces = pieces
        .into_iter()
        .map(|Piece { drive, checksum }| PieceRecord { drive, checksum: checksum.map(Crc64::get) })
        .collect();
    let owner = Owner::Nobody;
    DataRecord { data, k, m, slice_bytes, stored_bytes, writer_epoch, owner, pieces }
}

/// Where the bytes of `record` are.
pub fn to_location(record: &DataRecord) -> Location {
    let &DataRecord { data, k, m, slice_bytes, stored_bytes, ref pieces, .. } = record;
    let piece = |&PieceRecord { drive, checksum }: &PieceRecord| Piece {
        drive,
        checksum: checksum.map(Crc64::new),
    };
    Location { data, k, m, slice_bytes, stored_bytes, pieces: pieces.iter().map(piece).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamster_core::ids::{DataId, DriveOrdinal};

    #[test]
    fn a_location_survives_the_way_through_metadata() {
        let piece = |drive, checksum: Option<u64>| Piece {
            drive: DriveOrdinal::new(drive),
            checksum: checksum.map(Crc64::new),
        };
        let location = Location {
            data: DataId::from_bytes([7; 16]),
            k: 2,
            m: 1,
            slice_bytes: 4096,
            stored_bytes: 10_000,
            pieces: vec![piece(3, Some(5)), piece(1, None), piece(9, Some(u64::MAX))],
        };
        assert_eq!(to_location(&of_location(location.clone(), 4)), location);
    }
}
