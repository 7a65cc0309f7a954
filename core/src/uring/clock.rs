//! The machine's clocks, and sleeping. Timers fire in the driver's rounds.

use super::system;
use super::timer::{Sleep, Timers};
use crate::clock::{Instant, WallTime};
use std::rc::Rc;

/// See [`crate::Clock`].
#[derive(Clone)]
pub struct Clock {
    pub(super) timers: Rc<Timers>,
}

/// Now, on the clock that counts through suspend.
pub(super) fn now() -> Instant {
    Instant::from_nanos(system::clock_nanos(libc::CLOCK_BOOTTIME))
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        now()
    }

    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_nanos(system::clock_nanos(libc::CLOCK_REALTIME))
    }

    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        Sleep::new(&self.timers, deadline, now).await;
    }
}
