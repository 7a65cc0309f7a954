//! Large bodies: stripes are filled, encoded and written as the bytes come.

use super::outcome::Outcome;
use super::stripe::{Stripe, pad_to_blocks};
use super::{Receipt, WriteError};
use crate::append::{Append, AppendError, Payload, Pending, Placed};
use crate::geometry::is_sound;
use crate::lane::{Placement, RunEntry};
use crate::location::Plan;
use crate::segment::Class;
use crate::segment::run::{RunContent, shard_checksum};
use crate::shards::Shards;
use hamster_core::checksum::{Crc64, Crc64State};
use hamster_core::ids::{DriveOrdinal, ShardIndex};
use hamster_core::limits::{BLOCK_BYTES, WRITER_STRIPES_IN_FLIGHT_MAX};
use hamster_core::sync::Permit;
use hamster_core::{Buffer, ByteCount};
use std::collections::VecDeque;

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
}

/// A stripe on its way to the drives.
struct InFlight {
    /// Holds the memory that the appends still hold.
    _permit: Permit,
    runs: Vec<RunInFlight>,
}

struct RunInFlight {
    shard: ShardIndex,
    drive: DriveOrdinal,
    shard_offset: u64,
    payload_bytes: u32,
    chunks: Vec<Crc64>,
    pending: Pending,
}

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
        Self {
            shards,
            outcome,
            checksums: indexes.map(|shard| shard_checksum(plan.data, shard)).collect(),
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
        self.outcome.conclude(self.plan, self.stored_bytes)
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
        let mut slices = data.into_iter().chain(parity);
        let mut runs = Vec::with_capacity(self.plan.targets.len());
        for shard in 0..self.plan.k + self.plan.m {
            let shard = ShardIndex::new(shard);
            let slice = slices.next();
            if !self.outcome.is_lost(shard) {
                runs.push(self.send_slice(shard, slice, length, last).await);
            }
        }
        self.stripes += 1;
        self.in_flight.push_back(InFlight { _permit: permit, runs });
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
    ) -> RunInFlight {
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
        let drive = self.plan.targets[index];
        let (shard_offset, payload_bytes) = (content.shard_offset, content.payload_bytes);
        let append = Append {
            content,
            chunks: chunks.clone(),
            payload: Payload::Aligned(slice),
            durable: last,
        };
        let appender = &self.shards.drive(drive).expect("its shard would be lost").bulk;
        let pending = appender.append(append).await;
        RunInFlight { shard, drive, shard_offset, payload_bytes, chunks, pending }
    }

    /// Waits for a stripe and enters its runs in the index.
    async fn settle(&mut self, stripe: InFlight) -> Result<(), WriteError> {
        let mut entries = Vec::with_capacity(stripe.runs.len());
        for run in stripe.runs {
            let RunInFlight { shard, drive, shard_offset, payload_bytes, chunks, pending } = run;
            let placed: Result<Placed, AppendError> = pending.wait().await;
            match placed {
                Ok(placed) => entries.push(RunEntry {
                    data: self.plan.data,
                    shard,
                    drive,
                    shard_offset,
                    placement: Placement {
                        segment: placed.segment,
                        class: Class::Bulk,
                        position: placed.position,
                        payload_bytes,
                        chunks: Some(chunks.into()),
                    },
                }),
                Err(error) => self.outcome.fail(shard, error),
            }
        }
        let inserted = self.shards.lanes().insert(self.plan.data, entries).await;
        inserted.map_err(|_| WriteError::ShuttingDown)?;
        self.outcome.check()
    }
}
