//! One TLS connection over one of core's streams, in the same shape: receive, send, finish.

use hamster_core::ids::NodeId;
use hamster_core::limits::SEND_BYTES_MAX;
use hamster_core::sync::Semaphore;
use rustls::Connection;
use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::mem;

/// A connection whose handshake is done. One task may receive while others send.
pub struct Stream {
    stream: hamster_core::Stream,
    session: RefCell<Connection>,
    /// What is decrypted and not received yet (it may come with the handshake's last message).
    decrypted: RefCell<Vec<u8>>,
    /// The peer has ended its side; what is decrypted came before.
    ended: Cell<bool>,
    /// Who holds its one permit sends: records must leave in the order they were made.
    sending: Semaphore,
}

impl Stream {
    pub(super) async fn shake_hands(
        stream: hamster_core::Stream,
        mut session: Connection,
    ) -> io::Result<Self> {
        // Why no limit: each send is bounded by what `send` gives at a time, and awaited.
        session.set_buffer_limit(None);
        let this = Self {
            stream,
            session: RefCell::new(session),
            decrypted: RefCell::default(),
            ended: Cell::new(false),
            sending: Semaphore::new(1),
        };
        loop {
            this.flush().await?;
            if !this.session.borrow().is_handshaking() {
                return Ok(this);
            }
            if this.ended.get() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            this.receive_records().await?;
        }
    }

    /// The next bytes, at least one; `None` once the peer has ended its side. An end without TLS's
    /// close_notify counts as well: HTTP and RPC know by themselves where messages end.
    ///
    /// # Errors
    /// The connection was reset, or what came is not TLS.
    pub async fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let decrypted = mem::take(&mut *self.decrypted.borrow_mut());
            if !decrypted.is_empty() {
                return Ok(Some(decrypted));
            }
            if self.ended.get() {
                return Ok(None);
            }
            self.receive_records().await?;
            // Answers to key updates. If another task sends now, it sends them too.
            if self.session.borrow().wants_write() && self.sending.available() > 0 {
                self.flush().await?;
            }
        }
    }

    /// Sends all of `parts`, one after the other.
    ///
    /// # Errors
    /// The connection was reset; some of the bytes may have arrived.
    pub async fn send(&self, parts: &[&[u8]]) -> io::Result<()> {
        let permit = self.sending.acquire(1).await;
        let mut unsent = 0;
        for piece in parts.iter().flat_map(|part| part.chunks(SEND_BYTES_MAX.as_usize())) {
            if unsent + piece.len() > SEND_BYTES_MAX.as_usize() {
                self.send_records().await?;
                unsent = 0;
            }
            self.session.borrow_mut().writer().write_all(piece)?;
            unsent += piece.len();
        }
        self.send_records().await?;
        drop(permit);
        Ok(())
    }

    /// Ends this side: the peer reads to the end of what was sent.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn finish(&self) -> io::Result<()> {
        self.session.borrow_mut().send_close_notify();
        self.flush().await?;
        self.stream.finish().await
    }

    /// Whether the peer showed the certificate of `node` (its chain was verified by the handshake).
    pub fn peer_is(&self, node: NodeId) -> bool {
        let session = self.session.borrow();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        certificate.is_some_and(|certificate| crate::ca::is_of_node(certificate, node))
    }

    async fn flush(&self) -> io::Result<()> {
        let permit = self.sending.acquire(1).await;
        self.send_records().await?;
        drop(permit);
        Ok(())
    }

    /// Sends every record there is. The caller holds the permit.
    async fn send_records(&self) -> io::Result<()> {
        while self.session.borrow().wants_write() {
            let mut records = Vec::new();
            while self.session.borrow().wants_write() {
                self.session.borrow_mut().write_tls(&mut records)?;
            }
            self.stream.send(records.into()).await?;
        }
        Ok(())
    }

    /// Takes in what comes next.
    async fn receive_records(&self) -> io::Result<()> {
        let Some(received) = self.stream.receive().await? else {
            self.ended.set(true);
            return Ok(());
        };
        let result = self.decrypt(&received);
        drop(received);
        if result.is_err() {
            // The alert tells the peer why; whether it arrives changes nothing.
            let _ = self.flush().await;
        }
        result
    }

    fn decrypt(&self, mut records: &[u8]) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        let mut decrypted = self.decrypted.borrow_mut();
        while !records.is_empty() && !self.ended.get() {
            session.read_tls(&mut records)?;
            let state = session
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let start = decrypted.len();
            decrypted.resize(start + state.plaintext_bytes_to_read(), 0);
            session.reader().read_exact(&mut decrypted[start..])?;
            self.ended.set(state.peer_has_closed());
        }
        Ok(())
    }
}
