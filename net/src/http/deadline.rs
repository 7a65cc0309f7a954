//! Deadlines of many connections at the price of one timer: a sweeper looks at all of them every
//! `DEADLINE_SWEEP_INTERVAL`. Setting one costs two stores, so that each request can afford it.

use hamster_core::limits::{DEADLINE_SWEEP_INTERVAL, IDLE_CONNECTION_TIMEOUT};
use hamster_core::{Core, Instant, Queue};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// The deadline passed first (or, for an idle connection, draining began).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

/// The deadlines of one core's connections. Cheap to clone.
#[derive(Clone)]
pub struct Deadlines(Rc<Board>);

struct Board {
    /// As of the last sweep.
    now: Cell<Instant>,
    draining: Cell<bool>,
    next: Cell<u64>,
    waits: RefCell<BTreeMap<u64, Rc<Wait>>>,
}

struct Wait {
    deadline: Cell<Instant>,
    idle: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Deadlines {
    /// Starts the sweeper; it ends with the last clone.
    pub fn start(core: &Core) -> Self {
        let board = Rc::new(Board {
            now: Cell::new(core.clock().now()),
            draining: Cell::new(false),
            next: Cell::new(0),
            waits: RefCell::default(),
        });
        drop(core.spawn(Queue::Requests, sweep(core.clone(), Rc::downgrade(&board))));
        Self(board)
    }

    /// A guard for one direction of one connection.
    pub fn guard(&self) -> Guard {
        let wait =
            Wait { deadline: Cell::new(NEVER), idle: Cell::new(false), waker: RefCell::default() };
        let (id, wait) = (self.0.next.get(), Rc::new(wait));
        self.0.next.set(id + 1);
        self.0.waits.borrow_mut().insert(id, Rc::clone(&wait));
        Guard { board: Rc::clone(&self.0), id, wait }
    }

    /// Ends the waits of idle connections, now and from now on.
    pub fn drain(&self) {
        self.0.draining.set(true);
        self.0.wake(|wait| wait.idle.get());
    }
}

impl Board {
    fn wake(&self, which: impl Fn(&Wait) -> bool) {
        for wait in self.waits.borrow().values().filter(|wait| which(wait)) {
            if let Some(waker) = wait.waker.borrow().as_ref() {
                waker.wake_by_ref();
            }
        }
    }
}

async fn sweep(core: Core, board: Weak<Board>) {
    loop {
        core.clock().sleep(DEADLINE_SWEEP_INTERVAL).await;
        let Some(board) = board.upgrade() else { return };
        let now = core.clock().now();
        board.now.set(now);
        board.wake(|wait| wait.deadline.get() <= now);
    }
}

/// Puts deadlines on what one connection waits for, one wait at a time.
pub struct Guard {
    board: Rc<Board>,
    id: u64,
    wait: Rc<Wait>,
}

impl Guard {
    /// Runs `future` for about `patience` at most (never less). A future that loses is dropped.
    ///
    /// # Errors
    /// The time passed first.
    pub async fn within<F: Future>(
        &self,
        patience: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        // Why one interval more: `now` may be that old.
        self.wait.deadline.set(self.board.now.get() + patience + DEADLINE_SWEEP_INTERVAL);
        let mut future = pin!(future);
        let outcome = poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            let drained = self.wait.idle.get() && self.board.draining.get();
            if drained || self.wait.deadline.get() <= self.board.now.get() {
                return Poll::Ready(Err(Elapsed));
            }
            let mut waker = self.wait.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
        self.wait.deadline.set(NEVER);
        outcome
    }

    /// As [`within`](Self::within) `IDLE_CONNECTION_TIMEOUT`, and ended by draining as well.
    ///
    /// # Errors
    /// The time passed, or draining began, first.
    pub async fn while_idle<F: Future>(&self, future: F) -> Result<F::Output, Elapsed> {
        self.wait.idle.set(true);
        let outcome = self.within(IDLE_CONNECTION_TIMEOUT, future).await;
        self.wait.idle.set(false);
        outcome
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.board.waits.borrow_mut().remove(&self.id);
    }
}
