//! Loopback ports for servers under test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what the kernel gives to outgoing connections, so that none of those takes a port between
/// two starts of a server.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on and that this process gives out once.
///
/// # Panics
/// There is none.
pub fn free() -> SocketAddr {
    // Why the process id: two test programs at once begin at different places.
    let place = u16::try_from(std::process::id() * 64 % u32::from(LAST - FIRST));
    let place = place.expect("below a port");
    for _ in FIRST..LAST {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % (LAST - FIRST);
        let port = FIRST + (place + step) % (LAST - FIRST);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port between {FIRST} and {LAST}");
}
