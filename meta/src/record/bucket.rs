//! A bucket.

use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::ids::BucketId;

/// Whether a bucket keeps former versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Versioning {
    /// Never switched on: each write replaces the null version.
    #[default]
    Unversioned,
    /// Each write makes a version of its own.
    Enabled,
    /// Switched off again: writes replace the null version, the others stay.
    Suspended,
}

/// A bucket. Its number is never reused, so that keys of a deleted bucket can never show up in one
/// made anew under its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// Its number.
    pub id: BucketId,
    /// Its name, as in URLs.
    pub name: String,
    /// The canonical id of the user who made it.
    pub owner: String,
    /// When it was made.
    pub created: WallTime,
    /// Whether it keeps former versions.
    pub versioning: Versioning,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BucketWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    id: u64,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    owner: String,
    #[prost(uint64, tag = "5")]
    created: u64,
    #[prost(uint32, tag = "6")]
    versioning: u32,
}

impl Record for Bucket {
    type Wire = BucketWire;
    const NAME: &'static str = "bucket";

    fn to_wire(&self) -> BucketWire {
        BucketWire {
            format: FORMAT,
            id: self.id.get(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            created: self.created.nanos(),
            versioning: match self.versioning {
                Versioning::Unversioned => 0,
                Versioning::Enabled => 1,
                Versioning::Suspended => 2,
            },
        }
    }

    fn from_wire(wire: BucketWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self {
            id: BucketId::new(wire.id),
            name: wire.name,
            owner: wire.owner,
            created: WallTime::from_nanos(wire.created),
            versioning: match wire.versioning {
                0 => Versioning::Unversioned,
                1 => Versioning::Enabled,
                2 => Versioning::Suspended,
                _ => return Err(Malformed::Not(Self::NAME)),
            },
        })
    }
}
