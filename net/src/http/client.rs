//! A small HTTP/1.1 client for admin calls and the load generator: one connection, one request at a
//! time, keep-alive.

use super::body::{BodyError, BodyLength, BodyReader, Unread};
use super::framing;
use super::head::Headers;
use super::inbound::Inbound;
use super::response::push_decimal;
use crate::connection::Connection as Wire;
use crate::tls;
use bytes::Bytes;
use hamster_core::Core;
use hamster_core::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::rc::Rc;

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
pub struct Connection {
    reader: BodyReader,
    keep_alive: bool,
}

impl Connection {
    /// Connects, with TLS if a connector and the server's name are given.
    ///
    /// # Errors
    /// Refused, unreachable, or the server's certificate is not trusted.
    pub async fn connect(
        core: &Core,
        address: SocketAddr,
        tls: Option<(&tls::Connector, &str)>,
    ) -> io::Result<Self> {
        let stream = core.network().connect(address).await?;
        let connection = match tls {
            None => Wire::Plain(stream),
            Some((connector, name)) => Wire::Tls(Box::new(connector.connect(stream, name).await?)),
        };
        let inbound = Inbound::new(Rc::new(connection), None);
        Ok(Self { reader: BodyReader::new(inbound, BodyLength::None), keep_alive: true })
    }

    /// Sends a request and receives the answer with its whole body, up to `body_bytes_max`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn request(
        &mut self,
        ask: Ask<'_>,
        body_bytes_max: usize,
    ) -> Result<(Answer, Vec<u8>), ClientError> {
        let answer = self.start(ask).await?;
        let mut body = Vec::new();
        loop {
            let piece = self.fill().await?;
            if piece.is_empty() {
                return Ok((answer, body));
            }
            if body.len() + piece.len() > body_bytes_max {
                return Err(ClientError::TooLong(body_bytes_max));
            }
            body.extend_from_slice(piece);
            let count = piece.len();
            self.consume(count);
        }
    }

    /// Sends a request and receives the answer's head; the body follows by [`fill`](Self::fill),
    /// to its end, before the next request.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn start(&mut self, ask: Ask<'_>) -> Result<Answer, ClientError> {
        let head = encode(&ask);
        let connection = self.reader.inbound.connection();
        let sent = match ask.body.is_empty() {
            true => connection.send(head).await,
            false => connection.send_two(head, ask.body).await,
        };
        // Why read on: a server may refuse a body, answer and close before all of it is sent.
        self.keep_alive = sent.is_ok();
        match self.receive_head(ask.method == "HEAD").await {
            Err(error) => Err(sent.err().map_or(error, ClientError::Io)),
            answer => answer,
        }
    }

    async fn receive_head(&mut self, to_head: bool) -> Result<Answer, ClientError> {
        let inbound = &mut self.reader.inbound;
        let (answer, modern) = loop {
            match parse_answer(inbound.bytes())? {
                Some((Answer { status: 100..200, .. }, _, length)) => inbound.consume(length),
                Some((answer, modern, length)) => {
                    inbound.consume(length);
                    break (answer, modern);
                }
                None if inbound.receive().await? == 0 => {
                    return Err(ClientError::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                None => {}
            }
        };
        self.keep_alive &= modern && !framing::says_close(&answer.headers);
        let length = framing::body_length(&answer.headers).map_err(ClientError::Malformed)?;
        let rest = match length {
            _ if to_head || matches!(answer.status, 204 | 304) => Some(BodyLength::None),
            BodyLength::None => None,
            length => Some(length),
        };
        self.keep_alive &= rest.is_some();
        self.reader.expect(rest);
        Ok(answer)
    }

    /// As [`RequestBody::fill`](super::RequestBody::fill).
    ///
    /// # Errors
    /// The body is broken.
    pub async fn fill(&mut self) -> Result<&[u8], BodyError> {
        self.reader.fill().await
    }

    /// As [`RequestBody::consume`](super::RequestBody::consume).
    pub fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// Whether another request may follow.
    pub fn is_reusable(&mut self) -> bool {
        self.keep_alive && matches!(self.reader.unread(), Unread::Nothing)
    }
}

fn encode(ask: &Ask<'_>) -> Bytes {
    let headers: usize = ask.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut head = Vec::with_capacity(ask.method.len() + ask.target.len() + headers + 64);
    for part in [ask.method, " ", ask.target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in ask.headers {
        for part in [name, ": ", value, "\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
    }
    if !ask.body.is_empty() || matches!(ask.method, "PUT" | "POST") {
        head.extend_from_slice(b"content-length: ");
        push_decimal(&mut head, ask.body.len() as u64);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.into()
}

/// The answer's head at the start of `bytes`, whether it is HTTP/1.1, and its length; `None` if it
/// is not complete yet.
fn parse_answer(bytes: &[u8]) -> Result<Option<(Answer, bool, usize)>, ClientError> {
    let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, bytes, &mut lines)
        .map_err(|_| ClientError::Malformed("not an HTTP head"))?;
    let httparse::Status::Complete(length) = status else {
        return match bytes.len() < HEAD_BYTES_MAX.as_usize() {
            true => Ok(None),
            false => Err(ClientError::Malformed("the head is too large")),
        };
    };
    let headers = Headers::from_parsed(&bytes[..length], parsed.headers);
    let headers = headers.map_err(ClientError::Malformed)?;
    let answer = Answer { status: parsed.code.unwrap_or_default(), headers };
    Ok(Some((answer, parsed.version == Some(1), length)))
}
