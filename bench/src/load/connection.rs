//! One connection of the generator: at most one request is on its way, and comes back with its
//! answer or with what went wrong.

use super::answer::Answer;
use super::bodies::Bodies;
use super::order::{Listing, Operation, Order};
use super::poll::Poll;
use hamster_core::Instant;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Every n-th GET of a connection is compared byte for byte, the others at each piece's edges.
const CHECKED_FULLY_EVERY: u64 = 16;
/// Text of a listing or of an error that is kept.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// A server that does not accept for this long is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// What it is.
    pub order: Order,
    /// When it was to be sent: latency counts from here.
    pub intended: Instant,
    /// When it was sent: patience counts from here.
    pub sent: Instant,
}

/// How a request ended.
pub enum Outcome {
    /// It has not.
    Pending,
    /// As it should: bytes of the object moved.
    Well(usize),
    /// As it should not, by status or by name; the connection lives.
    Refused(String),
    /// Nor does the connection.
    Lost(&'static str),
}

/// See the module.
pub struct Connection {
    stream: TcpStream,
    token: usize,
    out: Vec<u8>,
    written: usize,
    body_bytes: usize,
    waits_for_room: bool,
    answer: Answer,
    wrong: bool,
    text: Vec<u8>,
    requests: u64,
    /// The request on its way.
    pub flight: Option<Flight>,
}

impl Connection {
    /// Connects (blocking, for a second at most) and is watched by `poll` under `token`.
    ///
    /// # Errors
    /// Nobody accepts.
    pub fn open(address: &SocketAddr, poll: &Poll, token: usize) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(address, CONNECT_PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poll.watch(&stream, token)?;
        Ok(Self {
            stream,
            token,
            out: Vec::new(),
            written: 0,
            body_bytes: 0,
            waits_for_room: false,
            answer: Answer::new(),
            wrong: false,
            text: Vec::new(),
            requests: 0,
            flight: None,
        })
    }

    /// Sends a request whose head `write` makes.
    pub fn send(
        &mut self,
        flight: Flight,
        write: impl FnOnce(&mut Vec<u8>),
        bodies: &Bodies,
        poll: &Poll,
    ) -> Outcome {
        debug_assert!(self.flight.is_none(), "one request at a time");
        write(&mut self.out);
        self.written = 0;
        self.body_bytes = match flight.order.operation {
            Operation::Put => bodies.size(),
            Operation::Get | Operation::List => 0,
        };
        self.answer.clear();
        self.text.clear();
        self.wrong = false;
        self.requests += 1;
        self.flight = Some(flight);
        self.write(flight.order, bodies, poll)
    }

    /// The socket is ready: goes on writing, reads what came.
    pub fn ready(
        &mut self,
        bodies: &Bodies,
        listing: Listing,
        poll: &Poll,
        scratch: &mut [u8],
    ) -> Outcome {
        let Some(flight) = self.flight else {
            // Nothing was asked for: the server has closed, or does not speak HTTP.
            return match self.stream.read(scratch) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::Pending,
                _ => Outcome::Lost("closed while idle"),
            };
        };
        if self.waits_for_room {
            let outcome = self.write(flight.order, bodies, poll);
            if !matches!(outcome, Outcome::Pending) {
                return outcome;
            }
        }
        let came = match self.stream.read(scratch) {
            Ok(0) => return Outcome::Lost("connection closed"),
            Ok(count) => &scratch[..count],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Outcome::Pending,
            Err(_) => return Outcome::Lost("connection reset"),
        };
        let fully = self.requests.is_multiple_of(CHECKED_FULLY_EVERY);
        let Self { answer, text, wrong, .. } = self;
        let taken = answer.take(came, |status, offset, piece| {
            if status == 200 && flight.order.operation == Operation::Get {
                *wrong |= !bodies.matches(flight.order.object, offset, piece, fully);
            } else if text.len() + piece.len() <= TEXT_BYTES_MAX {
                text.extend_from_slice(piece);
            }
        });
        if taken.is_err() {
            return Outcome::Lost("garbled answer");
        }
        if self.answer.is_done() { self.judge(flight, bodies, listing) } else { Outcome::Pending }
    }

    /// After its answer: is the connection of no more use?
    pub fn is_spent(&self) -> bool {
        self.answer.closes || self.written < self.out.len() + self.body_bytes
    }

    /// What the server said, for a message.
    pub fn text(&self) -> String {
        let shown = &self.text[..self.text.len().min(400)];
        String::from_utf8_lossy(shown).into_owned()
    }

    fn judge(&self, flight: Flight, bodies: &Bodies, listing: Listing) -> Outcome {
        if self.answer.status != 200 {
            return Outcome::Refused(self.answer.status.to_string());
        }
        let right = match flight.order.operation {
            Operation::Put => true,
            Operation::Get => !self.wrong && self.answer.body_bytes == bodies.size(),
            Operation::List => keys_of(&self.text) == listing.keys_after(flight.order.object),
        };
        match flight.order.operation {
            _ if !right => Outcome::Refused("wrong bytes".to_owned()),
            Operation::List => Outcome::Well(self.answer.body_bytes),
            Operation::Put | Operation::Get => Outcome::Well(bodies.size()),
        }
    }

    fn write(&mut self, order: Order, bodies: &Bodies, poll: &Poll) -> Outcome {
        let total = self.out.len() + self.body_bytes;
        while self.written < total {
            let head = &self.out[self.written.min(self.out.len())..];
            let offset = self.written.saturating_sub(self.out.len());
            let written = if self.body_bytes == 0 {
                self.stream.write(head)
            } else {
                let body = bodies.piece(order.object, offset);
                self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)])
            };
            match written {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Outcome::Lost("connection reset"),
            }
        }
        let waits = self.written < total;
        if waits != self.waits_for_room {
            self.waits_for_room = waits;
            if poll.watch_writable(&self.stream, self.token, waits).is_err() {
                return Outcome::Lost("connection reset");
            }
        }
        Outcome::Pending
    }
}

/// Keys on a page of a listing.
fn keys_of(page: &[u8]) -> usize {
    let page = String::from_utf8_lossy(page);
    page.matches("<Key>").count()
}
