//! Blocking work, in place, at a moment drawn from the seed.

use super::executor::{Boot, Executor};
use super::seed::{Concern, Happened};
use crate::sync::oneshot;
use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// How long one piece of work takes at least and at most, in nanoseconds of virtual time.
const WORK_NANOS: std::ops::Range<u64> = 5_000..200_000;

/// See [`crate::worker::Worker`].
#[derive(Clone)]
pub struct Worker {
    executor: Rc<Executor>,
    boot: Rc<Boot>,
    name: Rc<str>,
    /// When all work queued so far is done: work runs in order.
    idle_at: Rc<Cell<u64>>,
}

impl Worker {
    pub(crate) fn new(executor: &Rc<Executor>, boot: &Rc<Boot>, name: &str) -> Self {
        let (executor, boot) = (Rc::clone(executor), Rc::clone(boot));
        Self { executor, boot, name: name.into(), idle_at: Rc::default() }
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let nanos = self.executor.between(Concern::Worker, WORK_NANOS.start, WORK_NANOS.end);
        let slower = self.boot.slow_work.borrow().get(&*self.name).copied().unwrap_or(0);
        self.idle_at.set(self.idle_at.get().max(self.executor.now()) + nanos + slower);
        let (sender, result) = oneshot();
        let executor = Rc::clone(&self.executor);
        self.executor.act_at(self.idle_at.get(), &self.boot, move || {
            executor.note(Happened::Worked, 0);
            match catch_unwind(AssertUnwindSafe(work)) {
                // Work whose waiter is gone has run all the same.
                Ok(result) => drop(sender.send(result)),
                Err(payload) => executor.panicked(payload),
            }
        });
        match result.await {
            Ok(result) => result,
            // It panicked, or its node has ended: as with a thread that is no more, nothing comes.
            Err(_) => pending().await,
        }
    }
}
