//! Looks for what nothing refers to, drive by drive, now and then and whenever a scrub is asked for.
//! On core 0, which also frees what is dead.

use crate::boot::Boot;
use crate::control::Control;
use futures_util::future::LocalBoxFuture;
use hamster_core::Core;
use hamster_core::ids::DataId;
use hamster_core::limits::{
    DATA_IDS_PER_CALL_MAX, SCRUB_POLL_INTERVAL, SWEEP_DELAY, SWEEP_INTERVAL,
};
use hamster_meta::Meta;
use hamster_s3::to_location;
use hamster_shard::{Claims, Location, Shards};
use std::sync::Arc;

/// Sweeps until the node ends.
pub async fn sweep(core: Core, control: Control, meta: Meta, shards: Shards, boot: Arc<Boot>) {
    let claims = Claimed { control, meta };
    let mut due = core.clock().now() + SWEEP_DELAY;
    let mut done = 0;
    loop {
        core.clock().sleep(SCRUB_POLL_INTERVAL).await;
        let asked = boot.scrub.asked();
        if core.clock().now() < due && asked == done {
            continue;
        }
        let drives: Vec<_> = boot.table.ordinals().collect();
        for drive in drives.into_iter().filter(|drive| boot.table.in_service(*drive)) {
            match shards.sweep(drive, &claims).await {
                Ok(swept) if swept.orphans > 0 => {
                    tracing::info!(%drive, runs = swept.orphans, "orphans were freed");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%drive, %error, "a sweep was broken off"),
            }
        }
        done = asked;
        boot.scrub.swept(asked);
        due = core.clock().now() + SWEEP_INTERVAL;
    }
}

/// What the cores hold and where metadata says things are.
struct Claimed {
    control: Control,
    meta: Meta,
}

impl Claims for Claimed {
    fn held<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Vec<bool>> {
        Box::pin(self.control.held(data.to_vec()))
    }

    fn locations<'a>(
        &'a self,
        data: &'a [DataId],
    ) -> LocalBoxFuture<'a, Option<Vec<Option<Location>>>> {
        Box::pin(async move {
            let mut locations = Vec::with_capacity(data.len());
            for ids in data.chunks(DATA_IDS_PER_CALL_MAX) {
                let records = self.meta.records_of(ids).await.ok()?;
                locations.extend(records.iter().map(|record| record.as_ref().map(to_location)));
            }
            Some(locations)
        })
    }
}
