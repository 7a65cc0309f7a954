//! The file of a form as it streams in: cut out of the form, hashed and checked against what the
//! form's fields promised about it. Called by PostObject.
//!
//! Invariant: as of [`Body`](super::Body), `None` comes only when every promise was kept.

use super::promise::Promises;
use super::{ChecksumOf, Digests};
use crate::error::{Code, S3Error};
use crate::form::FileDecoder;
use crate::form::file::Step;
use hamster_core::Core;
use hamster_core::limits::HASH_STRETCH_BYTES_MAX;
use hamster_net::http::{Headers, RequestBody};
use std::ops::RangeInclusive;

/// A form's file under way.
pub struct FormFile {
    source: RequestBody,
    decoder: FileDecoder,
    promises: Promises,
    sizes: RangeInclusive<u64>,
    /// Bytes of the file lent so far.
    size: u64,
    /// Bytes of the source that the last piece lent: given back before the next.
    borrowed: usize,
    hashed_since_yield: usize,
    core: Core,
}

/// What is lent next.
enum Next {
    Payload(usize),
    Held(usize),
    Nothing,
}

impl FormFile {
    /// The file that begins in `source`, whose end `decoder` finds, of one of these sizes; `headers`
    /// are the form's fields. Its MD5 is computed: it becomes an ETag.
    ///
    /// # Errors
    /// S3's codes for promises that cannot be kept.
    pub fn open(
        source: RequestBody,
        decoder: FileDecoder,
        sizes: RangeInclusive<u64>,
        headers: &Headers,
        core: &Core,
    ) -> Result<Self, S3Error> {
        let mut promises = Promises::of(headers, None, ChecksumOf::Body)?;
        promises.want_md5();
        Ok(Self {
            source,
            decoder,
            promises,
            sizes,
            size: 0,
            borrowed: 0,
            hashed_since_yield: 0,
            core: core.clone(),
        })
    }

    /// The next bytes of the file; `None` at its end, when every promise was kept.
    ///
    /// # Errors
    /// The form is broken or late, or the file is not what was promised or too large or small:
    /// nothing of it may be committed.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, S3Error> {
        self.source.consume(std::mem::take(&mut self.borrowed));
        if self.hashed_since_yield >= HASH_STRETCH_BYTES_MAX {
            self.hashed_since_yield = 0;
            self.core.tasks().yield_now().await;
        }
        let piece = match self.find_payload().await? {
            Next::Nothing => {
                self.finish()?;
                return Ok(None);
            }
            Next::Held(count) => &self.decoder.delimiter()[..count],
            Next::Payload(count) => {
                let (piece, _) = self.source.fill().await?.split_at(count);
                self.borrowed = count;
                piece
            }
        };
        self.size += piece.len() as u64;
        if self.size > *self.sizes.end() {
            return Err(S3Error::from(Code::EntityTooLarge)
                .with("MaxSizeAllowed", &self.sizes.end().to_string()));
        }
        self.promises.cover(piece);
        self.hashed_since_yield += piece.len();
        Ok(Some(piece))
    }

    /// Drops boundaries up to the next bytes of the file and says how many of them are at hand.
    async fn find_payload(&mut self) -> Result<Next, S3Error> {
        while !self.decoder.is_at_end() {
            let bytes = self.source.fill().await?;
            if bytes.is_empty() {
                return Err(Code::MalformedPOSTRequest.into());
            }
            let (bytes, _) = bytes.split_at(bytes.len().min(HASH_STRETCH_BYTES_MAX));
            match self.decoder.step(bytes)? {
                Step::Payload(count) => return Ok(Next::Payload(count)),
                Step::Held(count) => return Ok(Next::Held(count)),
                Step::Framing(count) => self.source.consume(count),
                Step::End => break,
            }
        }
        Ok(Next::Nothing)
    }

    /// Checks everything that can be checked only at the end.
    fn finish(&mut self) -> Result<(), S3Error> {
        if self.size < *self.sizes.start() {
            return Err(S3Error::from(Code::EntityTooSmall)
                .with("ProposedSize", &self.size.to_string())
                .with("MinSizeAllowed", &self.sizes.start().to_string()));
        }
        self.promises.settle(&[])
    }

    /// Bytes lent so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What was computed along the way. To be called behind the `None` of [`FormFile::next`].
    ///
    /// # Panics
    /// If the file was not read to its end.
    pub fn into_digests(self) -> Digests {
        self.promises.into_digests()
    }
}
