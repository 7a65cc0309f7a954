//! One body: what is bad or missing of it is rebuilt where it was, or on another drive if that one
//! has gone, and committed.

use super::round::Scrubber;
use hamster_core::Set;
use hamster_core::ids::{DriveOrdinal, ShardIndex};
use hamster_meta::record::{DataRecord, Drive};
use hamster_meta::{Command, MetaError, Outcome};
use hamster_s3::{of_location, to_location};
use hamster_shard::{Depth, Location, ReadError, RepairError, Target};

/// What came of a body.
#[derive(Default)]
pub(super) struct Found {
    /// Read, or rebuilt.
    pub bytes: u64,
    /// Shards.
    pub rebuilt: u64,
    /// Too few of its shards are good.
    pub lost: bool,
    /// It could not be repaired now.
    pub put_off: bool,
}

/// Looks at a body, on which the caller holds a lease, and mends it. Drives that are `gone` are not
/// waited for.
pub(super) async fn mend(
    scrubber: &Scrubber,
    record: &DataRecord,
    depth: Depth,
    gone: &Set<DriveOrdinal>,
) -> Found {
    let location = to_location(record);
    let mut found = Found::default();
    let outcome = async {
        let checked = scrubber.shards.check(&location, depth).await?;
        found.bytes = checked.bytes;
        let (targets, left) = targets(scrubber, &location, &checked.bad, gone);
        found.put_off = left > 0;
        if targets.is_empty() {
            return Ok(0);
        }
        let pieces = scrubber.shards.rebuild(&location, &targets, &checked.bad).await?;
        let mut mended = location.clone();
        for (target, piece) in targets.iter().zip(&pieces) {
            mended.pieces[usize::from(target.shard.get())] = *piece;
        }
        if mended != location {
            commit(scrubber, record, &mended).await;
        }
        Ok(targets.len() as u64)
    };
    match outcome.await {
        Ok(rebuilt) => {
            found.rebuilt = rebuilt;
            let shard = location.stored_bytes / u64::from(location.k).max(1);
            found.bytes += rebuilt * shard;
        }
        Err(RepairError::Unreadable(ReadError::ShuttingDown)) => {}
        Err(error @ RepairError::Unreadable(ReadError::Unrecoverable { .. })) => {
            tracing::error!(data = %record.data, owner = ?record.owner, %error, "beyond repair");
            found.lost = true;
        }
        Err(error) => {
            tracing::warn!(data = %record.data, %error, "a body was not repaired");
            found.put_off = true;
        }
    }
    found
}

/// What is to be rebuilt, and where: what is bad in place; what was never written, or was on a drive
/// that has gone, in place if that drive takes writes, else on the best one that holds none of it.
/// And for how many shards there is no place now.
fn targets(
    scrubber: &Scrubber,
    location: &Location,
    bad: &[ShardIndex],
    gone: &Set<DriveOrdinal>,
) -> (Vec<Target>, usize) {
    let drives = scrubber.shards.drives();
    let Some(layout) = scrubber.meta.layout() else { return (Vec::new(), 0) };
    let ranking = layout.ranking(location.data.partition());
    let is_new = |drive: &DriveOrdinal| {
        drives.takes_writes(*drive) && location.pieces.iter().all(|piece| piece.drive != *drive)
    };
    let is_gone = |drive: DriveOrdinal| {
        gone.contains(&drive) || layout.drive(drive).is_none_or(Drive::is_retired)
    };
    let mut free = ranking.iter().copied().filter(is_new);
    let (mut targets, mut left) = (Vec::new(), 0);
    for (shard, piece) in (0..).map(ShardIndex::new).zip(&location.pieces) {
        let is_missing = piece.checksum.is_none() || !drives.in_service(piece.drive);
        if !is_missing && !bad.contains(&shard) {
            continue;
        }
        let drive = match drives.in_service(piece.drive) {
            true => Some(piece.drive).filter(|drive| drives.takes_writes(*drive)),
            false if is_gone(piece.drive) => free.next(),
            false => None,
        };
        match drive {
            Some(drive) => targets.push(Target { shard, drive }),
            None => left += 1,
        }
    }
    (targets, left)
}

/// Has metadata go by where the shards are now, if nobody else has moved them. What was rebuilt for a
/// body that has died meanwhile, or was moved, is an orphan: a sweep frees it.
async fn commit(scrubber: &Scrubber, record: &DataRecord, mended: &Location) {
    let lease = scrubber.shards.pin().lease(vec![record.data]);
    let pieces = of_location(mended.clone(), record.writer_epoch).pieces;
    let expected = record.pieces.clone();
    let command = Command::MoveShards { data: record.data, expected, pieces };
    match scrubber.meta.propose(command).await {
        Ok(Outcome::ShardsMoved | Outcome::ShardsChanged | Outcome::NoSuchData) => {}
        Ok(outcome) => {
            tracing::error!(data = %record.data, ?outcome, "rebuilt shards were not committed");
        }
        // Never proposed: the next round does it.
        Err(MetaError::Overloaded) => {}
        Err(error) => {
            tracing::warn!(data = %record.data, %error, "whether shards were moved is not known");
            // Why: the commit may still come, and names what was rebuilt.
            std::mem::forget(lease);
        }
    }
}
