//! Compaction: a small segment of which half is dead or was never written gives its space back.
//!
//! Not at once: what is in it may die soon, too, and need not be written again then. So it waits until
//! nothing in the segment has died for a while, or all of it has, or the drive is short of room
//! (ADR 0010).
//!
//! What is still needed is written again, to the active segment; the index goes by the newer place;
//! then the segment is retired. What is needed, metadata says: the counts of dead bytes only tell
//! where to look. A crash leaves two copies at worst, of which either may be read; so does a body
//! that is freed in the moment it is copied: the copy is left out when its own segment is compacted.
//! Who has looked up a place in the segment before it was retired looks once more (`read::stripe`).

use crate::append::{Append, Payload};
use crate::drive::DriveState;
use crate::drive::local::LocalDrive;
use crate::index::{Covered, Wanted};
use crate::recover::{Found, Scan};
use crate::segment::Class;
use crate::segment::header::RUNS_START;
use crate::shards::{ShardDrive, Shards};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hamster_core::ids::DataId;
use hamster_core::limits::{
    COMPACTION_BATCH_BYTES, COMPACTION_FREE_PART, COMPACTION_RETRY_INTERVAL,
    COMPACTION_WASTE_SEGMENTS,
};
use hamster_core::{Instant, Set};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Knows what is needed. Implemented by the node.
pub trait Needs {
    /// Of each data id: does some core hold a lease on it, and if not, does metadata refer to it?
    /// In this order: what is being written is leased until it is known whether it was committed.
    /// `None` if it cannot be told now.
    fn needed<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Option<Vec<bool>>>;
}

/// Why a segment stays as it is.
#[derive(Debug, thiserror::Error)]
enum Stays {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("runs at {0:?} are damaged")]
    Damaged(Vec<u64>),
    #[error("metadata does not answer")]
    Unknown,
    #[error("the index cannot be read")]
    NotFound,
    #[error("what is needed of it cannot be written")]
    NoRoom,
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// A segment that is worth it, as it was last looked at.
pub(crate) struct Seen {
    live_bytes: u64,
    /// So many are live since then.
    since: Instant,
    /// Stays until then whatever becomes of it.
    not_before: Instant,
}

/// Compacts one segment of each drive that this core keeps the index of, if one is worth it and
/// `quiet` for so long.
pub(crate) async fn drives(shards: &Shards, needs: &dyn Needs, quiet: Duration) {
    for drive in shards.kept_drives() {
        let local = &drive.local;
        if !matches!(local.state(), DriveState::Live | DriveState::Full) {
            continue;
        }
        let Some(victim) = victim(shards, local, quiet) else { continue };
        local.compacting.set(true);
        let outcome = local.while_in_service(segment(shards, drive, &victim, needs)).await;
        local.compacting.set(false);
        if let Some(Err(reason)) = outcome {
            let (drive, segment) = (local.ordinal, victim.segment);
            tracing::warn!(%drive, %segment, %reason, "not compacted");
        }
    }
}

/// The segment of a drive with the most to give back, of those whose time has come.
fn victim(shards: &Shards, drive: &LocalDrive, quiet: Duration) -> Option<Covered> {
    let now = drive.core.clock().now();
    let segments = shards.lanes().segments(drive.ordinal)?;
    let length = drive.segment_bytes(Class::Small).get();
    let worth_it: Vec<&Covered> = segments.iter().filter(|one| is_worth_it(one, length)).collect();
    let is_pressed = is_short_of_room(drive) || has_too_much_waste(&segments, length);
    let mut seen = drive.compactable.borrow_mut();
    let numbers: Set<_> = worth_it.iter().map(|covered| covered.segment).collect();
    seen.retain(|number, _| numbers.contains(number));
    let is_due = |covered: &&Covered| {
        let live_bytes = live_bytes(covered);
        let new = Seen { live_bytes, since: now, not_before: now };
        let seen = seen.entry(covered.segment).or_insert(new);
        if seen.live_bytes != live_bytes {
            (seen.live_bytes, seen.since) = (live_bytes, now);
        }
        let is_time = is_pressed || live_bytes == 0 || now.since(seen.since) >= quiet;
        is_time && now >= seen.not_before
    };
    let due = worth_it.into_iter().filter(is_due);
    let victim = due.min_by_key(|one| live_bytes(one))?.clone();
    // Why put off in any case: one that stays as it is must not be read again and again.
    if let Some(seen) = seen.get_mut(&victim.segment) {
        seen.not_before = now + COMPACTION_RETRY_INTERVAL;
    }
    Some(victim)
}

/// Why half: what is written again is then no more than what is freed. That counts the rest of a
/// segment which a start did not take up again.
fn is_worth_it(covered: &Covered, segment_bytes: u64) -> bool {
    is_sealed(covered) && live_bytes(covered) <= all_bytes(covered, segment_bytes) / 2
}

fn is_sealed(covered: &Covered) -> bool {
    covered.class == Class::Small && covered.sealed
}

fn is_short_of_room(drive: &LocalDrive) -> bool {
    let total = drive.gauges().total_bytes.load(Ordering::Relaxed);
    drive.gauges().free_bytes.load(Ordering::Relaxed) < total / COMPACTION_FREE_PART
}

/// Why against what lives: the space that waiting costs is then bounded by a part of what is needed
/// anyway. Why some segments more: each core has one that fills.
fn has_too_much_waste(segments: &[Covered], segment_bytes: u64) -> bool {
    let (mut live, mut all) = (0, 0);
    for covered in segments.iter().filter(|covered| is_sealed(covered)) {
        live += live_bytes(covered);
        all += all_bytes(covered, segment_bytes);
    }
    all - live > live + COMPACTION_WASTE_SEGMENTS * segment_bytes
}

/// What a segment takes on its drive.
fn all_bytes(covered: &Covered, segment_bytes: u64) -> u64 {
    covered.upto.max(segment_bytes).saturating_sub(RUNS_START)
}

fn live_bytes(covered: &Covered) -> u64 {
    covered.upto.saturating_sub(RUNS_START).saturating_sub(covered.dead_bytes)
}

async fn segment(
    shards: &Shards,
    drive: &ShardDrive,
    covered: &Covered,
    needs: &dyn Needs,
) -> Result<(), Stays> {
    let number = covered.segment;
    let file = drive.local.segment(number, covered.class).await?;
    let length = file.length().await?.get();
    let mut scan = Scan::new(&drive.local, &file, number, covered.class, length, RUNS_START);
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(found) = scan.next().await? {
        let payload = scan.payload(&found).await?;
        bytes += payload.len();
        batch.push((found, payload));
        if bytes >= COMPACTION_BATCH_BYTES.as_usize() {
            keep(shards, drive, std::mem::take(&mut batch), needs).await?;
            bytes = 0;
        }
    }
    keep(shards, drive, batch, needs).await?;
    // What is rotten cannot be written again. It goes when nothing of the segment counts as live:
    // then it was rebuilt elsewhere, and what of it could be read was asked for above.
    let may_have_rot = live_bytes(covered) == 0 && scan.has_found_all(covered.upto);
    if !scan.has_read_all(covered.upto) && !may_have_rot {
        return Err(Stays::Damaged(scan.damaged().to_vec()));
    }
    let retired = shards.lanes().retire(drive.local.ordinal, number).await;
    retired.map_err(|_| Stays::ShuttingDown)
}

/// Writes what is needed of a batch again, and returns when that is durable and in the index.
async fn keep(
    shards: &Shards,
    drive: &ShardDrive,
    batch: Vec<(Found, Bytes)>,
    needs: &dyn Needs,
) -> Result<(), Stays> {
    let ids: Vec<DataId> = batch.iter().map(|(found, _)| found.content.data).collect();
    let needed = needs.needed(&ids).await.ok_or(Stays::Unknown)?;
    let mut pending = Vec::new();
    for ((found, payload), is_needed) in batch.into_iter().zip(needed) {
        let Found { content, entry, chunks } = found;
        if !is_needed {
            continue;
        }
        let range = content.shard_offset..content.shard_offset + u64::from(content.payload_bytes);
        let wanted = Wanted { data: content.data, range };
        let known = shards.lanes().find_all(wanted, drive.local.ordinal).await;
        // Why not left out: what the index does not tell of may be here and nowhere else.
        let known = known.map_err(|_| Stays::ShuttingDown)?.ok_or(Stays::NotFound)?;
        let is_here = known.iter().any(|run| {
            (run.shard, run.shard_offset) == (content.shard, content.shard_offset)
                && run.placement == entry.placement
        });
        if is_here {
            let writer_epoch = Some(entry.placement.writer_epoch);
            let payload = Payload::Packed(payload);
            let permit = None;
            let append = Append { content, chunks, payload, durable: true, permit, writer_epoch };
            pending.push(drive.small.append(append).await);
        }
    }
    for pending in pending {
        pending.wait().await.map_err(|_| Stays::NoRoom)?;
    }
    Ok(())
}
