//! Which shards of a plan are durable, and whether that is enough.

use super::WriteError;
use crate::append::AppendError;
use crate::location::{Location, Piece, Plan, Receipt};
use hamster_core::checksum::Crc64;
use hamster_core::ids::ShardIndex;

pub(super) struct Outcome {
    shards: Vec<Shard>,
    needed: u8,
    /// A shard was lost to a full drive.
    full: bool,
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
        Self { shards, needed: plan.needed(), full: false }
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
        self.full |= error == AppendError::NoSpace;
        self.lose(shard);
    }

    pub fn is_lost(&self, shard: ShardIndex) -> bool {
        self.shards[usize::from(shard.get())] == Shard::Lost
    }

    /// Can there still be a receipt?
    pub fn check(&self) -> Result<(), WriteError> {
        let left = self.shards.iter().filter(|shard| **shard != Shard::Lost).count();
        let durable = u8::try_from(left).expect("a plan has few shards");
        match durable >= self.needed {
            true => Ok(()),
            false if self.full => Err(WriteError::NoSpace),
            false => Err(WriteError::TooFewDrives { durable, needed: self.needed }),
        }
    }

    /// The receipt, once no shard is under way any more.
    pub fn conclude(self, plan: Plan, stored_bytes: u64) -> Result<Receipt, WriteError> {
        self.check()?;
        let piece = |(drive, shard): (_, &Shard)| match shard {
            Shard::Durable(checksum) => Piece { drive, checksum: Some(*checksum) },
            Shard::Lost => Piece { drive, checksum: None },
            Shard::UnderWay => unreachable!("every shard was waited for"),
        };
        Ok(Receipt::new(Location {
            data: plan.data,
            k: plan.k,
            m: plan.m,
            slice_bytes: plan.slice_bytes,
            stored_bytes,
            pieces: plan.targets.into_iter().zip(&self.shards).map(piece).collect(),
        }))
    }
}
