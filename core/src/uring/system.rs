//! The few system calls that have no better home: descriptors, clocks, CPU sets, random bytes.
//! Called by the other modules of this backend only.

use crate::disk::Space;
use crate::units::ByteCount;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The result of a system call that returns -1 on failure.
pub(super) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Owns the descriptor that a system call has just made.
pub(super) fn own(result: libc::c_int) -> io::Result<OwnedFd> {
    let descriptor = check(result)?;
    // SAFETY: new, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Closes `descriptor`, which the caller owns.
pub(super) fn close(descriptor: RawFd) {
    // SAFETY: the caller owns it.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}

/// A counter that can be polled, starting at `count`.
pub(super) fn eventfd(count: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    own(unsafe { libc::eventfd(count, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })
}

/// Makes `eventfd` readable.
pub(super) fn signal(eventfd: &OwnedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight bytes are read. It fails only when the counter is full: readable already.
    unsafe { libc::write(eventfd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes `eventfd` unreadable.
pub(super) fn quiet(eventfd: RawFd) {
    let mut count = [0; 8];
    // SAFETY: eight bytes are written. It fails only when the counter is zero: quiet already.
    unsafe { libc::read(eventfd, count.as_mut_ptr().cast(), count.len()) };
}

/// The time of a clock, in nanoseconds.
pub(super) fn clock_nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the result.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "the clock exists");
    // A wall clock before 1970 reads as 1970.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// 32 random bytes of the operating system.
pub(super) fn random_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    // SAFETY: the length is the array's. Requests of up to 256 bytes are never cut short.
    let length = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    if length == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(seed)
}

/// The CPUs that the calling thread may run on.
pub(super) fn affinity() -> io::Result<libc::cpu_set_t> {
    // SAFETY: a set of zeroes is empty.
    let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
    // SAFETY: the size is the set's.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
    Ok(set)
}

/// Lets the calling thread run on `set`.
pub(super) fn set_affinity(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the size is the set's.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(set), set) }).map(drop)
}

/// What the file system says of an open file.
pub(super) fn status(descriptor: RawFd) -> io::Result<libc::stat> {
    // SAFETY: a status of zeroes is a valid place for the result.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: a valid place for the result.
    check(unsafe { libc::fstat(descriptor, &raw mut status) })?;
    Ok(status)
}

/// What the file system says of `name` in a directory; links are not followed.
pub(super) fn status_at(directory: RawFd, name: &CStr) -> io::Result<libc::stat> {
    // SAFETY: a status of zeroes is a valid place for the result.
    let mut status = unsafe { std::mem::zeroed::<libc::stat>() };
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: a string that ends in zero, and a valid place for the result.
    check(unsafe { libc::fstatat(directory, name.as_ptr(), &raw mut status, flags) })?;
    Ok(status)
}

/// Space of the file system of an open file or directory.
pub(super) fn space(descriptor: RawFd) -> io::Result<Space> {
    // SAFETY: a result of zeroes is a valid place for one.
    let mut space = unsafe { std::mem::zeroed::<libc::statvfs>() };
    // SAFETY: a valid place for the result.
    check(unsafe { libc::fstatvfs(descriptor, &raw mut space) })?;
    let bytes = |blocks: u64| ByteCount::new(blocks.saturating_mul(space.f_frsize));
    Ok(Space { total: bytes(space.f_blocks), free: bytes(space.f_bavail) })
}

/// Raises this process's bound on open files to what it may raise it to: connections and segments
/// need more than the usual 1,024. Returns the bound.
pub(super) fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid place for the result.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: a valid limit.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(limit.rlim_cur)
}
