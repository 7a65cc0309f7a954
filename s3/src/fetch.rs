//! From a version's extents to its bytes: what GET and the copies share. Every byte was verified on
//! this read.

use crate::error::S3Error;
use crate::node::Node;
use crate::record;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hamster_core::ids::BucketId;
use hamster_core::plant::{Plant, planted};
use hamster_core::sync::Permit;
use hamster_meta::query::{Extent, Object};
use hamster_net::http::{BodyAborted, BodySource};
use hamster_shard::{Lease, Reader, Shards};
use std::ops::Range;
use std::rc::Rc;

/// An object whose bytes stay where they are.
pub struct Held {
    object: Rc<Object>,
    lease: Lease,
}

impl Held {
    /// Finds the current version of a key with the extents that `range` covers.
    ///
    /// # Errors
    /// The metadata does not answer.
    pub async fn find(
        node: &Node,
        bucket: BucketId,
        key: &str,
        range: Range<u64>,
    ) -> Result<Option<Self>, S3Error> {
        let pin = node.shards.pin();
        let Some(object) = node.meta.object(bucket, key, range).await? else { return Ok(None) };
        let data = object.extents.iter().map(|extent| extent.record.data).collect();
        let data = if planted(Plant::FreesUnderGet) { Vec::new() } else { data };
        Ok(Some(Self { object, lease: pin.lease(data) }))
    }

    /// What was found.
    pub fn object(&self) -> Rc<Object> {
        Rc::clone(&self.object)
    }
}

/// A range of an object being read.
pub struct Fetch {
    shards: Shards,
    object: Rc<Object>,
    /// The extents of the object that were opened or passed over.
    opened: usize,
    range: Range<u64>,
    reader: Option<Reader>,
    /// Bytes still to come.
    left: u64,
    _lease: Lease,
}

impl Fetch {
    /// Reads `range`, which lies within `object` and which its extents hold.
    pub fn new(shards: &Shards, held: Held, range: Range<u64>) -> Self {
        let left = range.end.saturating_sub(range.start);
        let Held { object, lease: _lease } = held;
        Self { shards: shards.clone(), object, opened: 0, range, reader: None, left, _lease }
    }

    /// Bytes that are still to come.
    pub fn length(&self) -> u64 {
        self.left
    }

    /// The next bytes; `None` at the end of the range, never before.
    ///
    /// # Errors
    /// The bytes cannot be read, or the extents do not hold the whole range.
    pub async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        while self.left > 0 {
            if let Some(reader) = &mut self.reader {
                if let Some(bytes) = reader.next().await {
                    let bytes = bytes?;
                    self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(short)?;
                    return Ok(Some(bytes));
                }
                self.reader = None;
            }
            let extent = self.object.extents.get(self.opened).ok_or_else(short)?;
            self.reader = self.open(extent);
            self.opened += 1;
        }
        Ok(None)
    }

    /// A reader of the part of `extent` within the range, if there is any.
    fn open(&self, extent: &Extent) -> Option<Reader> {
        let &Extent { offset, size, ref record } = extent;
        let start = self.range.start.max(offset);
        let end = self.range.end.min(offset.saturating_add(size));
        let within = (start < end).then(|| start - offset..end - offset)?;
        Some(self.shards.read(Rc::new(record::to_location(record)), within))
    }
}

/// The metadata promised other bytes than there are: never a false end.
fn short() -> S3Error {
    tracing::error!("the extents of a version do not hold its bytes");
    crate::error::Code::InternalError.into()
}

/// A [`Fetch`] as the body of an answer, with the piece that was read before the head was sent.
pub struct FetchBody {
    first: Option<Bytes>,
    rest: Fetch,
    /// The request counts as long as its answer streams.
    _permit: Permit,
}

impl FetchBody {
    /// `first`, then what is left of `rest`.
    pub fn new(first: Bytes, rest: Fetch, permit: Permit) -> Self {
        Self { first: Some(first), rest, _permit: permit }
    }
}

impl BodySource for FetchBody {
    fn next(&mut self) -> LocalBoxFuture<'_, Result<Option<Bytes>, BodyAborted>> {
        Box::pin(async {
            if let Some(first) = self.first.take() {
                return Ok(Some(first));
            }
            self.rest.next().await.map_err(|_| BodyAborted)
        })
    }
}
