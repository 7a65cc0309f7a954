//! What the process is told from outside: variables, the host's name, signals.
//!
//! Read by the binary at start. Nothing below it may look here.

use super::request::{Request, check};
use super::ring::Ring;
use super::runtime::CoreHandle;
use super::system;
use crate::environment::Signal;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

/// The environment variable `name`, if it is set to readable text.
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The host's name, or `localhost` if it has none.
pub fn host_name() -> String {
    let mut name = [0u8; 256];
    // SAFETY: the length leaves a zero at the end.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    match std::str::from_utf8(&name[..length]) {
        Ok(text) if result == 0 && !text.is_empty() => text.to_owned(),
        _ => "localhost".to_owned(),
    }
}

const SIGNALS: [(libc::c_int, Signal); 3] =
    [(libc::SIGTERM, Signal::Stop), (libc::SIGINT, Signal::Stop), (libc::SIGHUP, Signal::Reload)];

/// See [`crate::environment::signals`].
pub(crate) fn signals(handle: &CoreHandle) -> io::Result<Signals> {
    let set = signal_set();
    // SAFETY: a valid set; -1 asks for a new descriptor.
    let descriptor = system::own(unsafe {
        libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)
    })?;
    Ok(Signals { ring: Rc::clone(&handle.ring), descriptor })
}

/// See [`crate::environment::Signals`].
pub struct Signals {
    ring: Rc<Ring>,
    descriptor: OwnedFd,
}

impl Signals {
    pub(crate) async fn next(&mut self) -> io::Result<Signal> {
        loop {
            if let Some(signal) = self.take()? {
                return Ok(signal);
            }
            let (result, _) = Request::readable(&self.ring, self.descriptor.as_raw_fd()).await;
            check(result)?;
        }
    }

    fn take(&self) -> io::Result<Option<Signal>> {
        // SAFETY: a signal of zeroes is a valid place for one.
        let mut came = unsafe { std::mem::zeroed::<libc::signalfd_siginfo>() };
        let place = (&raw mut came).cast();
        // SAFETY: the length is that of the place.
        let length = unsafe { libc::read(self.descriptor.as_raw_fd(), place, size_of_val(&came)) };
        if length == -1 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
        }
        let number = came.ssi_signo.cast_signed();
        Ok(SIGNALS.iter().find(|(signal, _)| *signal == number).map(|(_, signal)| *signal))
    }
}

fn signal_set() -> libc::sigset_t {
    // SAFETY: emptied before it is used, with valid signal numbers added.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for (signal, _) in SIGNALS {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// From now on the signals wait for [`signals`] instead of ending the process, in this thread and in
/// those it starts. Never undone: one that comes while the node ends would kill the process at the
/// very end, when all is done but the exit code.
pub(super) fn block_signals() {
    let set = signal_set();
    // SAFETY: a valid set, nobody asks for the former one; it fails only on a wrong first argument.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
}
