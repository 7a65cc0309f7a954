//! Timers of one core, in order of their deadlines. `clock` waits here, `driver` fires them.
//!
//! Why not glommio's: they fire only when every task queue has run dry, stand still while the node
//! is suspended, and pile up when polled twice.

use crate::clock::Instant;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Everyone on this core who waits for a time.
#[derive(Default)]
pub(super) struct Timers {
    /// By deadline, then by age. Bounded by the tasks that wait.
    waiting: RefCell<BTreeMap<(Instant, u64), Waker>>,
    /// Never later than the first deadline.
    first: Cell<Option<Instant>>,
    count: Cell<u64>,
    /// While the driver sleeps: it, and when it will look again.
    driver: RefCell<Option<(Waker, Option<Instant>)>>,
}

impl Timers {
    /// When the driver must look again; nobody's deadline is earlier.
    pub(super) fn first(&self) -> Option<Instant> {
        self.first.get()
    }

    /// Wakes everyone whose deadline is `now` or earlier.
    pub(super) fn fire(&self, now: Instant) -> bool {
        if self.first.get().is_none_or(|first| first > now) {
            return false;
        }
        let mut due = Vec::new();
        let mut waiting = self.waiting.borrow_mut();
        while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            due.push(entry.remove());
        }
        self.first.set(waiting.first_key_value().map(|((deadline, _), _)| *deadline));
        drop(waiting);
        let any = !due.is_empty();
        due.into_iter().for_each(Waker::wake);
        any
    }

    /// The driver sleeps until `deadline`: an earlier one wakes it.
    pub(super) fn set_driver(&self, driver: Option<(Waker, Option<Instant>)>) {
        let former = self.driver.replace(driver);
        drop(former);
    }

    /// Forgets everyone: the core ends.
    pub(super) fn clear(&self) {
        let waiting = self.waiting.take();
        self.first.set(None);
        drop(waiting);
    }

    fn insert(&self, deadline: Instant, waker: Waker) -> (Instant, u64) {
        let key = (deadline, self.count.replace(self.count.get() + 1));
        self.waiting.borrow_mut().insert(key, waker);
        if self.first.get().is_none_or(|first| deadline < first) {
            self.first.set(Some(deadline));
            let too_late = |driver: &mut (Waker, Option<Instant>)| {
                driver.1.is_none_or(|until| deadline < until)
            };
            let driver = self.driver.borrow_mut().take_if(too_late);
            driver.into_iter().for_each(|(driver, _)| driver.wake());
        }
        key
    }
}

/// Waits for `deadline`. `now` tells the time.
pub(super) struct Sleep {
    timers: Rc<Timers>,
    deadline: Instant,
    now: fn() -> Instant,
    key: Option<(Instant, u64)>,
}

impl Sleep {
    pub(super) fn new(timers: &Rc<Timers>, deadline: Instant, now: fn() -> Instant) -> Self {
        Self { timers: Rc::clone(timers), deadline, now, key: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if (self.now)() >= self.deadline {
            return Poll::Ready(());
        }
        let former = match self.key {
            Some(key) if self.timers.waiting.borrow().contains_key(&key) => {
                self.timers.waiting.borrow_mut().insert(key, context.waker().clone())
            }
            _ => {
                self.key = Some(self.timers.insert(self.deadline, context.waker().clone()));
                None
            }
        };
        drop(former);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let former = self.timers.waiting.borrow_mut().remove(&key);
            drop(former);
        }
    }
}
