//! A body being read, stripe by stripe, one stripe ahead.

use super::ReadError;
use super::stripe::StripeRead;
use crate::geometry::{Geometry, SlicePart, is_sound};
use crate::location::Location;
use crate::shards::Shards;
use bytes::Bytes;
use hamster_core::sync::Permit;
use hamster_core::{Queue, Task};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

/// A body being read. Holds at most two stripes in memory, whatever the length.
pub struct Reader {
    shards: Shards,
    location: Rc<Location>,
    /// What is still to be fetched.
    rest: Range<u64>,
    ready: VecDeque<Bytes>,
    /// For the bytes in `ready`.
    permit: Option<Permit>,
    ahead: Option<Task<Fetched>>,
}

type Fetched = Result<(Vec<Bytes>, Permit), ReadError>;

impl Reader {
    pub(crate) fn new(shards: Shards, location: Rc<Location>, range: Range<u64>) -> Self {
        let end = range.end.min(location.stored_bytes);
        let rest = range.start.min(end)..end;
        Self { shards, location, rest, ready: VecDeque::new(), permit: None, ahead: None }
    }

    /// The next verified bytes, at most one slice; `None` at the end of the range. Reads ahead.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        if let Some(bytes) = self.ready.pop_front() {
            return Some(Ok(bytes));
        }
        self.permit = None;
        if self.rest.is_empty() {
            return None;
        }
        let Location { data, k, m, slice_bytes, .. } = *self.location;
        if !is_sound(k, m, slice_bytes) {
            // A record of a later version, or not a record: there is no way to read it.
            self.rest = self.rest.end..self.rest.end;
            return Some(Err(ReadError::Unrecoverable { data, readable: 0, needed: k }));
        }
        match self.next_stripe().await {
            Ok(stripe) => self.ready = stripe.into(),
            Err(error) => {
                // Nothing after a gap: the caller cuts the connection.
                self.rest = self.rest.end..self.rest.end;
                return Some(Err(error));
            }
        }
        self.read_ahead();
        self.ready.pop_front().map(Ok)
    }

    async fn next_stripe(&mut self) -> Result<Vec<Bytes>, ReadError> {
        let parts = self.parts();
        let length: u64 = parts.iter().map(|part| part.range.end - part.range.start).sum();
        let ahead = self.ahead.take();
        self.rest.start += length;
        let fetched = match ahead {
            // A cancelled task: the core is ending.
            Some(ahead) => ahead.await.unwrap_or(Err(ReadError::ShuttingDown)),
            None => {
                let stripe = self.stripe(&parts);
                if let Some(cached) = stripe.cached() {
                    return Ok(cached);
                }
                let permit = self.shards.stripe_to_read(stripe.memory()).await;
                stripe.fetch().await.map(|bytes| (bytes, permit))
            }
        };
        let (bytes, permit) = fetched?;
        self.permit = Some(permit);
        Ok(bytes)
    }

    /// The wanted parts of the next stripe.
    fn parts(&self) -> Vec<SlicePart> {
        Geometry::of(&self.location).parts(self.rest.clone())
    }

    fn stripe<'a>(&'a self, parts: &'a [SlicePart]) -> StripeRead<'a> {
        StripeRead { shards: &self.shards, location: &self.location, parts }
    }

    /// Starts on the next stripe while the caller sends this one, where memory allows.
    fn read_ahead(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let parts = self.parts();
        let stripe = self.stripe(&parts);
        if stripe.is_cached() {
            return;
        }
        let Some(permit) = self.shards.try_stripe_to_read(stripe.memory()) else { return };
        let (shards, location) = (self.shards.clone(), Rc::clone(&self.location));
        let fetch = async move {
            let stripe = StripeRead { shards: &shards, location: &location, parts: &parts };
            stripe.fetch().await.map(|bytes| (bytes, permit))
        };
        self.ahead = Some(self.shards.core().spawn(Queue::Requests, fetch));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            ahead.cancel();
        }
    }
}
