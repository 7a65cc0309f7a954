//! The cluster's counters.

use super::{FORMAT, Malformed, Record, check_format};

/// Zero before the first bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    /// The number given to a bucket last. Never goes back.
    pub last_bucket: u64,
    /// Buckets that exist.
    pub buckets: u64,
    /// Completed uploads whose versions have gone, ever.
    pub outlived: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct CountersWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    last_bucket: u64,
    #[prost(uint64, tag = "3")]
    buckets: u64,
    #[prost(uint64, tag = "4")]
    outlived: u64,
}

impl Record for Counters {
    type Wire = CountersWire;
    const NAME: &'static str = "counters";

    fn to_wire(&self) -> CountersWire {
        let Self { last_bucket, buckets, outlived } = *self;
        CountersWire { format: FORMAT, last_bucket, buckets, outlived }
    }

    fn from_wire(wire: CountersWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let CountersWire { last_bucket, buckets, outlived, .. } = wire;
        Ok(Self { last_bucket, buckets, outlived })
    }
}
