//! Locks of directories, held by every ring of the process. Called by `directory` and `disk`.
//!
//! Why by the rings: when a process is killed, its rings finish their writes some time *after* its
//! descriptors are closed. A lock that is also a registered file of the ring stays until then, so
//! that the next owner cannot start beneath the writes of the last.

use super::system;
use crate::limits;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// Every lock that this process has taken, in order.
#[derive(Default)]
pub(super) struct Locks(Mutex<Vec<Arc<OwnedFd>>>);

impl Locks {
    /// Those taken after the first `seen`.
    pub(super) fn since(&self, seen: usize) -> Vec<Arc<OwnedFd>> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().skip(seen).cloned().collect()
    }

    /// Takes the lock on `file` without waiting; `None` if another holds it.
    pub(super) fn try_take(&self, file: &Arc<OwnedFd>) -> io::Result<Option<DirectoryLock>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= usize::try_from(limits::DIRECTORY_LOCKS_MAX).expect("a small limit") {
            return Err(io::Error::other("too many locks: restart the process"));
        }
        // SAFETY: no pointers.
        let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
        match system::check(locked) {
            Ok(_) => {
                taken.push(Arc::clone(file));
                Ok(Some(DirectoryLock(Arc::clone(file))))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// See [`crate::disk::DirectoryLock`].
pub struct DirectoryLock(Arc<OwnedFd>);

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // By name, not by closing: the rings keep the file.
        // SAFETY: no pointers.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::Ring;
    use super::*;

    #[test]
    fn a_lock_outlives_its_descriptor_until_the_ring_ends() {
        let place = tempfile::NamedTempFile::new().expect("a temporary file");
        let open = || Arc::new(OwnedFd::from(place.reopen().expect("open")));
        let locks = Locks::default();
        let ring = Ring::new().expect("a ring");
        let owned = open();
        let lock = locks.try_take(&owned).expect("flock").expect("free");
        ring.hold(&locks).expect("registered");
        // As when the process is killed: the descriptor is closed, nobody unlocks.
        system::close(owned.as_raw_fd());
        std::mem::forget((owned, lock, locks));
        let (next, file) = (Locks::default(), open());
        assert!(next.try_take(&file).expect("flock").is_none());
        drop(ring);
        // The kernel ends a ring in its own time.
        while next.try_take(&file).expect("flock").is_none() {
            std::thread::yield_now();
        }
    }
}
