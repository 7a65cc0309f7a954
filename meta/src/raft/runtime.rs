//! openraft's runtime on a core: tasks in the latency queue, the core's clock and randomness. All of
//! it is static functions, so this is the one user of the current core.

use super::mpsc::LocalMpsc;
use super::mutex::LocalMutex;
use super::oneshot::LocalOneshot;
use super::watch::LocalWatch;
use hamster_core::{Core, Queue, Task, TaskError};
use openraft_rt::{AsyncRuntime, OptionalSend};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::future::{Future, ready};
use std::io;
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A point on the core's monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Moment(hamster_core::Instant);

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        let nanos = self.0.nanos().saturating_sub(nanos(duration));
        Self(hamster_core::Instant::from_nanos(nanos))
    }
}

impl Sub for Moment {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.0.since(earlier.0)
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for Moment {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl openraft_rt::instant::Instant for Moment {
    fn now() -> Self {
        Self(Core::current().clock().now())
    }
}

/// The deadline passed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the deadline passed")
    }
}

/// A timer.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// A future and the timer it races.
pub(crate) struct Timeout<F> {
    future: Pin<Box<F>>,
    timer: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        self.timer.as_mut().poll(context).map(|()| Err(Elapsed))
    }
}

/// How a runtime that starts itself does it: for openraft's conformance suite. A node's cores are
/// started by the node.
pub(crate) trait Start: std::fmt::Debug + 'static {
    /// Runs `future` on a core of its own.
    fn run<T, F: Future<Output = T>>(future: F) -> T;
}

/// Does not start itself.
#[derive(Debug)]
pub(crate) struct OnTheNodesCore;

impl Start for OnTheNodesCore {
    fn run<T, F: Future<Output = T>>(_future: F) -> T {
        unreachable!("the node starts the cores; openraft runs on core 0")
    }
}

/// The runtime.
#[derive(Debug)]
pub(crate) struct CoreRuntime<S = OnTheNodesCore>(PhantomData<S>);

impl<S: Start> AsyncRuntime for CoreRuntime<S> {
    type JoinError = TaskError;
    type JoinHandle<T: OptionalSend + 'static> = Task<T>;
    type Sleep = Sleep;
    type Instant = Moment;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = StdRng;
    type Mpsc = LocalMpsc;
    type Watch = LocalWatch;
    type Oneshot = LocalOneshot;
    type Mutex<T: OptionalSend + 'static> = LocalMutex<T>;

    fn spawn<T>(future: T) -> Task<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        Core::current().spawn(Queue::Latency, future)
    }

    fn sleep(duration: Duration) -> Sleep {
        let clock = Core::current().clock().clone();
        Self::sleep_until(Moment(clock.now()) + duration)
    }

    fn sleep_until(deadline: Moment) -> Sleep {
        let clock = Core::current().clock().clone();
        Box::pin(async move { clock.sleep_until(deadline.0).await })
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Timeout<F> {
        Timeout { future: Box::pin(future), timer: Self::sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Moment,
        future: F,
    ) -> Timeout<F> {
        Timeout { future: Box::pin(future), timer: Self::sleep_until(deadline) }
    }

    fn is_panic(error: &TaskError) -> bool {
        *error == TaskError::Panicked
    }

    fn thread_rng() -> StdRng {
        StdRng::seed_from_u64(Core::current().entropy().next_u64())
    }

    fn new(_threads: usize) -> Self {
        Self(PhantomData)
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        S::run(future)
    }

    fn spawn_blocking<F, T>(work: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // openraft does not call this; what blocks goes to workers by the storage's own hand.
        ready(Ok(work()))
    }
}

#[cfg(test)]
mod tests;
