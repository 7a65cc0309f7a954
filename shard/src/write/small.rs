//! Small bodies: 1+m full copies, one packed run each.

use super::outcome::Outcome;
use super::{Receipt, WriteError};
use crate::append::{Append, Payload};
use crate::geometry::is_sound;
use crate::location::Plan;
use crate::segment::run::{RunContent, shard_checksum};
use crate::shards::Shards;
use bytes::Bytes;
use hamster_core::ByteCount;
use hamster_core::ids::ShardIndex;
use hamster_core::limits::SMALL_BODY_BYTES_MAX;

pub(crate) async fn small(shards: &Shards, plan: Plan, body: Bytes) -> Result<Receipt, WriteError> {
    assert!(plan.k == 1 && is_sound(1, plan.m, plan.slice_bytes), "a plan of full copies");
    assert_eq!(plan.targets.len(), 1 + usize::from(plan.m), "a target for each copy");
    assert!(ByteCount::of(body.len()) <= SMALL_BODY_BYTES_MAX, "a small body");
    let lease = shards.pin().lease(vec![plan.data]);
    let mut outcome = Outcome::new(&plan);
    let mut pending = Vec::with_capacity(plan.targets.len());
    for (shard, target) in (0..).map(ShardIndex::new).zip(&plan.targets) {
        let Some(drive) = shards.drive(*target) else {
            outcome.lose(shard);
            continue;
        };
        let content = content(&plan, shard, &body);
        let chunks = content.checksum_chunks(&body);
        let mut whole = shard_checksum(plan.data, shard);
        whole.update(&body);
        let payload = Payload::Packed(body.clone());
        let append =
            Append { content, chunks, payload, durable: true, permit: None, writer_epoch: None };
        pending.push((shard, whole.finish(), drive.small.append(append).await));
    }
    for (shard, checksum, pending) in pending {
        if outcome.believes(plan.k) {
            outcome.complete(shard, checksum);
            continue;
        }
        match pending.wait().await {
            Ok(()) => outcome.complete(shard, checksum),
            Err(error) => outcome.fail(shard, error),
        }
    }
    outcome.conclude(plan, body.len() as u64, lease)
}

fn content(plan: &Plan, shard: ShardIndex, body: &Bytes) -> RunContent {
    RunContent {
        data: plan.data,
        shard,
        run: 0,
        k: plan.k,
        m: plan.m,
        slice_bytes: plan.slice_bytes,
        shard_offset: 0,
        payload_bytes: u32::try_from(body.len()).expect("a small body"),
        last: true,
    }
}
