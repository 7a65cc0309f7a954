//! A body on its way in: where it ends, and its bytes lent piece by piece from the kernel's receive
//! buffers.

use super::chunked::{ChunkDecoder, Chunked};
use super::inbound::Inbound;
use bytes::{Buf, Bytes};
use hamster_core::limits::BODY_IDLE_TIMEOUT;
use std::cell::Cell;
use std::mem;
use std::rc::Rc;

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
///
/// Read it to its end (an empty `fill`): a chunked body is over only then, and the connection is
/// of further use.
pub struct RequestBody {
    length: BodyLength,
    source: Source,
}

enum Source {
    Nothing,
    Whole(Bytes),
    Wire(Wire),
}

struct Wire {
    reader: BodyReader,
    expects_continue: bool,
    home: Home,
}

/// Where a dropped request body leaves its reader for the connection's next request.
pub(super) type Home = Rc<Cell<Option<Returned>>>;

/// What the service left of a body.
pub(super) struct Returned {
    pub reader: BodyReader,
    /// Whether the client still waits for `100 Continue`: then it may never send the body.
    pub expects_continue: bool,
}

impl RequestBody {
    /// A body that is already here: for tests and internal requests.
    pub fn whole(bytes: Bytes) -> Self {
        Self { length: BodyLength::Exact(bytes.len() as u64), source: Source::Whole(bytes) }
    }

    pub(super) fn empty(length: BodyLength) -> Self {
        Self { length, source: Source::Nothing }
    }

    pub(super) fn wire(
        length: BodyLength,
        inbound: Inbound,
        expects_continue: bool,
        home: Home,
    ) -> Self {
        let reader = BodyReader::new(inbound, length);
        Self { length, source: Source::Wire(Wire { reader, expects_continue, home }) }
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
        match &mut self.source {
            Source::Nothing => Ok(&[]),
            Source::Whole(bytes) => Ok(bytes),
            Source::Wire(wire) => {
                // Why not when bytes are here: the client did not wait.
                if mem::take(&mut wire.expects_continue) && wire.reader.inbound.bytes().is_empty() {
                    let sending = wire.reader.inbound.send_continue();
                    sending.await.map_err(|_| BodyError::TimedOut)??;
                }
                wire.reader.fill().await
            }
        }
    }

    /// Gives back the first `count` bytes of what `fill` lent.
    ///
    /// # Panics
    /// If `count` is more than `fill` lent.
    pub fn consume(&mut self, count: usize) {
        match &mut self.source {
            Source::Nothing => assert!(count == 0, "there is no body to consume"),
            Source::Whole(bytes) => bytes.advance(count),
            Source::Wire(wire) => wire.reader.consume(count),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Source::Wire(wire) = mem::replace(&mut self.source, Source::Nothing) {
            let Wire { reader, expects_continue, home } = wire;
            home.set(Some(Returned { reader, expects_continue }));
        }
    }
}

/// Reads one body from a connection and stops at its end.
pub(super) struct BodyReader {
    pub inbound: Inbound,
    rest: Rest,
}

enum Rest {
    Exact(u64),
    Chunked(ChunkDecoder),
    /// Of an answer to our client: the body ends with the connection.
    UntilClose,
    Broken,
}

impl From<BodyLength> for Rest {
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Exact(0),
            BodyLength::Exact(length) => Self::Exact(length),
            BodyLength::Chunked => Self::Chunked(ChunkDecoder::default()),
        }
    }
}

impl BodyReader {
    pub fn new(inbound: Inbound, length: BodyLength) -> Self {
        Self { inbound, rest: length.into() }
    }

    /// Makes ready for the next body: of this length, or up to the end of the connection.
    pub fn expect(&mut self, length: Option<BodyLength>) {
        self.rest = length.map_or(Rest::UntilClose, Rest::from);
    }

    /// The bytes at hand; empty at the end.
    pub async fn fill(&mut self) -> Result<&[u8], BodyError> {
        let result = self.available().await;
        if result.is_err() {
            self.rest = Rest::Broken;
        }
        Ok(&self.inbound.bytes()[..result?])
    }

    /// How many bytes of the body stand at the front of what has come; waits for at least one.
    async fn available(&mut self) -> Result<usize, BodyError> {
        loop {
            match self.at_hand()? {
                AtHand::Bytes(count) => return Ok(count),
                AtHand::End => return Ok(0),
                AtHand::More => {}
            }
            let received = self.inbound.receive_within(BODY_IDLE_TIMEOUT).await;
            if received.map_err(|_| BodyError::TimedOut)?? > 0 {
                continue;
            }
            match self.rest {
                Rest::UntilClose => self.rest = Rest::Exact(0),
                _ => return Err(BodyError::Truncated),
            }
        }
    }

    /// What there is without waiting. Framing at the front is read.
    fn at_hand(&mut self) -> Result<AtHand, BodyError> {
        let here = self.inbound.bytes().len();
        let count = match &mut self.rest {
            Rest::Exact(0) => return Ok(AtHand::End),
            Rest::Exact(left) => usize::try_from(*left).unwrap_or(usize::MAX).min(here),
            Rest::UntilClose => here,
            Rest::Broken => return Err(BodyError::Truncated),
            Rest::Chunked(decoder) => {
                let (skip, found) =
                    decoder.read(self.inbound.bytes()).map_err(BodyError::Framing)?;
                self.inbound.consume(skip);
                match found {
                    Chunked::Payload(count) => count,
                    Chunked::More => 0,
                    Chunked::End => {
                        self.rest = Rest::Exact(0);
                        return Ok(AtHand::End);
                    }
                }
            }
        };
        Ok(if count == 0 { AtHand::More } else { AtHand::Bytes(count) })
    }

    /// Counts `count` bytes of the body as read.
    pub fn consume(&mut self, count: usize) {
        match &mut self.rest {
            Rest::Exact(left) => {
                *left = left.checked_sub(count as u64).expect("no more than fill lent");
            }
            Rest::Chunked(decoder) => decoder.take(count),
            Rest::UntilClose => {}
            Rest::Broken => assert!(count == 0, "nothing was lent"),
        }
        self.inbound.consume(count);
    }

    /// Whether the whole body was read, as far as can be told without waiting; what of it may
    /// still come, if that is known.
    pub fn unread(&mut self) -> Unread {
        match self.at_hand() {
            Ok(AtHand::End) => Unread::Nothing,
            Ok(_) => match self.rest {
                Rest::Exact(left) => Unread::Bytes(left),
                _ => Unread::Unknown,
            },
            Err(_) => Unread::Unknown,
        }
    }

    /// Reads and drops the rest of the body.
    pub async fn discard(&mut self) -> Result<(), BodyError> {
        loop {
            let count = self.fill().await?.len();
            if count == 0 {
                return Ok(());
            }
            self.consume(count);
        }
    }
}

enum AtHand {
    Bytes(usize),
    More,
    End,
}

/// What of a body was not read.
pub(super) enum Unread {
    Nothing,
    Bytes(u64),
    Unknown,
}
