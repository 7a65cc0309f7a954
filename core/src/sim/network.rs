//! Connections.
use bytes::Bytes;
use std::io;
use std::net::SocketAddr;

/// See [`crate::Network`].
#[derive(Clone)]
pub struct Network;

impl Network {
    pub(crate) fn listen(&self, _address: SocketAddr) -> io::Result<Listener> {
        todo!()
    }

    pub(crate) async fn connect(&self, _address: SocketAddr) -> io::Result<Stream> {
        todo!()
    }
}

/// See [`crate::Listener`].
pub struct Listener;

impl Listener {
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        todo!()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        todo!()
    }
}

/// See [`crate::Stream`].
pub struct Stream;

impl Stream {
    pub(crate) async fn receive(&self) -> io::Result<Option<Received>> {
        todo!()
    }

    pub(crate) async fn send(&self, _bytes: Bytes) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        todo!()
    }
}

/// See [`crate::network::Received`].
pub type Received = Bytes;
