//! Virtual time.

use super::executor::{Executor, TimerId};
use crate::clock::{Instant, WallTime};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Every world begins on 2026-01-01T00:00:00Z.
const EPOCH: WallTime = WallTime::from_secs(1_767_225_600);

/// See [`crate::Clock`].
#[derive(Clone)]
pub struct Clock {
    pub(crate) executor: Rc<Executor>,
    /// What this node's monotonic clock showed when the world began.
    pub(crate) origin: u64,
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.origin + self.executor.now())
    }

    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_nanos(EPOCH.nanos() + self.executor.now())
    }

    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        let deadline = deadline.nanos().saturating_sub(self.origin);
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
