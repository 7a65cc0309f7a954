//! Answers: status, headers, and a body that is either here or streams.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

/// A streaming body's source gave up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the body cannot be completed")]
pub struct BodyAborted;

/// Gives a streaming body piece by piece.
pub trait BodySource {
    /// The next piece, not empty; `None` at the end. An error cuts the connection, so that the
    /// client sees a short body and never a false end.
    fn next(&mut self) -> LocalBoxFuture<'_, Result<Option<Bytes>, BodyAborted>>;
}

/// What follows an answer's head.
pub enum ResponseBody {
    /// Nothing (`Content-Length: 0`; no such header with 204 and 304).
    Empty,
    /// These bytes.
    Full(Bytes),
    /// Exactly `length` bytes from `source`; more or fewer cut the connection.
    Stream {
        /// Bytes in total.
        length: u64,
        /// Where they come from.
        source: Box<dyn BodySource>,
    },
    /// For HEAD only: no bytes, and the Content-Length that GET would have. (`Full` and `Stream`
    /// answer HEAD as well: their bytes are not sent.)
    HeadOnly {
        /// What Content-Length says.
        length: u64,
    },
}

/// An answer. The server adds Date, Content-Length and Connection.
pub struct Response {
    /// The status code, 200 to 599.
    pub status: u16,
    /// All other headers.
    pub headers: ResponseHeaders,
    /// The body.
    pub body: ResponseBody,
    /// Ends the connection after this answer.
    pub close: bool,
}

impl Response {
    /// An answer without headers or body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: ResponseHeaders::default(),
            body: ResponseBody::Empty,
            close: false,
        }
    }

    /// With this header besides.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = ResponseBody::Full(body.into());
        self
    }
}

/// Headers of an answer, already in wire format: adding one is a copy, not an allocation.
#[derive(Default)]
pub struct ResponseHeaders(Vec<u8>);

impl ResponseHeaders {
    /// Adds a header. Bytes of the value that would end the line (and other control characters)
    /// become spaces: no value can forge a header.
    pub fn add(&mut self, _name: &str, _value: &str) {
        todo!()
    }

    /// The first value of `name` (any case), for tests and metrics.
    pub fn get(&self, _name: &str) -> Option<&str> {
        todo!()
    }
}
