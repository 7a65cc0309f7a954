//! Restores a lost slice from k others.

use super::matrix::coefficients;
use bytes::Bytes;
use hamster_core::{Buffer, Map};
use reed_solomon_simd::engine::{DefaultEngine, Engine, GfElement, tables};
use std::cell::RefCell;
use std::rc::Rc;

/// Loss patterns whose coefficients are kept: all of any one profile up to 8+4 in common cases.
const PATTERNS_MAX: usize = 4096;
/// Units worked on at once: the scratch space stays in the first-level cache.
const UNITS: usize = 64;
const UNIT_BYTES: usize = 64;

/// A profile, who survives, and which one is wanted.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Pattern {
    k: u8,
    m: u8,
    survivors: Vec<u8>,
    lost: u8,
}

/// Restores slices on one core; keeps the coefficients of the loss patterns that it has met.
#[derive(Default)]
pub struct Restorer {
    known: RefCell<Map<Pattern, Rc<[GfElement]>>>,
    engine: DefaultEngine,
}

impl Restorer {
    /// Fills `output` with the bytes of shard `lost` from those of k other shards, all of the same
    /// range of the slice: `survivors` pairs shard indexes with bytes as long as `output`, whole
    /// units of 64 bytes (with k = 1, any length).
    pub fn restore(&self, k: u8, m: u8, lost: u8, survivors: &[(u8, Bytes)], output: &mut Buffer) {
        if let (1, [(_, copy)]) = (k, survivors) {
            output.copy_from_slice(copy);
            return;
        }
        let coefficients = self.coefficients(k, m, lost, survivors);
        let logs = &tables::get_exp_log().log;
        let (output, rest) = output.as_chunks_mut::<UNIT_BYTES>();
        assert!(rest.is_empty(), "slices are whole units");
        output.as_flattened_mut().fill(0);
        let mut scratch = [[0; UNIT_BYTES]; UNITS];
        for (&coefficient, (_, input)) in coefficients.iter().zip(survivors) {
            if coefficient == 0 {
                continue;
            }
            let (input, _) = input.as_chunks::<UNIT_BYTES>();
            for (sum, input) in output.chunks_mut(UNITS).zip(input.chunks(UNITS)) {
                let scratch = &mut scratch[..input.len()];
                scratch.copy_from_slice(input);
                self.engine.mul(scratch, logs[usize::from(coefficient)]);
                for (sum, product) in sum.iter_mut().zip(scratch) {
                    sum.iter_mut().zip(product).for_each(|(sum, product)| *sum ^= *product);
                }
            }
        }
    }

    fn coefficients(&self, k: u8, m: u8, lost: u8, survivors: &[(u8, Bytes)]) -> Rc<[GfElement]> {
        let survivors: Vec<u8> = survivors.iter().map(|(shard, _)| *shard).collect();
        let pattern = Pattern { k, m, survivors, lost };
        let mut known = self.known.borrow_mut();
        if let Some(coefficients) = known.get(&pattern) {
            return Rc::clone(coefficients);
        }
        if known.len() >= PATTERNS_MAX {
            known.clear();
        }
        let (data, parity) = (usize::from(k), usize::from(m));
        let derived: Rc<[_]> = coefficients(data, parity, &pattern.survivors, lost).into();
        known.insert(pattern, Rc::clone(&derived));
        derived
    }
}

#[cfg(test)]
mod tests {
    use super::super::Encoder;
    use super::*;
    use hamster_core::{BufferPool, ByteCount, Entropy};

    /// Every choice of k survivors among k+m shards restores every other shard.
    fn check_all_patterns(k: u8, m: u8, length: usize) {
        let pool = BufferPool::new(ByteCount::mib(16));
        let entropy = Entropy::seeded(u64::from(k) << 8 | u64::from(m));
        let slice = || pool.try_take(ByteCount::of(length)).expect("within budget");
        let mut data: Vec<Buffer> = (0..k).map(|_| slice()).collect();
        data.iter_mut().for_each(|slice| entropy.fill(slice));
        let mut parity: Vec<Buffer> = (0..m).map(|_| slice()).collect();
        Encoder::default().encode(&data, &mut parity, length);
        let shards: Vec<Bytes> = data.into_iter().chain(parity).map(Buffer::freeze).collect();
        let restorer = Restorer::default();
        let (k_wide, count) = (u32::from(k), k + m);
        for mask in (0u32..1 << count).filter(|mask| mask.count_ones() == k_wide) {
            let chosen = |shard: &u8| mask & (1 << shard) != 0;
            let survivors: Vec<(u8, Bytes)> = (0..count)
                .filter(chosen)
                .map(|shard| (shard, shards[usize::from(shard)].clone()))
                .collect();
            for lost in (0..count).filter(|shard| !chosen(shard)) {
                let mut output = slice();
                restorer.restore(k, m, lost, &survivors, &mut output);
                assert!(output[..] == shards[usize::from(lost)][..], "{k}+{m}: {lost} of {mask:b}");
            }
        }
    }

    #[test]
    fn all_loss_patterns_of_all_rungs() {
        for (k, m) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (4, 2), (8, 4)] {
            check_all_patterns(k, m, 8192 + 64);
        }
    }

    #[test]
    fn one_unit_is_enough() {
        check_all_patterns(4, 2, 64);
    }
}
