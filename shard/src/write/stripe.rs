//! A stripe in memory: filled with body bytes, then laid out in its slices.

use crate::geometry::last_slice_bytes;
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::sync::Permit;
use hamster_core::{Buffer, BufferPool, ByteCount};

/// The body bytes of a stripe, one after the other through its data slices.
pub(super) struct Stripe {
    /// For all its slices, parity too.
    pub permit: Permit,
    pub data: Vec<Buffer>,
    pub length: usize,
    k: u8,
    slice_bytes: usize,
}

impl Stripe {
    pub fn new(permit: Permit, k: u8, slice_bytes: u32) -> Self {
        let slice_bytes = usize::try_from(slice_bytes).expect("at most SLICE_BYTES_MAX");
        let data = Vec::with_capacity(usize::from(k));
        Self { permit, data, length: 0, k, slice_bytes }
    }

    pub fn is_full(&self) -> bool {
        self.length == usize::from(self.k) * self.slice_bytes
    }

    /// Copies bytes to where the last ones ended, up to the end of a slice. Returns how many.
    pub async fn fill(&mut self, bytes: &[u8], pool: &BufferPool) -> usize {
        let (slice, at) = (self.length / self.slice_bytes, self.length % self.slice_bytes);
        if slice == self.data.len() {
            self.data.push(pool.take(ByteCount::of(self.slice_bytes)).await);
        }
        let length = bytes.len().min(self.slice_bytes - at);
        self.data[slice][at..at + length].copy_from_slice(&bytes[..length]);
        self.length += length;
        length
    }

    /// Brings the bytes into slices of the length that the stripe's own asks for, zero-padded.
    /// Returns that length.
    pub async fn lay_out(&mut self, pool: &BufferPool) -> usize {
        if self.is_full() {
            return self.slice_bytes;
        }
        let slice = last_slice_bytes(self.k, self.length as u64);
        let slice = usize::try_from(slice).expect("at most a slice");
        while self.data.len() < usize::from(self.k) {
            self.data.push(pool.take(ByteCount::of(self.slice_bytes)).await);
        }
        // From the end: every byte moves up or stays, so that none is overwritten before it moved.
        for index in (0..self.data.len()).rev() {
            let start = (index * slice).min(self.length);
            let mut end = ((index + 1) * slice).min(self.length);
            self.data[index][end - start..slice].fill(0);
            while end > start && index > 0 {
                let from = (end - 1) / self.slice_bytes;
                let source_start = start.max(from * self.slice_bytes);
                let source = source_start % self.slice_bytes;
                let (length, to) = (end - source_start, source_start - start);
                self.copy(from, source..source + length, index, to);
                end = source_start;
            }
        }
        slice
    }

    fn copy(&mut self, from: usize, source: std::ops::Range<usize>, index: usize, to: usize) {
        if from == index {
            return self.data[index].copy_within(source, to);
        }
        let (earlier, later) = self.data.split_at_mut(index);
        later[0][to..to + source.len()].copy_from_slice(&earlier[from][source]);
    }
}

/// Sets a slice's length to whole blocks, zero-padded.
pub(crate) fn pad_to_blocks(slice: &mut Buffer, length: usize) {
    let padded = length.next_multiple_of(BLOCK_BYTES.as_usize());
    slice.set_length(padded);
    slice[length..].fill(0);
}
