//! TCP, as bytes: listening, connecting, receiving and sending.
//!
//! Receiving lends buffers of the backend (registered with the kernel, shared by all connections of
//! the core): hold them briefly. Sending takes [`Bytes`] and keeps them until the kernel is done.

use crate::{sim, uring};
use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;

/// One core's way to sockets.
#[derive(Clone)]
pub struct Network(pub(crate) NetworkBackend);

#[derive(Clone)]
pub(crate) enum NetworkBackend {
    Uring(uring::network::Network),
    Sim(sim::network::Network),
}

impl Network {
    /// Listens on `address`. Every core may listen on the same one: the kernel deals connections
    /// out among them. Port 0 takes a free port; see [`Listener::address`].
    ///
    /// # Errors
    /// The address is in use, not of this machine, or not permitted.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        match &self.0 {
            NetworkBackend::Uring(net) => {
                Ok(Listener(ListenerBackend::Uring(net.listen(address)?)))
            }
            NetworkBackend::Sim(net) => Ok(Listener(ListenerBackend::Sim(net.listen(address)?))),
        }
    }

    /// Checks that no other process listens on `address`. The first core to listen asks this: what
    /// lets the cores of one process share an address lets another process of the same user share
    /// it as well, and the two would be dealt each other's clients.
    ///
    /// # Errors
    /// The address is in use, not of this machine, or not permitted.
    pub fn check_free(&self, address: SocketAddr) -> io::Result<()> {
        match &self.0 {
            NetworkBackend::Uring(net) => net.check_free(address),
            NetworkBackend::Sim(_) => Ok(()),
        }
    }

    /// Connects to `address`. No deadline of its own: see [`Clock::timeout`](crate::Clock::timeout).
    ///
    /// # Errors
    /// Refused, unreachable, or out of descriptors.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        match &self.0 {
            NetworkBackend::Uring(net) => {
                Ok(Stream(StreamBackend::Uring(net.connect(address).await?)))
            }
            NetworkBackend::Sim(net) => Ok(Stream(StreamBackend::Sim(net.connect(address).await?))),
        }
    }
}

/// A listening socket.
pub struct Listener(ListenerBackend);

enum ListenerBackend {
    Uring(uring::network::Listener),
    Sim(sim::network::Listener),
}

impl Listener {
    /// The next connection, with the peer's address.
    ///
    /// # Errors
    /// Out of descriptors or memory: try again after a pause.
    pub async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match &mut self.0 {
            ListenerBackend::Uring(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream(StreamBackend::Uring(stream)), peer))
            }
            ListenerBackend::Sim(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream(StreamBackend::Sim(stream)), peer))
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match &self.0 {
            ListenerBackend::Uring(listener) => listener.address(),
            ListenerBackend::Sim(listener) => listener.address(),
        }
    }
}

/// A connection. One task may receive while another sends; closing happens on drop.
pub struct Stream(StreamBackend);

enum StreamBackend {
    Uring(uring::network::Stream),
    Sim(sim::network::Stream),
}

impl Stream {
    /// The next bytes, as many as have come; `None` once the peer has ended its side.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn receive(&self) -> io::Result<Option<Received>> {
        match &self.0 {
            StreamBackend::Uring(stream) => {
                Ok(stream.receive().await?.map(|bytes| Received(ReceivedBackend::Uring(bytes))))
            }
            StreamBackend::Sim(stream) => {
                Ok(stream.receive().await?.map(|bytes| Received(ReceivedBackend::Sim(bytes))))
            }
        }
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// The connection was reset; some of the bytes may have arrived.
    pub async fn send(&self, bytes: Bytes) -> io::Result<()> {
        match &self.0 {
            StreamBackend::Uring(stream) => stream.send(bytes).await,
            StreamBackend::Sim(stream) => stream.send(bytes).await,
        }
    }

    /// Sends all of `head`, then all of `body`, in one system call where the kernel takes both.
    ///
    /// # Errors
    /// As [`Stream::send`].
    pub async fn send_two(&self, head: Bytes, body: Bytes) -> io::Result<()> {
        match &self.0 {
            StreamBackend::Uring(stream) => stream.send_two(head, body).await,
            StreamBackend::Sim(stream) => {
                stream.send(head).await?;
                stream.send(body).await
            }
        }
    }

    /// Ends this side: the peer reads to the end of what was sent.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn finish(&self) -> io::Result<()> {
        match &self.0 {
            StreamBackend::Uring(stream) => stream.finish().await,
            StreamBackend::Sim(stream) => stream.finish().await,
        }
    }
}

/// Received bytes in a buffer that goes back to the backend on drop. Hold briefly.
pub struct Received(ReceivedBackend);

enum ReceivedBackend {
    Uring(uring::network::Received),
    Sim(Bytes),
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            ReceivedBackend::Uring(bytes) => bytes,
            ReceivedBackend::Sim(bytes) => bytes,
        }
    }
}
