//! The receiving side of a connection: bytes that have come and are not read yet.
//!
//! Holds at most one receive buffer of the backend, and gives it back as soon as it is read.

use super::deadline::{Elapsed, Guard};
use crate::connection::{Connection, Received};
use bytes::Bytes;
use hamster_core::limits::SEND_IDLE_TIMEOUT;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// What has come and is not read yet.
pub struct Inbound {
    connection: Rc<Connection>,
    /// None for a client, which brings its own deadlines.
    guard: Option<Rc<Guard>>,
    received: Option<Received>,
    /// How much of `received` is read.
    read: usize,
}

impl Inbound {
    pub fn new(connection: Rc<Connection>, guard: Option<Rc<Guard>>) -> Self {
        Self { connection, guard, received: None, read: 0 }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Tells a client that waits for it to go on.
    pub async fn send_continue(&self) -> Result<io::Result<()>, Elapsed> {
        let line = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
        match &self.guard {
            None => Ok(self.connection.send(line).await),
            Some(guard) => guard.within(SEND_IDLE_TIMEOUT, self.connection.send(line)).await,
        }
    }

    /// The bytes not read yet.
    pub fn bytes(&self) -> &[u8] {
        self.received.as_deref().map_or(&[], |bytes| &bytes[self.read..])
    }

    /// Counts `count` bytes as read.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.bytes().len(), "{count} bytes were never lent");
        self.read += count;
        if self.bytes().is_empty() {
            self.received = None;
            self.read = 0;
        }
    }

    /// Adds what comes next behind the bytes not read yet; 0 at the end of the stream.
    pub async fn receive(&mut self) -> io::Result<usize> {
        self.disown();
        let Some(next) = self.connection.receive().await? else { return Ok(0) };
        let count = next.len();
        match &mut self.received {
            Some(Received::Owned(bytes)) => bytes.extend_from_slice(&next),
            _ => (self.received, self.read) = (Some(next), 0),
        }
        Ok(count)
    }

    /// Gives the backend its buffer back: what is not read yet moves to memory of its own. Called
    /// before any wait for others, so that slow peers never hold all the buffers of a core.
    pub fn disown(&mut self) {
        match &mut self.received {
            None => return,
            Some(Received::Owned(bytes)) => drop(bytes.drain(..self.read)),
            Some(Received::Lent(bytes)) => {
                self.received = Some(Received::Owned(bytes[self.read..].to_vec()));
            }
        }
        self.read = 0;
    }

    /// As [`receive`](Self::receive), within `patience`.
    pub async fn receive_within(
        &mut self,
        patience: Duration,
    ) -> Result<io::Result<usize>, Elapsed> {
        match self.guard.clone() {
            None => Ok(self.receive().await),
            Some(guard) => guard.within(patience, self.receive()).await,
        }
    }

    /// As [`receive`](Self::receive), while no request is in flight.
    pub async fn receive_idle(&mut self) -> Result<io::Result<usize>, Elapsed> {
        match self.guard.clone() {
            None => Ok(self.receive().await),
            Some(guard) => guard.while_idle(self.receive()).await,
        }
    }
}
