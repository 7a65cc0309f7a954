//! Connections on the ring: multishot accept and receive, sends that the kernel finishes.

use super::multishot::{Acceptor, Receiver};
use super::request::{Request, check};
use super::ring::Ring;
use super::slot::Payload;
use super::{address, system};
use crate::limits;
use bytes::{Buf, Bytes};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;

pub use super::multishot::Received;

/// See [`crate::Network`].
#[derive(Clone)]
pub struct Network {
    pub(super) ring: Rc<Ring>,
}

/// A socket that the ring closes, behind everything queued for it.
struct Socket {
    ring: Rc<Ring>,
    descriptor: RawFd,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.ring.close(self.descriptor);
    }
}

impl Network {
    pub(crate) fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        let socket = new_socket(address)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT)?;
        let (storage, length) = address::to_kernel(address);
        let descriptor = socket.as_raw_fd();
        // SAFETY: the length is that of the address within the storage.
        system::check(unsafe { libc::bind(descriptor, (&raw const *storage).cast(), length) })?;
        // SAFETY: no pointers.
        system::check(unsafe { libc::listen(descriptor, limits::LISTEN_BACKLOG) })?;
        let address = address::of(descriptor)?;
        let acceptor = Acceptor::new(&self.ring, descriptor);
        Ok(Listener { acceptor, socket: self.own(socket), address })
    }

    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let socket = self.own(new_socket(address)?);
        let (storage, length) = address::to_kernel(address);
        let (result, _) = Request::connect(&self.ring, socket.descriptor, storage, length).await;
        check(result)?;
        Ok(Stream::new(socket))
    }

    fn own(&self, socket: OwnedFd) -> Socket {
        Socket { ring: Rc::clone(&self.ring), descriptor: socket.into_raw_fd() }
    }
}

/// A TCP socket that sends without delay; sockets accepted from it inherit that.
fn new_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: no pointers.
    let socket =
        system::own(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) })?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    Ok(socket)
}

fn set_option(socket: &OwnedFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).expect("four");
    let value = (&raw const on).cast();
    // SAFETY: the option is an int, and the length says so.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, length) };
    system::check(result).map(drop)
}

/// See [`crate::Listener`].
pub struct Listener {
    /// Before the socket: its cancel leaves first.
    acceptor: Acceptor,
    socket: Socket,
    address: SocketAddr,
}

impl Listener {
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        loop {
            let descriptor =
                std::future::poll_fn(|context| self.acceptor.poll_next(context)).await?;
            let socket = Socket { ring: Rc::clone(&self.socket.ring), descriptor };
            // A peer that has gone already has no address: not worth an error.
            if let Ok(peer) = address::of_peer(descriptor) {
                return Ok((Stream::new(socket), peer));
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// See [`crate::Stream`].
pub struct Stream {
    /// Before the socket: its cancel leaves first.
    receiver: Receiver,
    socket: Socket,
}

impl Stream {
    fn new(socket: Socket) -> Self {
        Self { receiver: Receiver::new(&socket.ring, socket.descriptor), socket }
    }

    pub(crate) async fn receive(&self) -> io::Result<Option<Received>> {
        std::future::poll_fn(|context| self.receiver.poll_next(context)).await
    }

    pub(crate) async fn send(&self, mut bytes: Bytes) -> io::Result<()> {
        let Socket { ring, descriptor } = &self.socket;
        let mut sent = 0;
        while sent < bytes.len() {
            let (result, payload) = Request::send(ring, *descriptor, bytes, sent).await;
            let Payload::Bytes(back) = payload else { unreachable!("a send returns its bytes") };
            bytes = back;
            sent += check(result)?;
        }
        Ok(())
    }

    pub(crate) async fn send_two(&self, mut head: Bytes, mut body: Bytes) -> io::Result<()> {
        let Socket { ring, descriptor } = &self.socket;
        while !head.is_empty() {
            let (result, payload) = Request::send_two(ring, *descriptor, head, body).await;
            let Payload::Message(message) = payload else {
                unreachable!("a send returns its message")
            };
            (head, body) = (message.head, message.body);
            let sent = check(result)?;
            let of_head = sent.min(head.len());
            head.advance(of_head);
            body.advance(sent - of_head);
            if of_head < sent || head.is_empty() {
                break;
            }
        }
        self.send(body).await
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        let (result, _) = Request::shut_down(&self.socket.ring, self.socket.descriptor).await;
        check(result).map(drop)
    }
}
