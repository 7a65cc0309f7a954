//! How a client sends a body: as it is, or in signed or unsigned chunks with a checksum behind them.

use crate::sign::{STREAMING_PAYLOAD, Signer, UNSIGNED_PAYLOAD, payload_hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hamster_core::checksum::Crc64;

/// Bytes of a chunk.
const CHUNK: usize = 16 << 10;
/// The trailer that all trailing modes send.
const TRAILER: &str = "x-amz-checksum-crc64nvme";

/// A payload mode of Signature Version 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Payload {
    /// The body's SHA-256 is signed.
    #[default]
    Hashed,
    /// The body is not signed.
    Unsigned,
    /// Each chunk is signed.
    SignedChunks,
    /// Each chunk is signed, and the checksum behind them.
    SignedTrailer,
    /// Chunks without signatures, and a checksum behind them.
    UnsignedTrailer,
}

impl Payload {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Hashed,
        Self::Unsigned,
        Self::SignedChunks,
        Self::SignedTrailer,
        Self::UnsignedTrailer,
    ];

    /// What stands for the hash of `body`.
    pub fn hash(self, body: &[u8]) -> String {
        match self {
            Self::Hashed => payload_hash(body),
            Self::Unsigned => UNSIGNED_PAYLOAD.to_owned(),
            Self::SignedChunks => STREAMING_PAYLOAD.to_owned(),
            Self::SignedTrailer => format!("{STREAMING_PAYLOAD}-TRAILER"),
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
        }
    }

    /// Further headers that the mode needs.
    pub fn headers(self, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if !matches!(self, Self::Hashed | Self::Unsigned) {
            headers.push(("content-encoding", "aws-chunked".to_owned()));
            headers.push(("x-amz-decoded-content-length", body.len().to_string()));
        }
        if matches!(self, Self::SignedTrailer | Self::UnsignedTrailer) {
            headers.push(("x-amz-trailer", TRAILER.to_owned()));
        }
        headers
    }

    /// The body as it is sent. `signature`: that of the request, which `signer` has just made.
    pub fn body(self, body: &Bytes, signer: &Signer, signature: String) -> Bytes {
        let mut sent = Vec::with_capacity(body.len() + 1024);
        let signed = match self {
            Self::Hashed | Self::Unsigned => return body.clone(),
            Self::SignedChunks | Self::SignedTrailer => true,
            Self::UnsignedTrailer => false,
        };
        let mut previous = signature;
        for chunk in body.chunks(CHUNK).chain([&[][..]]) {
            sent.extend(format!("{:x}", chunk.len()).as_bytes());
            if signed {
                previous = signer.chunk(&previous, chunk);
                sent.extend(format!(";chunk-signature={previous}").as_bytes());
            }
            sent.extend(b"\r\n");
            sent.extend(chunk);
            if !chunk.is_empty() {
                sent.extend(b"\r\n");
            }
        }
        if self != Self::SignedChunks {
            let checksum = STANDARD.encode(Crc64::of(body).get().to_be_bytes());
            let line = format!("{TRAILER}:{checksum}");
            sent.extend(format!("{line}\r\n").as_bytes());
            if signed {
                let signature = signer.trailer(&previous, &format!("{line}\n"));
                sent.extend(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
            }
        }
        sent.extend(b"\r\n");
        sent.into()
    }
}
