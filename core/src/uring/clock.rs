//! Virtual time.
use crate::clock::{Instant, WallTime};

/// See [`crate::Clock`].
#[derive(Clone)]
pub struct Clock;

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        todo!()
    }

    pub(crate) fn wall(&self) -> WallTime {
        todo!()
    }

    pub(crate) async fn sleep_until(&self, _deadline: Instant) {
        todo!()
    }
}
