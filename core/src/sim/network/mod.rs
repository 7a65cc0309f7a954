//! Connections in memory. Every node has an address of its own; loopback and unspecified addresses
//! mean the node itself.

mod connection;
mod link;
mod switch;

pub use connection::Stream;
pub use link::Link;
pub(crate) use switch::Switch;

use crate::sync::Receiver;
use bytes::Bytes;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

const EPIPE: i32 = 32;
const EADDRNOTAVAIL: i32 = 99;
const ECONNRESET: i32 = 104;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// See [`crate::Network`].
#[derive(Clone)]
pub struct Network {
    pub(crate) switch: Rc<Switch>,
    /// The node that this is a way out of.
    pub(crate) host: IpAddr,
}

impl Network {
    pub(crate) fn listen(&self, mut address: SocketAddr) -> io::Result<Listener> {
        if address.port() == 0 {
            address.set_port(self.switch.free_port());
        }
        let reached = self.reached(address);
        if reached.ip() != self.host {
            return Err(error(EADDRNOTAVAIL));
        }
        let backlog = self.switch.listen(reached);
        Ok(Listener { address, backlog })
    }

    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let address = self.reached(address);
        self.switch.pass(self.host, address.ip()).await?;
        let stream = self.switch.connect(self.host, address)?;
        self.switch.pass(address.ip(), self.host).await?;
        Ok(stream)
    }

    /// What `address` means on this node.
    fn reached(&self, address: SocketAddr) -> SocketAddr {
        let own = address.ip().is_loopback() || address.ip().is_unspecified();
        SocketAddr::new(if own { self.host } else { address.ip() }, address.port())
    }
}

/// See [`crate::Listener`].
pub struct Listener {
    address: SocketAddr,
    backlog: Receiver<(Stream, SocketAddr)>,
}

impl Listener {
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match self.backlog.receive().await {
            Some(accepted) => Ok(accepted),
            // The world has ended.
            None => pending().await,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// See [`crate::network::Received`].
pub type Received = Bytes;
