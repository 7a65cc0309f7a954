//! From bytes to a receipt: what PUT, parts and copies share. Nothing here is visible to anyone
//! until the verb commits it.

use crate::body::{Body, Digests, FormFile};
use crate::checksum::{Algorithm, Running};
use crate::error::{Code, S3Error};
use crate::fetch::Fetch;
use crate::node::Node;
use crate::record;
use bytes::Bytes;
use hamster_core::limits::{HASH_STRETCH_BYTES_MAX, PUT_BYTES_MAX, SMALL_BODY_BYTES_MAX};
use hamster_meta::record::{Checksum, DataRecord};
use hamster_shard::{Lease, Receipt, WriteError, Writer};
use md5::{Digest, Md5};

/// A body that is durable.
pub struct Stored {
    /// Where it is; `None` for an empty one.
    pub record: Option<DataRecord>,
    /// Its bytes.
    pub size: u64,
    /// What was computed on the way.
    pub digests: Digests,
    /// To be given to [`Node::commit`].
    pub lease: Option<Lease>,
}

/// Stores the body of a request. Its MD5 is computed, its promises were kept.
///
/// # Errors
/// `EntityTooLarge`, what [`Body::next`] refuses, and what `shard` cannot store.
pub async fn body(node: &Node, mut body: Body) -> Result<Stored, S3Error> {
    let size = body.length();
    if size > PUT_BYTES_MAX.get() {
        return Err(S3Error::from(Code::EntityTooLarge)
            .with("ProposedSize", &size.to_string())
            .with("MaxSizeAllowed", &PUT_BYTES_MAX.get().to_string()));
    }
    body.want_md5();
    let mut sink = Sink::for_size(node, size)?;
    while let Some(piece) = body.next().await? {
        sink.write(piece).await?;
    }
    let (record, lease) = sink.finish(node).await?.unzip();
    Ok(Stored { record, size, digests: body.into_digests(), lease })
}

/// Stores the file of a form, whose size is known only at its end. Its MD5 is computed, its promises
/// were kept.
///
/// # Errors
/// What [`FormFile::next`] refuses, and what `shard` cannot store.
pub async fn form_file(node: &Node, mut file: FormFile) -> Result<Stored, S3Error> {
    let mut sink = Sink::Small(Vec::new());
    while let Some(piece) = file.next().await? {
        sink.grow(node, piece.len()).await?;
        sink.write(piece).await?;
    }
    let (record, lease) = sink.finish(node).await?.unzip();
    Ok(Stored { record, size: file.size(), digests: file.into_digests(), lease })
}

/// What a copy must compute anew; the bytes themselves are verified as they are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The MD5, for the ETag.
    pub md5: bool,
    /// A checksum.
    pub checksum: Option<Algorithm>,
}

/// Stores a copy of what `source` gives.
///
/// # Errors
/// What `shard` cannot read or store.
pub async fn copy(node: &Node, mut source: Fetch, wanted: Wanted) -> Result<Stored, S3Error> {
    let size = source.length();
    let mut md5 = wanted.md5.then(Md5::new);
    let mut running = wanted.checksum.map(Running::new);
    let mut sink = Sink::for_size(node, size)?;
    while let Some(bytes) = source.next().await? {
        for piece in bytes.chunks(HASH_STRETCH_BYTES_MAX) {
            if let Some(md5) = &mut md5 {
                md5.update(piece);
            }
            if let Some(running) = &mut running {
                running.update(piece);
            }
            sink.write(piece).await?;
            node.core.tasks().yield_now().await;
        }
    }
    let (record, lease) = sink.finish(node).await?.unzip();
    let checksum = wanted.checksum.zip(running).map(|(algorithm, running)| Checksum {
        algorithm: algorithm.record_name().to_owned(),
        value: running.finish(),
        composite: false,
    });
    let md5 = md5.map(|md5| md5.finalize().into());
    Ok(Stored { record, size, digests: Digests { md5, checksum }, lease })
}

/// Stores a small body. Why planned once more where drives of the plan turn out to be lost or full:
/// they are known as such now, so the second plan steps down to those that live. A large body was
/// not kept, and is the client's to send again.
async fn small(node: &Node, body: Bytes) -> Result<Receipt, S3Error> {
    let length = body.len() as u64;
    let first = node.shards.write_small(node.plan(length)?, body.clone()).await;
    match first {
        Err(WriteError::TooFewDrives { .. } | WriteError::NoSpace) => {
            Ok(node.shards.write_small(node.plan(length)?, body).await?)
        }
        result => Ok(result?),
    }
}

/// Where a body of known size goes: gathered and written at once if small, streamed if large.
enum Sink {
    Small(Vec<u8>),
    Large(Box<Writer>),
}

impl Sink {
    fn for_size(node: &Node, size: u64) -> Result<Self, S3Error> {
        match usize::try_from(size) {
            Ok(length) if size <= SMALL_BODY_BYTES_MAX.get() => {
                Ok(Self::Small(Vec::with_capacity(length.min(HASH_STRETCH_BYTES_MAX))))
            }
            _ => Ok(Self::Large(Box::new(node.shards.writer(node.plan(size)?)))),
        }
    }

    /// Makes room for `more` bytes of a body of unknown size: one that is not small is streamed.
    async fn grow(&mut self, node: &Node, more: usize) -> Result<(), S3Error> {
        let Self::Small(bytes) = self else { return Ok(()) };
        let size = (bytes.len() + more) as u64;
        if size <= SMALL_BODY_BYTES_MAX.get() {
            return Ok(());
        }
        let begun = std::mem::take(bytes);
        *self = Self::for_size(node, size)?;
        self.write(&begun).await
    }

    async fn write(&mut self, piece: &[u8]) -> Result<(), S3Error> {
        match self {
            Self::Small(bytes) => bytes.extend_from_slice(piece),
            Self::Large(writer) => writer.write(piece).await?,
        }
        Ok(())
    }

    /// Returns when everything is durable.
    async fn finish(self, node: &Node) -> Result<Option<(DataRecord, Lease)>, S3Error> {
        let receipt = match self {
            Self::Small(bytes) if bytes.is_empty() => return Ok(None),
            Self::Small(bytes) => small(node, Bytes::from(bytes)).await?,
            Self::Large(writer) => writer.finish().await?,
        };
        let (location, lease) = receipt.into_parts();
        Ok(Some((record::of_location(location, node.writer_epoch), lease)))
    }
}
