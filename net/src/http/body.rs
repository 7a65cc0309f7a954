//! The body of a request, lent piece by piece from the kernel's receive buffers.

use bytes::Bytes;

/// What the head says about the body's length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyLength {
    /// No body: neither Content-Length nor Transfer-Encoding.
    None,
    /// As Content-Length says.
    Exact(u64),
    /// Chunked: known at its end.
    Chunked,
}

/// Why a body ended early. The connection closes after the answer.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The peer ended the connection in the middle.
    #[error("the body ended early")]
    Truncated,
    /// No byte came for `BODY_IDLE_TIMEOUT`.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// The chunked coding is broken. The reason is for people.
    #[error("{0}")]
    Framing(&'static str),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
}

/// A request's body: read with [`fill`](Self::fill) and [`consume`](Self::consume), as `BufRead`.
pub struct RequestBody {
    length: BodyLength,
    whole: Bytes,
}

impl RequestBody {
    /// A body that is already here: for tests and internal requests.
    pub fn whole(bytes: Bytes) -> Self {
        Self { length: BodyLength::Exact(bytes.len() as u64), whole: bytes }
    }

    /// What the head says about the length.
    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// The bytes at hand, at least one; empty at the end of the body. The slice is the kernel's
    /// receive buffer: consume it soon. The first call sends `100 Continue` if the client waits.
    ///
    /// # Errors
    /// The body is broken or late. Later calls fail as well.
    pub async fn fill(&mut self) -> Result<&[u8], BodyError> {
        todo!()
    }

    /// Gives back the first `count` bytes of what `fill` lent.
    ///
    /// # Panics
    /// If `count` is more than `fill` lent.
    pub fn consume(&mut self, _count: usize) {
        todo!()
    }
}
