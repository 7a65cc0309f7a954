//! Large bodies: stripes are filled, encoded and written as the bytes come.

use super::outcome::Outcome;
use super::stripe::{Stripe, pad_to_blocks};
use super::{Receipt, WriteError};
use crate::append::{Append, Payload, Pending};
use crate::geometry::is_sound;
use crate::lease::Lease;
use crate::location::Plan;
use crate::segment::run::{RunContent, shard_checksum};
use crate::shards::Shards;
use hamster_core::checksum::Crc64State;
use hamster_core::ids::ShardIndex;
use hamster_core::limits::{BLOCK_BYTES, WRITER_STRIPES_IN_FLIGHT_MAX};
use hamster_core::sync::Permit;
use hamster_core::{Buffer, ByteCount};
use std::collections::VecDeque;
use std::rc::Rc;

/// A large body under way. Dropped before [`Writer::finish`], it is abandoned: what was written is
/// an orphan, reclaimed later.
pub struct Writer {
    shards: Shards,
    plan: Plan,
    outcome: Outcome,
    checksums: Vec<Crc64State>,
    filling: Option<Stripe>,
    in_flight: VecDeque<InFlight>,
    stripes: u32,
    stored_bytes: u64,
    lease: Lease,
}

/// A stripe on its way to the drives: what comes of each of its runs.
type InFlight = Vec<(ShardIndex, Pending)>;

impl Writer {
    pub(crate) fn new(shards: Shards, plan: Plan) -> Self {
        assert!(is_sound(plan.k, plan.m, plan.slice_bytes), "a sound profile");
        let count = usize::from(plan.k) + usize::from(plan.m);
        assert_eq!(plan.targets.len(), count, "a target for each shard");
        let indexes = (0..).map(ShardIndex::new).take(count);
        let mut outcome = Outcome::new(&plan);
        for (shard, target) in indexes.clone().zip(&plan.targets) {
            if shards.drive(*target).is_none() {
                outcome.lose(shard);
            }
        }
        let lease = shards.pin().lease(vec![plan.data]);
        Self {
            shards,
            outcome,
            checksums: indexes.map(|shard| shard_checksum(plan.data, shard)).collect(),
            lease,
            plan,
            filling: None,
            in_flight: VecDeque::new(),
            stripes: 0,
            stored_bytes: 0,
        }
    }

    /// Takes the next bytes of the body (copied out before it returns). Waits while two stripes are
    /// on their way to the drives.
    ///
    /// # Errors
    /// See [`WriteError`]; the body is lost.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            // Only now: the last stripe is to be known as such.
            if self.filling.as_ref().is_some_and(Stripe::is_full) {
                self.send_stripe(false).await?;
            }
            if self.filling.is_none() {
                let permit = self.shards.stripe_to_write(&self.plan).await;
                self.filling = Some(Stripe::new(permit, self.plan.k, self.plan.slice_bytes));
            }
            let Some(stripe) = &mut self.filling else { unreachable!("filled above") };
            let taken = stripe.fill(bytes, self.shards.core().buffers()).await;
            bytes = &bytes[taken..];
            self.stored_bytes += taken as u64;
        }
        Ok(())
    }

    /// Ends the body and returns when its shards are durable.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn finish(mut self) -> Result<Receipt, WriteError> {
        if self.filling.is_none() {
            // An empty body is one empty run per shard.
            let permit = self.shards.stripe_to_write(&self.plan).await;
            self.filling = Some(Stripe::new(permit, self.plan.k, self.plan.slice_bytes));
        }
        self.send_stripe(true).await?;
        while let Some(stripe) = self.in_flight.pop_front() {
            self.settle(stripe).await?;
        }
        for (shard, checksum) in (0..).map(ShardIndex::new).zip(&self.checksums) {
            if !self.outcome.is_lost(shard) {
                self.outcome.complete(shard, checksum.finish());
            }
        }
        self.outcome.conclude(self.plan, self.stored_bytes, self.lease)
    }

    /// Encodes the stripe and hands its slices to the drives. The runs of the last one are durable
    /// when they are acknowledged, and all runs of their shards with them.
    async fn send_stripe(&mut self, last: bool) -> Result<(), WriteError> {
        self.outcome.check()?;
        let Some(mut stripe) = self.filling.take() else { return Ok(()) };
        if self.in_flight.len() >= WRITER_STRIPES_IN_FLIGHT_MAX
            && let Some(oldest) = self.in_flight.pop_front()
        {
            self.settle(oldest).await?;
        }
        let core = self.shards.core().clone();
        let length = match stripe.length {
            0 => 0,
            _ => stripe.lay_out(core.buffers()).await,
        };
        let parity = self.encode(&stripe, length).await;
        // Encoding and checksums take about 100 µs each for 1 MiB.
        core.tasks().yield_now().await;
        let Stripe { permit, data, .. } = stripe;
        let permit = Rc::new(permit);
        let mut slices = data.into_iter().chain(parity);
        let mut runs = Vec::with_capacity(self.plan.targets.len());
        for shard in 0..self.plan.k + self.plan.m {
            let shard = ShardIndex::new(shard);
            let slice = slices.next();
            if !self.outcome.is_lost(shard) {
                let pending = self.send_slice(shard, slice, length, last, &permit).await;
                runs.push((shard, pending));
            }
        }
        self.stripes += 1;
        self.in_flight.push_back(runs);
        Ok(())
    }

    async fn encode(&self, stripe: &Stripe, length: usize) -> Vec<Buffer> {
        let mut parity = Vec::with_capacity(usize::from(self.plan.m));
        if length > 0 {
            for _ in 0..self.plan.m {
                // Whole blocks: the padding is written too.
                let length = ByteCount::of(length).align_up(BLOCK_BYTES);
                parity.push(self.shards.core().buffers().take(length).await);
            }
            self.shards.encoder().encode(&stripe.data, &mut parity, length);
        }
        parity
    }

    async fn send_slice(
        &mut self,
        shard: ShardIndex,
        mut slice: Option<Buffer>,
        length: usize,
        last: bool,
        permit: &Rc<Permit>,
    ) -> Pending {
        let index = usize::from(shard.get());
        let content = RunContent {
            data: self.plan.data,
            shard,
            run: self.stripes,
            k: self.plan.k,
            m: self.plan.m,
            slice_bytes: self.plan.slice_bytes,
            shard_offset: u64::from(self.stripes) * u64::from(self.plan.slice_bytes),
            payload_bytes: u32::try_from(length).expect("at most a slice"),
            last,
        };
        let mut chunks = Vec::new();
        if let Some(slice) = &mut slice {
            pad_to_blocks(slice, length);
            let bytes = &slice[..length];
            chunks = content.checksum_chunks(bytes);
            self.checksums[index].update(bytes);
        }
        let payload = Payload::Aligned(slice);
        let permit = Some(Rc::clone(permit));
        let (durable, writer_epoch) = (last, None);
        let append = Append { content, chunks, payload, durable, permit, writer_epoch };
        let drive = self.shards.drive(self.plan.targets[index]);
        drive.expect("its shard would be lost").bulk.append(append).await
    }

    /// Waits for a stripe.
    async fn settle(&mut self, stripe: InFlight) -> Result<(), WriteError> {
        for (shard, pending) in stripe {
            if let Err(error) = pending.wait().await {
                self.outcome.fail(shard, error);
            }
        }
        self.outcome.check()
    }
}
