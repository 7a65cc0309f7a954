//! CRC-64/NVME: the one integrity checksum of stored bytes, and S3's default object checksum.
//!
//! A stored checksum is *seeded* with the name of what it covers (data id, shard, run, chunk), so
//! that bytes written to or read from the wrong place fail without a look at any header.

use crc_fast::{CrcAlgorithm, Digest};

/// A CRC-64/NVME value (the S3 wire form is its big-endian bytes in base64).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Crc64(u64);

impl Crc64 {
    /// The checksum with this value.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The value, for encoding.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The checksum of `bytes` alone.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes))
    }

    /// The checksum of `name` followed by `bytes`: `bytes` in another place have another checksum.
    pub fn of_named(name: &[u8], bytes: &[u8]) -> Self {
        let mut state = Crc64State::new();
        state.update(name);
        state.update(bytes);
        state.finish()
    }
}

/// A checksum under way.
#[derive(Clone)]
pub struct Crc64State(Digest);

impl Default for Crc64State {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc64State {
    /// Nothing covered yet.
    pub fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Nvme))
    }

    /// Covers `bytes` as well.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything covered.
    pub fn finish(&self) -> Crc64 {
        Crc64(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(Crc64::of(b"123456789").get(), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn the_same_bytes_under_another_name_differ() {
        assert_ne!(Crc64::of_named(b"a", b"bytes"), Crc64::of_named(b"b", b"bytes"));
    }

    #[test]
    fn in_pieces_as_at_once() {
        let mut state = Crc64State::new();
        state.update(b"1234");
        state.update(b"56789");
        assert_eq!(state.finish(), Crc64::of(b"123456789"));
    }
}
