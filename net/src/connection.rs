//! A connection, plain or encrypted: one shape for everything above.

use crate::tls;
use bytes::Bytes;
use hamster_core::{Stream, network};
use std::io;
use std::ops::Deref;

/// A connection. Receiving and sending do not wait for one another.
pub enum Connection {
    /// Bytes as they are.
    Plain(Stream),
    /// Bytes under TLS.
    Tls(Box<tls::Stream>),
}

impl Connection {
    /// The next bytes, at least one; `None` once the peer has ended its side.
    ///
    /// # Errors
    /// The connection was reset, or what came is not TLS.
    pub async fn receive(&self) -> io::Result<Option<Received>> {
        match self {
            Self::Plain(stream) => loop {
                match stream.receive().await? {
                    Some(bytes) if bytes.is_empty() => {}
                    received => return Ok(received.map(Received::Lent)),
                }
            },
            Self::Tls(stream) => Ok(stream.receive().await?.map(Received::Owned)),
        }
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// The connection was reset; some of the bytes may have arrived.
    pub async fn send(&self, bytes: Bytes) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.send(bytes).await,
            Self::Tls(stream) => stream.send(&[&bytes]).await,
        }
    }

    /// Sends all of `head`, then all of `body`, together.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_two(&self, head: Bytes, body: Bytes) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.send_two(head, body).await,
            Self::Tls(stream) => stream.send(&[&head, &body]).await,
        }
    }

    /// Ends this side: the peer reads to the end of what was sent.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn finish(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.finish().await,
            Self::Tls(stream) => stream.finish().await,
        }
    }
}

/// Received bytes. Those lent by the backend go back to it on drop: hold them briefly.
pub enum Received {
    /// In a receive buffer of the backend.
    Lent(network::Received),
    /// In memory of their own.
    Owned(Vec<u8>),
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}
