//! The cluster's counters.

use super::{FORMAT, Malformed, Record, check_format};

/// Zero before the first bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    /// The number given to a bucket last. Never goes back.
    pub last_bucket: u64,
    /// Buckets that exist.
    pub buckets: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct CountersWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    last_bucket: u64,
    #[prost(uint64, tag = "3")]
    buckets: u64,
}

impl Record for Counters {
    type Wire = CountersWire;
    const NAME: &'static str = "counters";

    fn to_wire(&self) -> CountersWire {
        CountersWire { format: FORMAT, last_bucket: self.last_bucket, buckets: self.buckets }
    }

    fn from_wire(wire: CountersWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { last_bucket: wire.last_bucket, buckets: wire.buckets })
    }
}
