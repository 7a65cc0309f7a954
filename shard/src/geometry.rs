//! How a body is cut: stripes of k slices, slices of a shard one after the other.
//!
//! Every stripe but the last holds k slices of `slice_bytes`. The last holds the `rest` bytes in k
//! slices of `ceil(rest / k)`, rounded up to 64 bytes (the unit of the code) and zero-padded; with
//! k = 1 the slice is the rest itself. All shards of a body have the same length.

use crate::location::Location;
use crate::segment::run::chunk_bytes;
use hamster_core::limits::{DATA_SLICES_MAX, PARITY_SLICES_MAX, SLICE_BYTES_MAX, SLICE_BYTES_MIN};
use std::ops::Range;

/// The unit of the Reed–Solomon code.
pub(crate) const CODE_BYTES: u64 = 64;

/// Length of the slices of a last stripe with `rest` bytes of body.
pub(crate) fn last_slice_bytes(k: u8, rest: u64) -> u64 {
    match k {
        1 => rest,
        _ => rest.div_ceil(u64::from(k)).next_multiple_of(CODE_BYTES),
    }
}

/// Are these the numbers of a profile that this version writes and reads?
pub(crate) fn is_sound(k: u8, m: u8, slice_bytes: u32) -> bool {
    let slice_range = SLICE_BYTES_MIN.get()..=SLICE_BYTES_MAX.get();
    (1..=DATA_SLICES_MAX).contains(&k)
        && m <= PARITY_SLICES_MAX
        && slice_bytes.is_power_of_two()
        && slice_range.contains(&u64::from(slice_bytes))
}

/// The cut of one stored body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    pub k: u8,
    pub m: u8,
    pub slice_bytes: u32,
    pub stored_bytes: u64,
}

/// A contiguous part of one data slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SlicePart {
    pub stripe: u64,
    /// Which of the k data slices; the index of its shard as well.
    pub index: u8,
    /// Of the slice.
    pub range: Range<u64>,
}

impl Geometry {
    pub fn of(location: &Location) -> Self {
        Self {
            k: location.k,
            m: location.m,
            slice_bytes: location.slice_bytes,
            stored_bytes: location.stored_bytes,
        }
    }

    fn slice(&self) -> u64 {
        u64::from(self.slice_bytes)
    }

    pub fn stripe_bytes(&self) -> u64 {
        u64::from(self.k) * self.slice()
    }

    /// Length of the slices of `stripe`.
    pub fn slice_bytes_of(&self, stripe: u64) -> u64 {
        let rest = self.stored_bytes.saturating_sub(stripe * self.stripe_bytes());
        if rest >= self.stripe_bytes() { self.slice() } else { last_slice_bytes(self.k, rest) }
    }

    /// How many there are.
    pub fn stripes(&self) -> u64 {
        self.stored_bytes.div_ceil(self.stripe_bytes())
    }

    /// Length of each shard.
    pub fn shard_bytes(&self) -> u64 {
        match self.stripes().checked_sub(1) {
            Some(last) => last * self.slice() + self.slice_bytes_of(last),
            None => 0,
        }
    }

    /// Where the slices of `stripe` start in their shards.
    pub fn shard_offset(&self, stripe: u64) -> u64 {
        stripe * self.slice()
    }

    pub fn chunk_bytes(&self) -> u64 {
        chunk_bytes(self.slice_bytes)
    }

    /// The parts of data slices that `range` covers within one stripe (the one of its start), in
    /// order. `range` is not empty and ends within the body.
    pub fn parts(&self, range: Range<u64>) -> Vec<SlicePart> {
        let stripe = range.start / self.stripe_bytes();
        let start = stripe * self.stripe_bytes();
        let end = range.end.min(start + self.stripe_bytes());
        let slice = self.slice_bytes_of(stripe);
        let mut parts = Vec::with_capacity(usize::from(self.k));
        let mut at = range.start - start;
        while at < end - start {
            let index = at / slice;
            let upto = ((index + 1) * slice).min(end - start);
            parts.push(SlicePart {
                stripe,
                index: u8::try_from(index).expect("below k"),
                range: at - index * slice..upto - index * slice,
            });
            at = upto;
        }
        parts
    }

    /// `range` of a slice widened to whole chunks.
    pub fn whole_chunks(&self, stripe: u64, range: &Range<u64>) -> Range<u64> {
        let chunk = self.chunk_bytes();
        let end = range.end.next_multiple_of(chunk).min(self.slice_bytes_of(stripe));
        range.start / chunk * chunk..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn four_two(stored_bytes: u64) -> Geometry {
        Geometry { k: 4, m: 2, slice_bytes: 262_144, stored_bytes }
    }

    #[test]
    fn the_last_stripe_shrinks_to_what_is_left() {
        let geometry = four_two(MIB + 1000);
        assert_eq!(geometry.slice_bytes_of(0), 262_144);
        assert_eq!(geometry.slice_bytes_of(1), 256);
        assert_eq!(four_two(MIB).slice_bytes_of(0), 262_144);
        assert_eq!(last_slice_bytes(1, 1001), 1001);
        let lengths = [0, 1, MIB, MIB + 1000].map(|stored| four_two(stored).shard_bytes());
        assert_eq!(lengths, [0, 64, 262_144, 262_400]);
    }

    #[test]
    fn a_range_covers_the_slices_it_touches_and_no_more() {
        let parts = four_two(3 * MIB).parts(MIB + 262_140..3 * MIB);
        let ranges: Vec<_> = parts.iter().map(|part| (part.index, part.range.clone())).collect();
        assert_eq!(
            ranges,
            [(0, 262_140..262_144), (1, 0..262_144), (2, 0..262_144), (3, 0..262_144)]
        );
        assert!(parts.iter().all(|part| part.stripe == 1));
    }

    #[test]
    fn chunks_end_with_the_slice() {
        let geometry = four_two(MIB + 300_000);
        assert_eq!(geometry.slice_bytes_of(1), 75_008);
        assert_eq!(geometry.whole_chunks(1, &(65_530..65_540)), 0..75_008);
        assert_eq!(geometry.whole_chunks(0, &(65_536..65_537)), 65_536..131_072);
    }
}
