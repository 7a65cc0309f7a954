//! The chain of signatures through a streamed body: each chunk's signature covers the one before.
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>)

use super::{HexHash, canonical, hex, same, sha256_hex};
use crate::time::SigningTime;
use aws_lc_rs::{digest, hmac};
use std::rc::Rc;

/// Checks the signatures of one body's chunks, in order.
pub struct ChunkSigner {
    key: Rc<hmac::Key>,
    time: SigningTime,
    region: Rc<str>,
    previous: HexHash,
}

impl ChunkSigner {
    /// Begins behind the request's own signature.
    pub fn new(key: Rc<hmac::Key>, time: SigningTime, region: Rc<str>, seed: HexHash) -> Self {
        Self { key, time, region, previous: seed }
    }

    /// Whether `signature` is that of the next chunk, whose bytes have this hash.
    #[must_use]
    pub fn accepts_chunk(&mut self, hash: &digest::Digest, signature: &str) -> bool {
        let parts: [&[u8]; 2] = [&sha256_hex(b""), &hex(hash.as_ref())];
        self.accepts("AWS4-HMAC-SHA256-PAYLOAD", &parts, signature)
    }

    /// Whether `signature` is that of the trailers: `name:value\n` each, in the order sent.
    #[must_use]
    pub fn accepts_trailers(&mut self, canonical: &[u8], signature: &str) -> bool {
        self.accepts("AWS4-HMAC-SHA256-TRAILER", &[&sha256_hex(canonical)], signature)
    }

    fn accepts(&mut self, kind: &str, parts: &[&[u8]], signature: &str) -> bool {
        let mut string = canonical::begin_string(kind, &self.time, &self.region);
        for part in [&self.previous[..]].iter().chain(parts) {
            string.push(b'\n');
            string.extend(*part);
        }
        self.previous = hex(hmac::sign(&self.key, &string).as_ref());
        same(&self.previous, signature)
    }
}
