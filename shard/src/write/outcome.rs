//! Which shards of a plan are durable, and whether that is enough.

use super::WriteError;
use crate::append::AppendError;
use crate::lease::Lease;
use crate::location::{Location, Piece, Plan, Receipt};
use hamster_core::checksum::Crc64;
use hamster_core::ids::ShardIndex;
use hamster_core::plant::{Plant, planted};

pub(super) struct Outcome {
    shards: Vec<Shard>,
    needed: u8,
    /// Why the last shard was lost, where its drive did not just fail.
    reason: Option<WriteError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shard {
    UnderWay,
    Durable(Crc64),
    Lost,
}

impl Outcome {
    pub fn new(plan: &Plan) -> Self {
        let shards = vec![Shard::UnderWay; plan.targets.len()];
        Self { shards, needed: plan.needed(), reason: None }
    }

    fn set(&mut self, shard: ShardIndex, state: Shard) {
        self.shards[usize::from(shard.get())] = state;
    }

    pub fn complete(&mut self, shard: ShardIndex, checksum: Crc64) {
        self.set(shard, Shard::Durable(checksum));
    }

    /// The shard's target is not there.
    pub fn lose(&mut self, shard: ShardIndex) {
        self.set(shard, Shard::Lost);
    }

    pub fn fail(&mut self, shard: ShardIndex, error: AppendError) {
        match error {
            AppendError::Failed => {}
            AppendError::NoSpace => self.reason = Some(WriteError::NoSpace),
            AppendError::Closed => self.reason = Some(WriteError::ShuttingDown),
        }
        self.lose(shard);
    }

    pub fn is_lost(&self, shard: ShardIndex) -> bool {
        self.shards[usize::from(shard.get())] == Shard::Lost
    }

    /// For plants: takes a copy for durable without waiting for it.
    pub fn believes(&self, k: u8) -> bool {
        let durable = || self.shards.iter().filter(|shard| matches!(shard, Shard::Durable(_)));
        planted(Plant::ProposesBeforeReceipt)
            || planted(Plant::AcknowledgesAtK) && durable().count() >= usize::from(k)
    }

    /// Can there still be a receipt?
    pub fn check(&self) -> Result<(), WriteError> {
        let left = self.shards.iter().filter(|shard| **shard != Shard::Lost).count();
        let durable = u8::try_from(left).expect("a plan has few shards");
        if durable >= self.needed {
            return Ok(());
        }
        let too_few = WriteError::TooFewDrives { durable, needed: self.needed };
        Err(self.reason.clone().unwrap_or(too_few))
    }

    /// The receipt, once no shard is under way any more.
    pub fn conclude(
        self,
        plan: Plan,
        stored_bytes: u64,
        lease: Lease,
    ) -> Result<Receipt, WriteError> {
        self.check()?;
        let piece = |(drive, shard): (_, &Shard)| match shard {
            Shard::Durable(checksum) => Piece { drive, checksum: Some(*checksum) },
            Shard::Lost => Piece { drive, checksum: None },
            Shard::UnderWay => unreachable!("every shard was waited for"),
        };
        let location = Location {
            data: plan.data,
            k: plan.k,
            m: plan.m,
            slice_bytes: plan.slice_bytes,
            stored_bytes,
            pieces: plan.targets.into_iter().zip(&self.shards).map(piece).collect(),
        };
        Ok(Receipt::new(location, lease))
    }
}
