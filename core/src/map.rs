//! Hash tables with a fixed hash: the same keys give the same order in every run, as the simulator
//! needs. Not for keys that a client chooses freely (use `BTreeMap` there: no collisions to craft).

use std::hash::{BuildHasherDefault, Hasher};

/// A hash map with a fixed hash.
#[expect(clippy::disallowed_types, reason = "the one place that names it, with a fixed hasher")]
pub type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FixedHasher>>;

/// A hash set with a fixed hash.
#[expect(clippy::disallowed_types, reason = "the one place that names it, with a fixed hasher")]
pub type Set<K> = std::collections::HashSet<K, BuildHasherDefault<FixedHasher>>;

/// Multiply-and-rotate over 8-byte words: fast for ids, and the same in every run.
#[derive(Default, Clone, Copy)]
pub struct FixedHasher(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl FixedHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(last) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.add(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.add(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // Why: hashbrown takes its tag from the top bits and the bucket from the bottom ones; one
        // more fold spreads the product over both.
        self.0 ^ (self.0 >> 32)
    }
}
