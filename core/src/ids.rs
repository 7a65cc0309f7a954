//! Names of things, each its own type. `deploy/docs/GLOSSARY.md` says what each thing is.

use crate::entropy::Entropy;
use crate::limits;
use std::fmt;

/// Makes a number newtype: `get`, `new`, ordering, hashing, and a display with a prefix.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($inner);

        impl $name {
            /// The id with this number.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The number, for encoding.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number_id!(
    /// One pinned CPU core of this process, counted from 0. Core 0 owns the metadata.
    CoreIndex(u16), "core "
);
number_id!(
    /// A fixed hash bucket, below [`limits::PARTITIONS`]. The count never changes.
    Partition(u16), "partition "
);
number_id!(
    /// A drive's number in the layout. Given once, never reused.
    DriveOrdinal(u32), "drive "
);
number_id!(
    /// Which of the k+m pieces of a version.
    ShardIndex(u8), "shard "
);
number_id!(
    /// A node of the cluster; its Raft id as well.
    NodeId(u64), "node "
);
number_id!(
    /// A bucket's number. Given once, never reused: a bucket made anew under an old name is another.
    BucketId(u64), "bucket "
);
number_id!(
    /// Counts the starts of this node's process, in the order of their commits.
    BootNumber(u64), "boot "
);
number_id!(
    /// A drive's segment, in the order of creation.
    SegmentNumber(u64), "segment "
);

/// Names stored bytes. Made by the coordinator before the write; the partition is its first 12 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataId([u8; 16]);

impl DataId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for encoding.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A new id in `partition`; the rest is random.
    pub fn random_in(partition: Partition, entropy: &Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let [high, low] = (partition.get() << 4).to_be_bytes();
        bytes[0] = high;
        bytes[1] = low | (bytes[1] & 0x0f);
        Self(bytes)
    }

    /// The greatest id in `partition`.
    pub fn last_of(partition: Partition) -> Self {
        let mut bytes = [0xff; 16];
        let [high, low] = (partition.get() << 4).to_be_bytes();
        (bytes[0], bytes[1]) = (high, low | 0x0f);
        Self(bytes)
    }

    /// The partition that these bytes live in.
    pub const fn partition(self) -> Partition {
        const { assert!(limits::PARTITIONS == 1 << 12) };
        Partition(u16::from_be_bytes([self.0[0], self.0[1]]) >> 4)
    }
}

impl fmt::Display for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data {self}")
    }
}

/// A drive's own identity, minted when it is formatted. Says which drive, whatever its mount point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriveUuid([u8; 16]);

/// A cluster's identity, minted at `init`. Drives of another cluster are foreign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterUuid([u8; 16]);

/// Makes the 16-byte identities alike: bytes in, bytes out, random, hexadecimal display.
macro_rules! uuid_id {
    ($name:ident) => {
        impl $name {
            /// The identity with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes, for encoding.
            pub const fn bytes(self) -> [u8; 16] {
                self.0
            }

            /// A new identity.
            pub fn random(entropy: &Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}
uuid_id!(DriveUuid);
uuid_id!(ClusterUuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_id_stays_in_the_partition_it_was_made_for() {
        let entropy = Entropy::seeded(7);
        for number in [0, 1, 2047, 4095] {
            let id = DataId::random_in(Partition::new(number), &entropy);
            assert_eq!(id.partition(), Partition::new(number));
        }
    }
}
