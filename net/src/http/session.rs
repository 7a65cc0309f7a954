//! One connection from accept to close: head, service, answer, and again.
//!
//! Never reads a request after one whose end is in doubt, and never ends a short answer as if it
//! were whole.

use super::body::{BodyLength, BodyReader, Home, RequestBody, Returned, Unread};
use super::date::DateCache;
use super::deadline::{Deadlines, Elapsed, Guard};
use super::drain::Drain;
use super::framing::{self, Framing};
use super::head::{Head, Method};
use super::inbound::Inbound;
use super::rejection::Rejection;
use super::response::{BodySource, Response, ResponseBody, encode_head};
use super::server::{Request, Service};
use crate::connection::Connection;
use crate::tls;
use bytes::Bytes;
use futures_util::future::join;
use hamster_core::limits::{
    HEAD_BYTES_MAX, HEAD_TIMEOUT, SEND_BYTES_MAX, SEND_IDLE_TIMEOUT, UNREAD_BYTES_MAX,
    UNREAD_TIMEOUT,
};
use hamster_core::{Core, Stream};
use std::net::SocketAddr;
use std::rc::Rc;

/// What the connections of one `serve` have in common.
pub struct Shared<S> {
    pub core: Core,
    pub service: Rc<S>,
    pub tls: Option<tls::Acceptor>,
    pub drain: Drain,
    pub deadlines: Deadlines,
    pub date: DateCache,
}

/// The connection must be cut: the answer could not be sent whole.
struct Cut;

struct Session<'a, S> {
    shared: &'a Shared<S>,
    connection: Rc<Connection>,
    /// For all waits but those for a request's body, which may overlap with sending.
    guard: Guard,
    peer: SocketAddr,
    /// Where the service's request body leaves the receiving side.
    home: Home,
}

/// Serves one connection until it closes.
pub async fn run<S: Service>(shared: &Shared<S>, stream: Stream, peer: SocketAddr) {
    let Some((session, mut inbound)) = Session::open(shared, stream, peer).await else { return };
    loop {
        match session.read_head(&mut inbound).await {
            Ok(None) => return,
            Err(rejection) => return session.refuse(rejection, inbound).await,
            Ok(Some((head, framing))) => match session.exchange(head, framing, inbound).await {
                Some(back) => inbound = back,
                None => return,
            },
        }
    }
}

/// Tells a peer that its connection is one too many, and closes it.
pub async fn turn_away<S: Service>(shared: &Shared<S>, stream: Stream, peer: SocketAddr) {
    if let Some((session, inbound)) = Session::open(shared, stream, peer).await {
        session.refuse(Rejection::TooManyConnections, inbound).await;
    }
}

impl<'a, S: Service> Session<'a, S> {
    async fn open(
        shared: &'a Shared<S>,
        stream: Stream,
        peer: SocketAddr,
    ) -> Option<(Self, Inbound)> {
        let guard = shared.deadlines.guard();
        let connection = match &shared.tls {
            None => Connection::Plain(stream),
            Some(acceptor) => {
                match guard.within(HEAD_TIMEOUT, acceptor.accept(stream)).await.ok()? {
                    Ok(stream) => Connection::Tls(Box::new(stream)),
                    Err(error) => {
                        tracing::debug!(%peer, %error, "TLS handshake failed");
                        return None;
                    }
                }
            }
        };
        let connection = Rc::new(connection);
        let inbound_guard = Rc::new(shared.deadlines.guard());
        let inbound = Inbound::new(Rc::clone(&connection), Some(inbound_guard));
        Some((Self { shared, connection, guard, peer, home: Home::default() }, inbound))
    }

    /// The next request's head; `None` if the peer has gone or was idle for too long.
    async fn read_head(&self, inbound: &mut Inbound) -> Result<Option<(Head, Framing)>, Rejection> {
        if inbound.bytes().is_empty() {
            match inbound.receive_idle().await {
                Ok(Ok(1..)) => {}
                _ => return Ok(None),
            }
        }
        if let Some(found) = parse(inbound)? {
            return Ok(Some(found));
        }
        let rest = async {
            loop {
                let before = inbound.bytes().len();
                let Ok(1..) = inbound.receive().await else { return Ok(None) };
                let bytes = inbound.bytes();
                // Why not each time: a head that comes byte by byte would be parsed as often.
                let worth_parsing =
                    bytes.len() >= HEAD_BYTES_MAX.as_usize() || bytes[before..].contains(&b'\n');
                if worth_parsing && let Some(found) = parse(inbound)? {
                    return Ok(Some(found));
                }
            }
        };
        self.guard.within(HEAD_TIMEOUT, rest).await.unwrap_or(Err(Rejection::HeadTimedOut))
    }

    /// Has one request answered. Gives the receiving side back if another may follow.
    async fn exchange(
        &self,
        head: Head,
        framing: Framing,
        mut inbound: Inbound,
    ) -> Option<Inbound> {
        let to_head = head.method() == Method::Head;
        // Why even the body's beginning: the service may wait for others before it reads it.
        inbound.disown();
        let (body, kept) = match framing.body {
            length @ (BodyLength::None | BodyLength::Exact(0)) => {
                // Why, with no body to come: botocore takes an answer without it for the answer to
                // every later request of the connection.
                if framing.expects_continue {
                    inbound.send_continue().await.ok()?.ok()?;
                }
                (RequestBody::empty(length), Some(BodyReader::new(inbound, length)))
            }
            length => {
                let home = Rc::clone(&self.home);
                (RequestBody::wire(length, inbound, framing.expects_continue, home), None)
            }
        };
        let secure = self.shared.tls.is_some();
        let response =
            self.shared.service.call(Request { head, body, peer: self.peer, secure }).await;
        let mut reader = kept;
        let unread = match self.home.take() {
            // Why unknown while a client waits for 100 Continue: it may send the body or not.
            Some(Returned { reader: back, expects_continue: true }) => {
                reader = Some(back);
                Unread::Unknown
            }
            Some(Returned { reader: back, .. }) => reader.insert(back).unread(),
            None => reader.as_ref().map_or(Unread::Unknown, |_| Unread::Nothing),
        };
        let keep = framing.keep_alive
            && !response.close
            && !self.shared.drain.is_draining()
            && match unread {
                Unread::Nothing => true,
                Unread::Bytes(left) => left <= UNREAD_BYTES_MAX.get(),
                Unread::Unknown => false,
            };
        self.send(response, to_head, !keep).await.ok()?;
        let mut reader = reader.or_else(|| Some(self.home.take()?.reader))?;
        if !keep {
            self.close(reader.inbound).await;
            return None;
        }
        if !matches!(unread, Unread::Nothing) {
            self.guard.within(UNREAD_TIMEOUT, reader.discard()).await.ok()?.ok()?;
        }
        Some(reader.inbound)
    }

    async fn refuse(&self, rejection: Rejection, inbound: Inbound) {
        let response = self.shared.service.reject(rejection);
        if self.send(response, false, true).await.is_ok() {
            self.close(inbound).await;
        }
    }

    /// Ends this side, then waits a little for the peer to end its own: closing at once, with bytes
    /// unread, would reset the connection and could take the answer from the peer's hands.
    async fn close(&self, mut inbound: Inbound) {
        let farewell = async {
            self.connection.finish().await?;
            let mut left = UNREAD_BYTES_MAX.as_usize();
            while left > 0 {
                inbound.consume(inbound.bytes().len());
                match inbound.receive().await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            std::io::Result::Ok(())
        };
        // Whatever comes of it, the connection closes now.
        let _ = self.guard.within(UNREAD_TIMEOUT, farewell).await;
    }

    async fn send(&self, response: Response, to_head: bool, close: bool) -> Result<(), Cut> {
        let date = self.shared.date.text(self.shared.core.clock().wall());
        let head = encode_head(&response, &date, close);
        if to_head || matches!(response.status, 204 | 304) {
            return self.send_bytes(head, Bytes::new()).await;
        }
        match response.body {
            ResponseBody::Empty => self.send_bytes(head, Bytes::new()).await,
            ResponseBody::Full(bytes) => self.send_bytes(head, bytes).await,
            ResponseBody::Stream { length: 0, .. } => self.send_bytes(head, Bytes::new()).await,
            ResponseBody::Stream { length, source } => self.stream(head, length, source).await,
            ResponseBody::HeadOnly { .. } => {
                tracing::error!("an answer without its body to a method other than HEAD");
                Err(Cut)
            }
        }
    }

    /// Sends `head` with the first piece of `source`, and each piece while the next is made.
    async fn stream(
        &self,
        head: Bytes,
        length: u64,
        mut source: Box<dyn BodySource>,
    ) -> Result<(), Cut> {
        let (mut left, mut head) = (length, head);
        let mut next = source.next().await;
        loop {
            let Ok(Some(piece)) = next else { return Err(Cut) };
            left = left.checked_sub(piece.len() as u64).ok_or(Cut)?;
            let sending = self.send_bytes(std::mem::take(&mut head), piece);
            if left == 0 {
                return sending.await;
            }
            let (sent, following) = join(sending, source.next()).await;
            sent?;
            next = following;
        }
    }

    async fn send_bytes(&self, head: Bytes, mut body: Bytes) -> Result<(), Cut> {
        let first = body.split_to(body.len().min(SEND_BYTES_MAX.as_usize()));
        match (head.is_empty(), first.is_empty()) {
            (false, false) => self.timed(self.connection.send_two(head, first)).await?,
            (false, true) => self.timed(self.connection.send(head)).await?,
            (true, _) => self.timed(self.connection.send(first)).await?,
        }
        while !body.is_empty() {
            let piece = body.split_to(body.len().min(SEND_BYTES_MAX.as_usize()));
            self.timed(self.connection.send(piece)).await?;
        }
        Ok(())
    }

    async fn timed(&self, sending: impl Future<Output = std::io::Result<()>>) -> Result<(), Cut> {
        match self.guard.within(SEND_IDLE_TIMEOUT, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(Elapsed) => Err(Cut),
        }
    }
}

fn parse(inbound: &mut Inbound) -> Result<Option<(Head, Framing)>, Rejection> {
    let Some((head, length)) = Head::parse(inbound.bytes())? else { return Ok(None) };
    let framing = framing::of_request(&head)?;
    inbound.consume(length);
    Ok(Some((head, framing)))
}
