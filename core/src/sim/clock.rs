//! Virtual time, as the clocks of one node show it: each runs a little too fast or too slow, and its
//! wall clock may jump.

use super::executor::{Executor, TimerId};
use crate::clock::{Instant, WallTime};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Every world begins on 2026-01-01T00:00:00Z.
const EPOCH: WallTime = WallTime::from_secs(1_767_225_600);
const BILLION: u128 = 1_000_000_000;

/// See [`crate::Clock`].
#[derive(Clone)]
pub struct Clock {
    pub(crate) executor: Rc<Executor>,
    pub(crate) dial: Rc<Dial>,
}

/// How the clocks of a node differ from the time of the world.
pub(crate) struct Dial {
    /// What the monotonic clock showed when the world began.
    pub origin: u64,
    /// Nanoseconds that it counts for each billion.
    pub rate: u64,
    /// How far the wall clock is ahead, in nanoseconds.
    pub ahead: Cell<i64>,
}

impl Dial {
    /// One that is right.
    pub fn exact() -> Self {
        Self { origin: 0, rate: 1_000_000_000, ahead: Cell::new(0) }
    }

    /// What the monotonic clock shows at `time` of the world.
    fn shown(&self, time: u64) -> u64 {
        let counted = u128::from(time) * u128::from(self.rate) / BILLION;
        self.origin.saturating_add(u64::try_from(counted).unwrap_or(u64::MAX))
    }

    /// When the monotonic clock shows `instant`, or a little later.
    fn time_of(&self, instant: u64) -> u64 {
        let counted = u128::from(instant.saturating_sub(self.origin)) * BILLION;
        u64::try_from(counted.div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX)
    }
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.dial.shown(self.executor.now()))
    }

    pub(crate) fn wall(&self) -> WallTime {
        let right = EPOCH.nanos() + self.executor.now();
        WallTime::from_nanos(right.saturating_add_signed(self.dial.ahead.get()))
    }

    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        let deadline = self.dial.time_of(deadline.nanos());
        Sleep { executor: &self.executor, deadline, timer: None }.await;
    }
}

/// A timer that goes with its waiter, so that a lost race leaves nothing behind.
struct Sleep<'a> {
    executor: &'a Executor,
    deadline: u64,
    timer: Option<TimerId>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = self.timer.take() {
            self.executor.forget_timer(timer);
        }
        if self.executor.now() >= self.deadline {
            return Poll::Ready(());
        }
        let timer = self.executor.wake_at(self.deadline, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.executor.forget_timer(timer);
        }
    }
}
