//! How a node divides the memory it may use.

use crate::error::NodeError;
use hamster_core::ByteCount;
use hamster_core::limits;
use hamster_shard::ReadMemory;

/// Bounds per core; their sum is the bound of the process, which it says at boot.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Cores.
    pub cores: u16,
    /// Aligned buffers of one core.
    pub buffers: ByteCount,
    /// Read cache and reads under way of one core.
    pub reads: ReadMemory,
    /// Blocks of the drives' index that one core keeps.
    pub index: ByteCount,
    /// Receive buffers and request heads of one core.
    pub connections: ByteCount,
    /// The metadata of the node: databases, and what the cores remember of them.
    pub metadata: ByteCount,
}

/// Below this a core cannot hold one stripe of each of a few writers.
const CORE_BYTES_MIN: ByteCount = ByteCount::mib(192);

impl Memory {
    /// Divides `bound`, or takes the defaults where none is given.
    ///
    /// # Errors
    /// The bound is too small for this many cores.
    pub fn divide(cores: u16, bound: Option<ByteCount>) -> Result<Self, NodeError> {
        let receive = limits::RECEIVE_BUFFER_BYTES.get() * u64::from(limits::RECEIVE_BUFFERS);
        let heads = limits::HEAD_BYTES_MAX.get() * limits::REQUESTS_PER_CORE_MAX as u64;
        let forms = (limits::FORM_HEAD_BYTES_MAX * limits::FORM_HEADS_PER_CORE_MAX) as u64;
        let connections = ByteCount::new(receive + heads + forms);
        let (index, metadata) = (limits::INDEX_CACHE_BYTES, metadata_bytes(cores));
        let Some(bound) = bound else {
            return Ok(Self {
                cores,
                buffers: limits::BUFFER_POOL_BYTES_DEFAULT,
                reads: ReadMemory::default(),
                index,
                connections,
                metadata,
            });
        };
        let count = u64::from(cores);
        let per_core = bound.saturating_sub(metadata).get() / count;
        let rest = ByteCount::new(per_core).saturating_sub(connections + index);
        if rest < CORE_BYTES_MIN {
            let per_core = CORE_BYTES_MIN + connections + index;
            let least = metadata + ByteCount::new(per_core.get() * count);
            return Err(NodeError::TooLittleMemory { given: bound, cores, least });
        }
        let third = ByteCount::new(rest.get() / 3);
        let in_flight = ByteCount::new(third.get() / 2);
        let reads = ReadMemory { cache: third, in_flight, ..ReadMemory::default() };
        Ok(Self { cores, buffers: third, reads, index, connections, metadata })
    }

    /// The bound of the process.
    pub fn total(&self) -> ByteCount {
        let per_core = self.buffers + self.reads.total() + self.index + self.connections;
        self.metadata + ByteCount::new(per_core.get() * u64::from(self.cores))
    }
}

/// Caches and memory tables of the databases of as many mirrors as a node may have, and what the
/// cores remember of them.
fn metadata_bytes(cores: u16) -> ByteCount {
    let tables = limits::METADATA_STATE_BUFFER_BYTES.get()
        * u64::from(limits::METADATA_STATE_BUFFERS_MAX.unsigned_abs());
    let mirror =
        limits::METADATA_CACHE_BYTES.get() + tables + limits::METADATA_LOG_BUFFER_BYTES.get();
    let recall = limits::RECALL_ENTRY_BYTES_MAX.get() * limits::RECALL_OBJECTS_MAX as u64;
    ByteCount::new(mirror * limits::METADATA_MIRRORS_MAX as u64 + recall * u64::from(cores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_never_exceed_the_bound() {
        for cores in [1, 2, 7, 64] {
            let bound = ByteCount::gib(32);
            let memory = Memory::divide(cores, Some(bound)).expect("enough");
            assert!(memory.total() <= bound);
        }
    }

    #[test]
    fn a_bound_that_starves_a_core_is_refused_with_one_that_does_not() {
        let error = Memory::divide(4, Some(ByteCount::mib(300))).expect_err("too little");
        let line = error.to_string();
        assert!(line.starts_with("--memory 300MiB is too little for 4 core(s)"), "{line}");
        // What the line names does, and a MiB less does not.
        let named = line.rsplit(' ').next().and_then(|last| last.strip_suffix("MiB"));
        let least: u64 = named.and_then(|number| number.parse().ok()).expect("a number of MiB");
        assert!(Memory::divide(4, Some(ByteCount::mib(least))).is_ok());
        assert!(Memory::divide(4, Some(ByteCount::mib(least - 1))).is_err());
    }
}
