//! Which core owns which partition. Computed at start, never written to disk.

use hamster_core::Entropy;
use hamster_core::ids::{CoreIndex, DriveOrdinal, Partition, SegmentNumber};
use hamster_core::limits::{LANES_PER_NODE, PARTITIONS};

/// From this many cores up, core 0 has the metadata to itself.
const CORES_WITH_METADATA_CORE: u16 = 4;

pub(crate) struct Ownership {
    own: CoreIndex,
    cores: u16,
}

impl Ownership {
    pub fn new(own: CoreIndex, cores: u16) -> Self {
        Self { own, cores }
    }

    pub fn own(&self) -> CoreIndex {
        self.own
    }

    pub fn core_count(&self) -> u16 {
        self.cores
    }

    pub fn cores(&self) -> impl Iterator<Item = CoreIndex> {
        (0..self.cores).map(CoreIndex::new)
    }

    /// The core that keeps the index of a drive.
    pub fn keeper(&self, drive: DriveOrdinal) -> CoreIndex {
        let number = u16::try_from(drive.get() % u32::from(u16::MAX)).expect("below u16::MAX");
        CoreIndex::new(match self.cores {
            cores if cores >= CORES_WITH_METADATA_CORE => 1 + number % (cores - 1),
            cores => number % cores,
        })
    }

    /// The core that owns a partition's lane.
    pub fn owner(&self, partition: Partition) -> CoreIndex {
        let lane = partition.get() % LANES_PER_NODE;
        CoreIndex::new(match self.cores {
            cores if cores >= CORES_WITH_METADATA_CORE => 1 + lane % (cores - 1),
            cores => lane % cores,
        })
    }

    /// The core that writes a segment: numbers are given in steps, and unfinished segments taken up
    /// alike.
    pub fn writer(&self, segment: SegmentNumber) -> CoreIndex {
        let core = segment.get() % u64::from(self.cores);
        CoreIndex::new(u16::try_from(core).expect("below the count of cores"))
    }

    /// A random partition of this core's; of anyone's, if it owns none.
    pub fn owned_partition(&self, entropy: &Entropy) -> Partition {
        let start = entropy.below(u64::from(PARTITIONS));
        let start = u16::try_from(start).expect("below PARTITIONS");
        (0..PARTITIONS)
            .map(|step| Partition::new((start + step) % PARTITIONS))
            .find(|partition| self.owner(*partition) == self.own)
            .unwrap_or(Partition::new(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_one_owner_and_core_zero_none_from_four_cores_up() {
        for cores in [1, 2, 3, 4, 5, 64] {
            let owned: Vec<u16> = (0..cores)
                .map(|core| {
                    let ownership = Ownership::new(CoreIndex::new(core), cores);
                    let mine = |partition: &u16| {
                        ownership.owner(Partition::new(*partition)) == CoreIndex::new(core)
                    };
                    u16::try_from((0..PARTITIONS).filter(mine).count()).expect("at most PARTITIONS")
                })
                .collect();
            assert_eq!(owned.iter().sum::<u16>(), PARTITIONS);
            assert_eq!(owned[0] == 0, cores >= 4, "{cores} cores: {owned:?}");
        }
    }

    #[test]
    fn a_random_own_partition_is_owned() {
        let entropy = Entropy::seeded(1);
        let ownership = Ownership::new(CoreIndex::new(1), 2);
        for _ in 0..100 {
            let partition = ownership.owned_partition(&entropy);
            assert_eq!(ownership.owner(partition), CoreIndex::new(1));
        }
    }
}
