//! epoll, as little of it as the generator needs.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 256;

/// Waits for many sockets.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poll {
    /// Waits for nothing yet. From now on this thread's waits end when they are due: the kernel's
    /// usual 50 µs of slack would be measured as the server's.
    ///
    /// # Errors
    /// The process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
        // SAFETY: no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_MAX) })
    }

    /// Watches `socket` for bytes to read; it goes by `token`. A closed socket is forgotten.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn watch(&self, socket: &TcpStream, token: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, token, false)
    }

    /// Watches for room to write as well, or no longer.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn watch_writable(&self, socket: &TcpStream, token: usize, on: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, token, on)
    }

    fn control(
        &self,
        operation: libc::c_int,
        socket: &TcpStream,
        token: usize,
        writable: bool,
    ) -> io::Result<()> {
        let wanted = libc::EPOLLIN | if writable { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event {
            events: wanted.cast_unsigned(),
            u64: u64::try_from(token).expect("usize fits in 64 bits"),
        };
        let (epoll, socket) = (self.epoll.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: `event` is valid for the call; both descriptors are open.
        let status = unsafe { libc::epoll_ctl(epoll, operation, socket, &raw mut event) };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits for an event, for `patience` at most, and adds the tokens of ready sockets to `ready`.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn wait(&mut self, patience: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
        let timeout = libc::timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let room = EVENTS_MAX.try_into().expect("a small number");
        // SAFETY: the vector has room for `room` events, the timeout is valid for the call, and no
        // signal mask is given.
        let count = unsafe {
            let events = self.events.as_mut_ptr();
            let epoll = self.epoll.as_raw_fd();
            libc::epoll_pwait2(epoll, events, room, &raw const timeout, std::ptr::null())
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            let interrupted = error.kind() == io::ErrorKind::Interrupted;
            return if interrupted { Ok(()) } else { Err(error) };
        };
        // SAFETY: the kernel has filled `count` events.
        unsafe { self.events.set_len(count) };
        ready.extend(self.events.drain(..).map(|event| {
            let token = event.u64;
            usize::try_from(token).expect("was a usize")
        }));
        Ok(())
    }
}
