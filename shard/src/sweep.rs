//! Sweep: goes through the index of a drive and asks what metadata says of each run. Called by the
//! node, now and then.
//!
//! What nothing refers to is an orphan: cut off by a crash or its client, moved elsewhere, or dead
//! while its drive was away. An orphan in a bulk segment is punched out; in a small one, it does not
//! count as live. So the sweep also finds anew how many bytes of each sealed segment are dead, which
//! a crash may have lost.
//!
//! Who may still come to refer to a run holds a lease on it until that is decided, and so does who
//! reads it. So an orphan is freed only if no core holds it, then metadata does not name it, and then
//! again no core holds it: by the first answer all writers are done, by the last all readers.

use crate::free;
use crate::index::Key;
use crate::lane::{RunEntry, WalkError};
use crate::location::Location;
use crate::segment::Class;
use crate::segment::header::RUNS_START;
use crate::segment::run::{chunk_bytes, framing};
use crate::shards::{ShardDrive, Shards};
use futures_util::future::LocalBoxFuture;
use hamster_core::Map;
use hamster_core::ids::{DataId, DriveOrdinal, SegmentNumber};
use hamster_core::limits::{SWEEP_PAGE_RUNS, SWEEP_PAUSE};
use hamster_core::mesh::MeshClosed;

/// Knows who needs what is stored. Implemented by the node.
pub trait Claims {
    /// Does some core hold a lease on these?
    fn held<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Vec<bool>>;

    /// Where metadata says that each of these is; `None` within: it refers to no such data id.
    /// `None` at all: it cannot be told now.
    fn locations<'a>(
        &'a self,
        data: &'a [DataId],
    ) -> LocalBoxFuture<'a, Option<Vec<Option<Location>>>>;
}

/// What a sweep of a drive found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Runs that metadata names.
    pub live: u64,
    /// Runs of bulk segments that nothing named and nobody held.
    pub orphans: u64,
}

/// Why a sweep was broken off.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The drive is out of service.
    #[error("it is out of service")]
    Away,
    /// A table of its index cannot be read.
    #[error("{0}")]
    Index(String),
    /// The metadata does not answer.
    #[error("metadata does not answer")]
    Unknown,
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

impl From<MeshClosed> for SweepError {
    fn from(_: MeshClosed) -> Self {
        Self::ShuttingDown
    }
}

impl From<WalkError> for SweepError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Table(error) => Self::Index(error.to_string()),
            WalkError::Closed => Self::ShuttingDown,
        }
    }
}

pub(crate) async fn drive(
    shards: &Shards,
    ordinal: DriveOrdinal,
    claims: &dyn Claims,
) -> Result<Swept, SweepError> {
    let drive = shards.drive(ordinal).ok_or(SweepError::Away)?;
    let lanes = shards.lanes();
    // As of now: what is sealed later is not seen as a whole.
    let standing = lanes.standing(ordinal).await?.ok_or(SweepError::Away)?;
    let mut live = Map::<SegmentNumber, u64>::default();
    let mut swept = Swept::default();
    let mut after: Option<Key> = None;
    loop {
        if !shards.drives().in_service(ordinal) {
            return Err(SweepError::Away);
        }
        let page = lanes.walk(ordinal, after, SWEEP_PAGE_RUNS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        let claimed = claimed(claims, &page).await?;
        let mut strays = Vec::new();
        for run in page {
            match claimed.get(&run.data).filter(|location| names(location, &run)) {
                Some(location) => {
                    swept.live += 1;
                    *live.entry(run.placement.segment).or_default() += bytes(&run, location);
                }
                None if run.placement.class == Class::Bulk => strays.push(run),
                None => {}
            }
        }
        swept.orphans += free_strays(shards, drive, claims, strays).await?;
        shards.core().clock().sleep(SWEEP_PAUSE).await;
    }
    let sealed = standing.segments.iter().filter(|covered| covered.sealed);
    let dead = sealed.map(|covered| {
        let all = covered.upto.saturating_sub(RUNS_START);
        let live = live.get(&covered.segment).copied().unwrap_or(0);
        (covered.segment, all.saturating_sub(live))
    });
    lanes.swept(ordinal, dead.collect()).await?;
    Ok(swept)
}

/// What metadata says of the data ids of some runs.
async fn claimed(
    claims: &dyn Claims,
    runs: &[RunEntry],
) -> Result<Map<DataId, Location>, SweepError> {
    let mut ids: Vec<DataId> = runs.iter().map(|run| run.data).collect();
    ids.dedup();
    let locations = claims.locations(&ids).await.ok_or(SweepError::Unknown)?;
    let claimed = ids.into_iter().zip(locations);
    Ok(claimed.filter_map(|(data, location)| Some((data, location?))).collect())
}

/// Does metadata say that this shard is on this drive?
fn names(location: &Location, run: &RunEntry) -> bool {
    let piece = location.pieces.get(usize::from(run.shard.get()));
    piece.is_some_and(|piece| piece.drive == run.drive && piece.checksum.is_some())
}

fn bytes(run: &RunEntry, location: &Location) -> u64 {
    let payload = run.placement.payload_bytes;
    let chunks = u64::from(payload).div_ceil(chunk_bytes(location.slice_bytes));
    framing(run.placement.class, payload, chunks).end
}

async fn free_strays(
    shards: &Shards,
    drive: &ShardDrive,
    claims: &dyn Claims,
    mut strays: Vec<RunEntry>,
) -> Result<u64, SweepError> {
    for is_last in [false, true] {
        if strays.is_empty() {
            return Ok(0);
        }
        let ids: Vec<DataId> = strays.iter().map(|run| run.data).collect();
        let mut held = claims.held(&ids).await.into_iter();
        strays.retain(|_| !held.next().unwrap_or(true));
        if !is_last {
            let claimed = claimed(claims, &strays).await?;
            strays.retain(|run| !claimed.get(&run.data).is_some_and(|known| names(known, run)));
        }
    }
    Ok(free::strays(shards, drive, &strays).await?)
}
