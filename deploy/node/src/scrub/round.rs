//! One core's rounds: when, over which bodies, and how fast.

use super::body::{Found, mend};
use super::{Phase, Progress, Scrub};
use crate::boot::Boot;
use crate::control::CORE_ZERO;
use hamster_core::ids::{DataId, DriveOrdinal, Partition};
use hamster_core::limits::{
    PARTITIONS, REPAIR_BYTES_PER_SECOND, REPAIR_DELAY, SCRUB_BYTES_PER_SECOND, SCRUB_INTERVAL,
    SCRUB_PAGE_BODIES, SCRUB_POLL_INTERVAL,
};
use hamster_core::{Core, Instant, Map, Set};
use hamster_meta::command::SetDrive;
use hamster_meta::record::{Drive, DriveState};
use hamster_meta::{Command, Meta, MetaError};
use hamster_shard::{Depth, Shards};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What one core scrubs with.
pub(super) struct Scrubber {
    pub core: Core,
    pub meta: Meta,
    pub shards: Shards,
    scrub: Arc<Scrub>,
    /// Since when drives are out of service.
    out: Map<DriveOrdinal, Instant>,
}

/// What a core has done, or was asked for.
#[derive(Clone, PartialEq, Eq)]
struct Standing {
    asked: u64,
    occasions: u64,
    /// Drives that are not waited for any more.
    gone: Set<DriveOrdinal>,
}

/// A round over this core's share.
struct Round {
    depth: Depth,
    gone: Set<DriveOrdinal>,
    /// 0: no bound.
    bytes_per_second: u64,
}

/// Scrubs this core's share, until the node ends.
pub async fn scrub(core: Core, meta: Meta, shards: Shards, boot: Arc<Boot>) {
    let scrub = Arc::clone(&boot.scrub);
    let mut scrubber = Scrubber { core, meta, shards, scrub, out: Map::default() };
    let mut done = None;
    let mut verify_at = scrubber.core.clock().now() + SCRUB_INTERVAL;
    loop {
        scrubber.core.clock().sleep(SCRUB_POLL_INTERVAL).await;
        if scrubber.core.index() == CORE_ZERO && scrubber.scrub.is_whole() {
            scrubber.remove_replaced().await;
        }
        let (now, wanted) = (scrubber.core.clock().now(), scrubber.wanted());
        let asked = done.as_ref().map_or(0, |done: &Standing| done.asked);
        let (depth, rate) = if wanted.asked > asked {
            (Depth::Bytes, scrubber.scrub.rate.load(Ordering::Relaxed))
        } else if done.as_ref() != Some(&wanted) {
            (scrubber.depth_of_repair(), scrubber.per_core(REPAIR_BYTES_PER_SECOND.get()))
        } else if now >= verify_at {
            (Depth::Bytes, scrubber.per_core(SCRUB_BYTES_PER_SECOND.get()))
        } else {
            continue;
        };
        // Why: who asks for a round wants everything mended that can be.
        let gone = match wanted.asked > asked {
            true => scrubber.out.keys().copied().collect(),
            false => wanted.gone.clone(),
        };
        match scrubber.go_round(&Round { depth, gone, bytes_per_second: rate }, &wanted).await {
            Ok(true) => {
                if depth == Depth::Bytes {
                    verify_at = scrubber.core.clock().now() + SCRUB_INTERVAL;
                }
                let progress = scrubber.progress();
                let clean = if progress.is_clean() { wanted.occasions + 1 } else { 0 };
                progress.clean.store(clean, Ordering::Release);
                progress.done.store(wanted.asked, Ordering::Release);
                done = Some(wanted);
            }
            // Something else was asked for meanwhile.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a scrub was broken off; it starts anew"),
        }
        scrubber.progress().rest();
    }
}

impl Scrubber {
    fn progress(&self) -> &Progress {
        self.scrub.progress(self.core.index())
    }

    fn per_core(&self, bytes_per_second: u64) -> u64 {
        bytes_per_second / u64::from(self.core.count())
    }

    /// Nothing refers any more to the drives that others have replaced.
    async fn remove_replaced(&self) {
        let Some(layout) = self.meta.layout() else { return };
        for drive in &layout.record().drives {
            if drive.state != DriveState::Replaced {
                continue;
            }
            let Drive { ordinal, incarnation, .. } = *drive;
            let set = SetDrive { drive: ordinal, incarnation, state: DriveState::Removed };
            match self.meta.propose(Command::SetDrive(set)).await {
                Ok(_) => tracing::info!(%ordinal, "what a replaced drive held is rebuilt"),
                // Tried again.
                Err(error) => tracing::warn!(%ordinal, %error, "a drive was not removed"),
            }
        }
    }

    /// Metadata knows of all that was never written, and of drives that have gone. Why not into the
    /// index each time: of millions of bodies that takes longer than the look is worth, unless a
    /// start has found runs damaged.
    fn depth_of_repair(&self) -> Depth {
        let status = self.shards.drives().status();
        match status.iter().any(|drive| drive.corruptions > 0) {
            true => Depth::Index,
            false => Depth::Record,
        }
    }

    /// What there is to do now.
    fn wanted(&mut self) -> Standing {
        let now = self.core.clock().now();
        let table = self.shards.drives();
        let layout = self.meta.layout();
        let out: Vec<DriveOrdinal> =
            table.ordinals().filter(|ordinal| !table.in_service(*ordinal)).collect();
        let is_replaced = |ordinal: DriveOrdinal| {
            let known = layout.as_ref().and_then(|layout| layout.drive(ordinal));
            known.is_none_or(Drive::is_retired)
        };
        let gone = out.iter().copied().filter(|ordinal| {
            let since = *self.out.entry(*ordinal).or_insert(now);
            is_replaced(*ordinal) || now >= since + REPAIR_DELAY
        });
        let gone = gone.collect();
        let (asked, occasions) = (&self.scrub.asked, &self.scrub.occasions);
        Standing {
            asked: asked.load(Ordering::Acquire),
            occasions: occasions.load(Ordering::Acquire),
            gone,
        }
    }

    /// `false`: something else was asked for meanwhile.
    async fn go_round(&mut self, round: &Round, standing: &Standing) -> Result<bool, MetaError> {
        let phase = match round.depth {
            Depth::Record | Depth::Index => Phase::Repairing,
            Depth::Bytes => Phase::Verifying,
        };
        self.progress().begin(phase);
        let clock = self.core.clock().clone();
        let started = clock.now();
        let (index, count) = (u32::from(self.core.index().get()), u32::from(self.core.count()));
        let bound = |core: u32| u32::from(PARTITIONS) * core / count;
        let (first, end) = (bound(index), bound(index + 1));
        let mut after = first.checked_sub(1).map(last_of);
        let mut bytes = 0;
        loop {
            // Why pinned: what dies while it is looked at stays where it is.
            let pin = self.shards.pin();
            let mut page = self.meta.data_records(after, SCRUB_PAGE_BODIES).await?;
            page.retain(|record| u32::from(record.data.partition().get()) < end);
            let _lease = pin.lease(page.iter().map(|record| record.data).collect());
            let Some(last) = page.last() else { break };
            after = Some(last.data);
            for record in &page {
                let Found { bytes: read, rebuilt, lost, put_off } =
                    mend(self, record, round.depth, &round.gone).await;
                bytes += read;
                let progress = self.progress();
                Progress::add(&progress.bodies, 1);
                Progress::add(&progress.bytes, read);
                Progress::add(&progress.rebuilt, rebuilt);
                Progress::add(&progress.lost, lost.into());
                Progress::add(&progress.failed, put_off.into());
                let at = u32::from(record.data.partition().get()) - first;
                let share = u64::from(at) * 1000 / u64::from((end - first).max(1));
                progress.advance(share, clock.now().since(started));
                self.core.tasks().yield_now().await;
                // Why within the page: a slow round must not keep another waiting.
                let due = started + due(bytes, round.bytes_per_second);
                while clock.now() < due && self.wanted() == *standing {
                    clock.sleep_until(due.min(clock.now() + SCRUB_POLL_INTERVAL)).await;
                }
                if self.wanted() != *standing {
                    return Ok(false);
                }
            }
        }
        self.progress().advance(1000, clock.now().since(started));
        Ok(true)
    }
}

/// The greatest data id of a partition.
fn last_of(partition: u32) -> DataId {
    let partition = Partition::new(u16::try_from(partition).expect("below PARTITIONS"));
    DataId::last_of(partition)
}

/// How long so many bytes take at a rate; 0: no bound.
fn due(bytes: u64, bytes_per_second: u64) -> Duration {
    let milliseconds = bytes.saturating_mul(1000).checked_div(bytes_per_second);
    Duration::from_millis(milliseconds.unwrap_or(0))
}
