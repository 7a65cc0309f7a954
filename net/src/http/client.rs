//! A small HTTP/1.1 client for admin calls and the load generator: one connection, one request at a
//! time, keep-alive.

use super::body::BodyError;
use super::head::Headers;
use crate::tls;
use bytes::Bytes;
use hamster_core::Core;
use std::io;
use std::net::SocketAddr;

/// Why a request got no (whole) answer. The connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What came back is not HTTP. The reason is for people.
    #[error("the answer is malformed: {0}")]
    Malformed(&'static str),
    /// The answer's body is broken or longer than the caller takes.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is longer than the caller takes.
    #[error("the answer's body is over {0} bytes")]
    TooLong(usize),
    /// The connection broke or ended.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

/// What is asked.
pub struct Ask<'a> {
    /// The method's token.
    pub method: &'a str,
    /// Path and query, percent-encoded.
    pub target: &'a str,
    /// All headers but Content-Length; `host` among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty means none (PUT and POST say `Content-Length: 0`).
    pub body: Bytes,
}

/// The head of an answer.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
}

/// One connection to a server. No deadline of its own: see `Clock::timeout`.
pub struct Connection(std::convert::Infallible);

impl Connection {
    /// Connects, with TLS if a connector and the server's name are given.
    ///
    /// # Errors
    /// Refused, unreachable, or the server's certificate is not trusted.
    pub async fn connect(
        _core: &Core,
        _address: SocketAddr,
        _tls: Option<(&tls::Connector, &str)>,
    ) -> io::Result<Self> {
        todo!()
    }

    /// Sends a request and receives the answer with its whole body, up to `body_bytes_max`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn request(
        &mut self,
        _ask: Ask<'_>,
        _body_bytes_max: usize,
    ) -> Result<(Answer, Vec<u8>), ClientError> {
        todo!()
    }

    /// Sends a request and receives the answer's head; the body follows by [`fill`](Self::fill),
    /// to its end, before the next request.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn start(&mut self, _ask: Ask<'_>) -> Result<Answer, ClientError> {
        todo!()
    }

    /// As [`RequestBody::fill`](super::RequestBody::fill).
    ///
    /// # Errors
    /// The body is broken.
    pub async fn fill(&mut self) -> Result<&[u8], BodyError> {
        todo!()
    }

    /// As [`RequestBody::consume`](super::RequestBody::consume).
    pub fn consume(&mut self, _count: usize) {
        todo!()
    }

    /// Whether another request may follow.
    pub fn is_reusable(&self) -> bool {
        todo!()
    }
}
