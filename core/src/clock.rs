//! Time: a monotonic clock that counts through suspend, the wall clock, sleeping and deadlines.
//!
//! Wall time is for what people and S3 see. It never orders anything (DESIGN.md, invariant 6).

use crate::{sim, uring};
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;

/// A point on the monotonic clock of this node, in nanoseconds. Meaningless on another node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The point this many nanoseconds after the clock's zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to this; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// The time this many nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The time this many seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

/// The deadline passed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the deadline passed")]
pub struct Elapsed;

/// The clocks and timers of one core.
#[derive(Clone)]
pub struct Clock(pub(crate) ClockBackend);

#[derive(Clone)]
pub(crate) enum ClockBackend {
    Uring(uring::clock::Clock),
    Sim(sim::clock::Clock),
}

impl Clock {
    /// Now, on the monotonic clock.
    pub fn now(&self) -> Instant {
        match &self.0 {
            ClockBackend::Uring(clock) => clock.now(),
            ClockBackend::Sim(clock) => clock.now(),
        }
    }

    /// Now, on the wall clock.
    pub fn wall(&self) -> WallTime {
        match &self.0 {
            ClockBackend::Uring(clock) => clock.wall(),
            ClockBackend::Sim(clock) => clock.wall(),
        }
    }

    /// Resolves at `deadline` or a little later.
    pub async fn sleep_until(&self, deadline: Instant) {
        match &self.0 {
            ClockBackend::Uring(clock) => clock.sleep_until(deadline).await,
            ClockBackend::Sim(clock) => clock.sleep_until(deadline).await,
        }
    }

    /// Resolves after `duration` or a little later.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Runs `future` until `deadline` at most. A future that loses is dropped.
    pub async fn until<F: Future>(
        &self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let (future, timer) = (pin!(future), pin!(self.sleep_until(deadline)));
        match select(future, timer).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(((), _)) => Err(Elapsed),
        }
    }

    /// Runs `future` for `duration` at most. A future that loses is dropped.
    pub async fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        self.until(self.now() + duration, future).await
    }
}
