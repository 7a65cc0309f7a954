//! Reclaim: what nothing refers to any more gives its space back.
//!
//! Apply puts the bodies that die into a queue (overwritten, deleted, aborted, replaced). Core 0
//! takes them from it, asks every core which of them it still reads, has the others freed, and only
//! when that is durable are their rows buried. A crash anywhere in between frees again what was
//! freed. The rules and why they are enough: `bench/tests/model/reclaim.rs`.
//!
//! Every core compacts the small segments of the drives whose index it keeps.

use crate::control::Control;
use futures_util::future::LocalBoxFuture;
use hamster_core::Core;
use hamster_core::ids::DataId;
use hamster_core::limits::{
    COMPACTION_INTERVAL, COMPACTION_QUIET, DATA_IDS_PER_CALL_MAX, RECLAIM_BATCH_BODIES,
    RECLAIM_INTERVAL,
};
use hamster_meta::record::{DataRecord, Sequence};
use hamster_meta::{Meta, MetaError};
use hamster_s3::to_location;
use hamster_shard::{Location, Needs, Shards};

/// A row of the dead queue.
type Dead = (Sequence, DataRecord);
/// What names it.
type Row = (Sequence, DataId);

/// Frees what is dead, until the node ends. On core 0.
pub async fn reclaim(core: Core, control: Control, meta: Meta, shards: Shards) {
    let mut done = None;
    loop {
        core.clock().sleep(RECLAIM_INTERVAL).await;
        done = round(&control, &meta, &shards, done).await.unwrap_or_else(|error| {
            // Why no more than that: nothing was forgotten, and it is tried again.
            tracing::warn!(%error, "dead bodies were not freed");
            None
        });
    }
}

/// Goes through the dead queue once, behind `done`. What is still read stays for a later round, which
/// begins behind the row returned: every row before the first that stays is buried, and as rows come in
/// the order of the deaths, none will be there again. (To begin at the front each time would be to pass
/// over the tombstones of all rows ever buried.)
async fn round(
    control: &Control,
    meta: &Meta,
    shards: &Shards,
    mut done: Option<Row>,
) -> Result<Option<Row>, MetaError> {
    let mut after = done;
    loop {
        let before = after;
        let page = meta.dead(after, RECLAIM_BATCH_BODIES).await?;
        let Some((sequence, record)) = page.last() else { return Ok(done) };
        after = Some((*sequence, record.data));
        let rows: Vec<Row> = page.iter().map(|(row, record)| (*row, record.data)).collect();
        let ids: Vec<DataId> = page.iter().map(|(_, record)| record.data).collect();
        // Why after the page was read: a look-up that begins now finds none of these.
        let held = control.held(ids).await;
        let free: Vec<Dead> =
            page.into_iter().zip(held).filter(|(_, held)| !held).map(|(dead, _)| dead).collect();
        let bodies: Vec<Location> = free.iter().map(|(_, record)| to_location(record)).collect();
        let Ok(is_free) = shards.free(&bodies).await else { return Ok(done) };
        let freed = free.iter().zip(is_free).filter(|(_, is_free)| *is_free);
        let freed: Vec<Row> =
            freed.map(|((sequence, record), _)| (*sequence, record.data)).collect();
        if !freed.is_empty() {
            meta.bury(freed.clone()).await?;
        }
        // Only while nothing before this page stays.
        if done == before {
            let in_order = rows.iter().zip(&freed).take_while(|(row, freed)| row == freed);
            done = in_order.last().map_or(done, |(row, _)| Some(*row));
        }
    }
}

/// Compacts the drives that this core keeps, until the node ends.
pub async fn compact(core: Core, control: Control, meta: Meta, shards: Shards) {
    let needs = Needed { control, meta };
    loop {
        core.clock().sleep(COMPACTION_INTERVAL).await;
        shards.compact(&needs, COMPACTION_QUIET).await;
    }
}

/// What the cores hold and metadata refers to, for compaction.
struct Needed {
    control: Control,
    meta: Meta,
}

impl Needs for Needed {
    fn needed<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Option<Vec<bool>>> {
        Box::pin(async move {
            let mut needed = self.control.held(data.to_vec()).await;
            // Why behind it: what was held a moment ago may be committed by now.
            let ids = data.chunks(DATA_IDS_PER_CALL_MAX);
            for (needed, ids) in needed.chunks_mut(DATA_IDS_PER_CALL_MAX).zip(ids) {
                let referenced = self.meta.referenced(ids).await.ok()?;
                needed.iter_mut().zip(referenced).for_each(|(needed, refers)| *needed |= refers);
            }
            Some(needed)
        })
    }
}
