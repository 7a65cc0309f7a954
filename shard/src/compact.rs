//! Compaction: a small segment of which half is dead or was never written gives its space back.
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
use hamster_core::limits::{COMPACTION_BATCH_BYTES, COMPACTION_RETRY_INTERVAL};
use std::io;

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

/// Compacts one segment of each drive that this core keeps the index of, if one is worth it.
pub(crate) async fn drives(shards: &Shards, needs: &dyn Needs) {
    for drive in shards.kept_drives() {
        let local = &drive.local;
        if !matches!(local.state(), DriveState::Live | DriveState::Full) {
            continue;
        }
        let Some(victim) = victim(shards, local) else { continue };
        local.compacting.set(true);
        let outcome = local.while_in_service(segment(shards, drive, &victim, needs)).await;
        local.compacting.set(false);
        if let Some(Err(reason)) = outcome {
            let (drive, segment) = (local.ordinal, victim.segment);
            tracing::warn!(%drive, %segment, %reason, "not compacted");
        }
    }
}

/// The segment of a drive with the most to give back.
fn victim(shards: &Shards, drive: &LocalDrive) -> Option<Covered> {
    let now = drive.core.clock().now();
    let mut put_off = drive.put_off.borrow_mut();
    put_off.retain(|_, until| *until > now);
    let segments = shards.lanes().segments(drive.ordinal)?;
    let length = drive.segment_bytes(Class::Small).get();
    let worth_it = segments.iter().filter(|one| is_worth_it(one, length));
    let open_to_it = worth_it.filter(|one| !put_off.contains_key(&one.segment));
    let victim = open_to_it.min_by_key(|one| live_bytes(one))?.clone();
    // Why put off in any case: one that stays as it is must not be read again and again.
    put_off.insert(victim.segment, now + COMPACTION_RETRY_INTERVAL);
    Some(victim)
}

/// Why half: what is written again is then no more than what is freed. That counts the rest of a
/// segment which a start did not take up again.
fn is_worth_it(covered: &Covered, segment_bytes: u64) -> bool {
    let all = covered.upto.max(segment_bytes).saturating_sub(RUNS_START);
    covered.class == Class::Small && covered.sealed && live_bytes(covered) <= all / 2
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
    if !scan.has_read_all(covered.upto) {
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
