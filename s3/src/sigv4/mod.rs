//! AWS Signature Version 4, from the server's side. Called by the gate's `verify` step only.
//!
//! `claim` reads what a request says about its signature, `canonical` rebuilds what was signed, and
//! `chunk` follows the chain of signatures through a streamed body. Pure: no clock, no I/O.
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>)

pub mod canonical;
pub mod chunk;
pub mod claim;
pub mod form_claim;
pub mod payload;

pub use chunk::ChunkSigner;
pub use claim::Claim;
pub use form_claim::FormClaim;
pub use payload::Payload;

use aws_lc_rs::{constant_time, digest};

/// The only signing algorithm we take.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The only service we are.
pub const SERVICE: &str = "s3";
/// Ends every credential scope.
pub const TERMINATOR: &str = "aws4_request";
/// In place of a payload's hash: the payload is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Bytes of a SHA-256 or HMAC-SHA-256.
pub const HASH_BYTES: usize = 32;

/// A hash in lower-case hexadecimal, as SigV4 writes them.
pub type HexHash = [u8; 2 * HASH_BYTES];

/// `hash` in hexadecimal.
pub fn hex(hash: &[u8]) -> HexHash {
    let mut text = [0; 2 * HASH_BYTES];
    hex::encode_to_slice(hash, &mut text).expect("SHA-256 has 32 bytes");
    text
}

/// The hexadecimal SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> HexHash {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Whether two signatures are the same, in a time that does not tell where they differ.
pub fn same(ours: &HexHash, theirs: &str) -> bool {
    constant_time::verify_slices_are_equal(ours, theirs.as_bytes()).is_ok()
}
