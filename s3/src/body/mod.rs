//! The body of a request as it streams in: decoded, hashed and checked against everything that the
//! request promised about it. Called by every verb that takes a body.
//!
//! Invariant: [`Body::next`] answers `None` only when every promise was kept. What was lent before
//! is unverified until then: it may be written, never committed.

pub(crate) mod chunked;
mod form_file;
mod promise;
#[cfg(test)]
mod tests;

pub use form_file::FormFile;
pub use promise::Digests;

use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::sigv4::Payload;
use chunked::{Decoder, Step};
use hamster_core::Core;
use hamster_core::limits::HASH_STRETCH_BYTES_MAX;
use hamster_net::http::{BodyError, BodyLength, Headers, RequestBody};
use promise::Promises;

impl From<BodyError> for S3Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Truncated | BodyError::Io(_) => Code::IncompleteBody.into(),
            BodyError::TimedOut => Code::RequestTimeout.into(),
            BodyError::Framing(reason) => Self::new(Code::InvalidRequest, reason),
        }
    }
}

/// What an `x-amz-checksum-*` header of the request is the checksum of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChecksumOf {
    /// The body.
    Body,
    /// An object that the body only names, as in CompleteMultipartUpload.
    Object,
}

/// A body under way.
pub struct Body {
    source: RequestBody,
    decoder: Option<Decoder>,
    promises: Promises,
    /// Payload in total, as the request says.
    length: u64,
    /// Payload lent so far.
    lent: u64,
    /// Bytes of the source that the last piece lent: given back before the next.
    borrowed: usize,
    hashed_since_yield: usize,
    core: Core,
}

impl Body {
    /// The body of a request with these headers and this protection; nothing is read yet.
    ///
    /// # Errors
    /// `MissingContentLength`, and S3's codes for promises that cannot be kept.
    pub fn open(
        source: RequestBody,
        payload: Payload,
        headers: &Headers,
        checksum: ChecksumOf,
        core: &Core,
    ) -> Result<Self, S3Error> {
        let (sha256, decoder) = match payload {
            Payload::Unsigned => (None, None),
            Payload::Hashed(hash) => (Some(hash), None),
            Payload::Chunked { signer, trailers } => (None, Some(Decoder::new(signer, trailers))),
        };
        let promises = Promises::of(headers, sha256, checksum)?;
        let length = match (source.length(), decoder.is_some()) {
            (_, true) => decoded_length(headers)?,
            (BodyLength::None, false) => 0,
            (BodyLength::Exact(length), false) => length,
            (BodyLength::Chunked, false) => return Err(Code::MissingContentLength.into()),
        };
        Ok(Self {
            source,
            decoder,
            promises,
            length,
            lent: 0,
            borrowed: 0,
            hashed_since_yield: 0,
            core: core.clone(),
        })
    }

    /// Bytes of payload, as the request says.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Has the MD5 computed: it becomes an ETag.
    pub fn want_md5(&mut self) {
        self.promises.want_md5();
    }

    /// Has this checksum computed, whether or not one was promised.
    ///
    /// # Errors
    /// `InvalidRequest` if another one was promised.
    pub fn want_checksum(&mut self, algorithm: Algorithm) -> Result<(), S3Error> {
        self.promises.want_checksum(algorithm)
    }

    /// The next bytes of payload; `None` at the end, when every promise was kept.
    ///
    /// # Errors
    /// The body is broken, late, or not what was promised: nothing of it may be committed.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, S3Error> {
        self.source.consume(std::mem::take(&mut self.borrowed));
        let count = self.find_payload().await?;
        if count == 0 {
            self.finish()?;
            return Ok(None);
        }
        if self.hashed_since_yield >= HASH_STRETCH_BYTES_MAX {
            self.hashed_since_yield = 0;
            self.core.tasks().yield_now().await;
        }
        let bytes = self.source.fill().await?;
        let (piece, _) = bytes.split_at(count);
        self.promises.cover(piece);
        self.hashed_since_yield += count;
        self.borrowed = count;
        self.lent += count as u64;
        Ok(Some(piece))
    }

    /// Drops framing up to the next payload and says how many bytes of it are at hand; zero at the
    /// end of the body.
    async fn find_payload(&mut self) -> Result<usize, S3Error> {
        let left = self.length - self.lent;
        loop {
            let bytes = self.source.fill().await?;
            if bytes.is_empty() {
                return Ok(0);
            }
            let (bytes, _) = bytes.split_at(bytes.len().min(HASH_STRETCH_BYTES_MAX));
            let step = match &mut self.decoder {
                Some(decoder) => decoder.step(bytes)?,
                None => Step::Payload(bytes.len()),
            };
            match step {
                Step::Framing(count) => self.source.consume(count),
                // A decoder's chunks may say more than the head did.
                Step::Payload(count) if count as u64 > left => {
                    return Err(Code::IncompleteBody.into());
                }
                Step::Payload(count) => return Ok(count),
            }
        }
    }

    /// Checks everything that can be checked only at the end.
    fn finish(&mut self) -> Result<(), S3Error> {
        if self.lent != self.length {
            return Err(Code::IncompleteBody.into());
        }
        let trailers = match self.decoder.take() {
            Some(decoder) => decoder.finish()?,
            None => Vec::new(),
        };
        self.promises.settle(&trailers)
    }

    /// What was computed along the way. To be called behind the `None` of [`Body::next`].
    ///
    /// # Panics
    /// If the body was not read to its end.
    pub fn into_digests(self) -> Digests {
        self.promises.into_digests()
    }

    /// The whole body in memory, up to `bytes_max`.
    ///
    /// # Errors
    /// `EntityTooLarge`, and as [`Body::next`].
    pub async fn gather(&mut self, bytes_max: usize) -> Result<Vec<u8>, S3Error> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        if length > bytes_max {
            return Err(Code::EntityTooLarge.into());
        }
        // Why not all of it at once: a length that is only promised takes no memory.
        let mut whole = Vec::with_capacity(length.min(HASH_STRETCH_BYTES_MAX));
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(piece);
        }
        Ok(whole)
    }
}

/// The payload's length behind an aws-chunked coding.
fn decoded_length(headers: &Headers) -> Result<u64, S3Error> {
    let text = headers.get("x-amz-decoded-content-length").ok_or(Code::MissingContentLength)?;
    text.parse().map_err(|_| {
        S3Error::argument(
            "The decoded length is not a number.",
            "x-amz-decoded-content-length",
            text,
        )
    })
}
