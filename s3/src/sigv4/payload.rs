//! How a request's body is protected: what stands in `x-amz-content-sha256`.

use super::{ChunkSigner, HASH_BYTES, UNSIGNED_PAYLOAD};
use crate::error::{Code, S3Error};

/// What `x-amz-content-sha256` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayloadMode {
    /// `UNSIGNED-PAYLOAD`: as it comes.
    Unsigned,
    /// The SHA-256 of the whole body.
    Hashed([u8; HASH_BYTES]),
    /// aws-chunked, each chunk signed; with signed trailers or without.
    SignedChunks {
        /// Whether trailers follow.
        trailers: bool,
    },
    /// aws-chunked, nothing signed, trailers follow.
    UnsignedChunks,
}

impl PayloadMode {
    /// Reads the header's value.
    ///
    /// # Errors
    /// `InvalidArgument` for anything that is none of the modes.
    pub fn parse(text: &str) -> Result<Self, S3Error> {
        match text {
            UNSIGNED_PAYLOAD => Ok(Self::Unsigned),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::SignedChunks { trailers: false }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Ok(Self::SignedChunks { trailers: true })
            }
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::UnsignedChunks),
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
            | "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER" => Err(S3Error::new(
                Code::NotImplemented,
                "Signature version 4A is not supported. Please use AWS4-HMAC-SHA256.",
            )),
            hash => {
                let mut bytes = [0; HASH_BYTES];
                hex::decode_to_slice(hash, &mut bytes).map_err(|_| {
                    S3Error::argument(
                        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, \
                         STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
                         STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                        "x-amz-content-sha256",
                        hash,
                    )
                })?;
                Ok(Self::Hashed(bytes))
            }
        }
    }
}

/// The protection of a verified request's body, ready to be checked as the body streams.
pub enum Payload {
    /// As it comes.
    Unsigned,
    /// The whole body has this SHA-256.
    Hashed([u8; HASH_BYTES]),
    /// aws-chunked; signed if there is a signer.
    Chunked {
        /// Follows the chunks' signatures.
        signer: Option<Box<ChunkSigner>>,
        /// Whether trailers follow.
        trailers: bool,
    },
}
