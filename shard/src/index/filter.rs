//! The Bloom filter of a table, over its data ids: which blocks and bits a data id has, and the
//! filter of a table that is being written.
//!
//! All bits of a data id are in one block, so that a look-up reads one (Putze et al., *Cache-,
//! Hash- and Space-Efficient Bloom Filters*, 2007).

use super::block::{FILTER_BITS, PAYLOAD_BYTES};
use hamster_core::ids::DataId;
use hamster_core::limits::{BLOCK_BYTES, TABLE_FILTER_BYTES_MAX};

/// With 6 hashes, 0.9 % of the data ids that are not there seem to be.
const BITS_PER_ENTRY: u64 = 10;
const HASHES: u64 = 6;

/// Where the bits of a data id are. Part of the format.
pub(super) struct Bits {
    pub block: u64,
    start: u64,
    step: u64,
}

impl Bits {
    pub fn of(data: DataId, blocks: u64) -> Self {
        let number = u128::from_le_bytes(data.bytes());
        let [low, high] = [number & u128::from(u64::MAX), number >> 64]
            .map(|half| u64::try_from(half).expect("64 bits"));
        let hash = mix(low ^ mix(high));
        let block = (u128::from(hash) * u128::from(blocks)) >> 64;
        let other = mix(hash);
        Self {
            block: u64::try_from(block).expect("below blocks"),
            start: other & 0xffff_ffff,
            step: (other >> 32) | 1,
        }
    }

    /// Positions in the block.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        (0..HASHES).map(|hash| {
            let spread = (self.start + hash * self.step) & 0xffff_ffff;
            usize::try_from((spread * FILTER_BITS) >> 32).expect("below FILTER_BITS")
        })
    }
}

/// The finaliser of MurmurHash3.
fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// The filter of a table that is being written: all of it in memory, which is why it has a bound.
#[derive(Default)]
pub(super) struct Filter {
    bits: Vec<u8>,
    blocks: u64,
}

/// Blocks of the filter of a table of so many entries. From 13 million entries up there are fewer
/// than ten bits for each: look-ups of what is not there find the filter less of a help.
pub(super) fn blocks_of(entries_max: u64) -> u64 {
    let blocks_max = TABLE_FILTER_BYTES_MAX.get() / BLOCK_BYTES.get();
    entries_max.saturating_mul(BITS_PER_ENTRY).div_ceil(FILTER_BITS).clamp(1, blocks_max)
}

impl Filter {
    pub fn new(entries_max: u64) -> Self {
        let blocks = blocks_of(entries_max);
        let bytes = usize::try_from(blocks).expect("at most TABLE_FILTER_BYTES_MAX");
        Self { bits: vec![0; bytes * PAYLOAD_BYTES], blocks }
    }

    pub fn insert(&mut self, data: DataId) {
        let bits = Bits::of(data, self.blocks);
        let block = usize::try_from(bits.block).expect("at most TABLE_FILTER_BYTES_MAX");
        for position in bits.positions() {
            self.bits[block * PAYLOAD_BYTES + position / 8] |= 1 << (position % 8);
        }
    }

    /// The payloads of its blocks.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.bits.chunks(PAYLOAD_BYTES)
    }
}
