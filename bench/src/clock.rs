//! Time as the outside of the product sees it: the load generator, the probe and the tests.
//!
//! Why not core's clock: these threads run beside a node, not on one of its cores.

use hamster_core::{Instant, WallTime};
use std::time::Duration;

/// Now, on the monotonic clock.
pub fn now() -> Instant {
    Instant::from_nanos(read(libc::CLOCK_MONOTONIC))
}

/// Now, on the wall clock.
pub fn wall() -> WallTime {
    WallTime::from_nanos(read(libc::CLOCK_REALTIME))
}

/// Puts this thread to sleep until `moment` or a little later.
pub fn sleep_until(moment: Instant) {
    sleep(moment.since(now()));
}

/// Puts this thread to sleep for `duration` or a little longer.
pub fn sleep(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a thread outside of the seam")]
    std::thread::sleep(duration);
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the call, and the clock exists on every Linux.
    let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(status, 0, "the kernel has no clock {clock}");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
