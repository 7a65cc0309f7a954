//! The bytes of the objects: made once from a seed, so that a PUT sends them without generating and
//! a GET is checked without remembering.
//!
//! An object's body is one random ring of bytes, read from a place that its index gives. The ring's
//! length is a prime, so that bytes from another place of an object, or of another object, differ.

use crate::sign::payload_hash;
use hamster_core::Entropy;

/// Length of the ring: a prime just over 1 MiB.
const RING_BYTES: usize = 1_048_583;
/// Bytes compared at either edge of a received piece that is not checked in full.
const EDGE_BYTES: usize = 64;
/// Hashing all bodies that differ must stay under about a second.
const HASHED_BYTES_MAX: usize = 1 << 30;
/// Distinct bodies: never fewer, so that mixed-up objects are seen; more would not find more.
const VARIANTS_MIN: usize = 61;
const VARIANTS_MAX: usize = 65_521;

/// The bodies of a data set. Shared by all threads.
pub struct Bodies {
    /// The ring twice, so that a piece up to the ring's length is one slice from any place.
    ring: Vec<u8>,
    size: usize,
    variants: usize,
    hashes: Vec<String>,
}

impl Bodies {
    /// The bodies of `objects` objects of `size` bytes; hashed where payloads are `signed`.
    pub fn new(seed: u64, objects: usize, size: usize, signed: bool) -> Self {
        let mut ring = vec![0u8; RING_BYTES];
        Entropy::seeded(seed).fill(&mut ring);
        ring.extend_from_within(..);
        let variants = (HASHED_BYTES_MAX / size.max(1)).clamp(VARIANTS_MIN, VARIANTS_MAX);
        let mut bodies = Self { ring, size, variants, hashes: Vec::new() };
        if signed {
            let mut body = Vec::with_capacity(size);
            let hashes = (0..objects.min(variants)).map(|object| {
                body.clear();
                while body.len() < size {
                    body.extend_from_slice(bodies.piece(object, body.len()));
                }
                payload_hash(&body)
            });
            bodies.hashes = hashes.collect();
        }
        bodies
    }

    /// Bytes of each body.
    pub fn size(&self) -> usize {
        self.size
    }

    /// SHA-256 of an object's body in hexadecimal, if payloads are signed.
    pub fn hash(&self, object: usize) -> Option<&str> {
        self.hashes.get(object % self.variants).map(String::as_str)
    }

    /// The body from `offset` on: all the rest, or the ring's length.
    pub fn piece(&self, object: usize, offset: usize) -> &[u8] {
        let start = self.place(object, offset);
        let length = (self.size - offset).min(RING_BYTES);
        &self.ring[start..start + length]
    }

    /// Is `received` what the body has at `offset`? With `fully` every byte is compared, otherwise
    /// the piece's edges.
    pub fn matches(&self, object: usize, offset: usize, received: &[u8], fully: bool) -> bool {
        if received.len() > self.size - offset.min(self.size) {
            return false;
        }
        if fully || received.len() <= 2 * EDGE_BYTES {
            return received.chunks(RING_BYTES).enumerate().all(|(index, chunk)| {
                let start = self.place(object, offset + index * RING_BYTES);
                self.ring[start..start + chunk.len()] == *chunk
            });
        }
        let tail = received.len() - EDGE_BYTES;
        self.matches(object, offset, &received[..EDGE_BYTES], true)
            && self.matches(object, offset + tail, &received[tail..], true)
    }

    fn place(&self, object: usize, offset: usize) -> usize {
        // Why 15,486,719 (a prime): neighbours begin far apart.
        ((object % self.variants) * 15_486_719 + offset) % RING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_matches_itself_and_nothing_else() {
        let bodies = Bodies::new(1, 10, 3_000_000, false);
        let mut body = Vec::new();
        while body.len() < bodies.size() {
            body.extend_from_slice(bodies.piece(3, body.len()));
        }
        assert!(bodies.matches(3, 0, &body, true));
        assert!(bodies.matches(3, 4096, &body[4096..70_000], true));
        assert!(bodies.matches(3, 4096, &body[4096..70_000], false));
        assert!(!bodies.matches(3, 0, &body[4096..70_000], false), "another place");
        assert!(!bodies.matches(4, 4096, &body[4096..70_000], false), "another object");
        body[50_000] ^= 1;
        assert!(!bodies.matches(3, 0, &body, true), "a bit");
        assert!(!bodies.matches(3, 2_999_999, &body[..2], true), "longer than the object");
    }
}
