//! Socket addresses as the kernel writes them. Called by `network` only.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;

/// `address` in the kernel's form, with its length.
pub(super) fn to_kernel(address: SocketAddr) -> (Box<libc::sockaddr_storage>, libc::socklen_t) {
    // SAFETY: a storage of zeroes is an address of no family.
    let mut storage = Box::new(unsafe { zeroed::<libc::sockaddr_storage>() });
    let place = &raw mut *storage;
    let length = match address {
        SocketAddr::V4(address) => {
            let kernel = libc::sockaddr_in {
                sin_family: libc::sa_family_t::try_from(libc::AF_INET).expect("a small number"),
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is large enough and aligned for every family.
            unsafe { place.cast::<libc::sockaddr_in>().write(kernel) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            let kernel = libc::sockaddr_in6 {
                sin6_family: libc::sa_family_t::try_from(libc::AF_INET6).expect("a small number"),
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            // SAFETY: as above.
            unsafe { place.cast::<libc::sockaddr_in6>().write(kernel) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, libc::socklen_t::try_from(length).expect("an address is short"))
}

fn from_kernel(storage: &libc::sockaddr_storage) -> io::Result<SocketAddr> {
    let place: *const libc::sockaddr_storage = storage;
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says so, and the storage is large enough and aligned.
            let kernel = unsafe { &*place.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(kernel.sin_addr.s_addr.to_ne_bytes());
            Ok(SocketAddrV4::new(ip, u16::from_be(kernel.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let kernel = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(kernel.sin6_addr.s6_addr);
            let port = u16::from_be(kernel.sin6_port);
            Ok(SocketAddrV6::new(ip, port, kernel.sin6_flowinfo, kernel.sin6_scope_id).into())
        }
        family => Err(io::Error::other(format!("an address of family {family}"))),
    }
}

type Ask = unsafe extern "C" fn(RawFd, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn ask(socket: RawFd, ask: Ask) -> io::Result<SocketAddr> {
    // SAFETY: a storage of zeroes is an address of no family.
    let mut storage = unsafe { zeroed::<libc::sockaddr_storage>() };
    let mut length = libc::socklen_t::try_from(size_of_val(&storage)).expect("an address is short");
    // SAFETY: the length is that of the storage.
    super::system::check(unsafe { ask(socket, (&raw mut storage).cast(), &raw mut length) })?;
    from_kernel(&storage)
}

/// The socket's own address.
pub(super) fn of(socket: RawFd) -> io::Result<SocketAddr> {
    ask(socket, libc::getsockname)
}

/// The address at the other end.
pub(super) fn of_peer(socket: RawFd) -> io::Result<SocketAddr> {
    ask(socket, libc::getpeername)
}
