//! Permits, given in the order they were asked for: a small request never overtakes a large one.

use super::Closed;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A number of permits. Cheap to clone.
#[derive(Clone)]
pub struct Semaphore(Rc<RefCell<State>>);

struct State {
    total: usize,
    available: usize,
    closed: bool,
    /// By ticket, so in the order of arrival.
    waiting: BTreeMap<u64, Waiter>,
    ticket_next: u64,
}

struct Waiter {
    count: usize,
    /// Already subtracted from `available`.
    granted: bool,
    waker: Waker,
}

/// Permits held; given back on drop.
pub struct Permit {
    semaphore: Semaphore,
    count: usize,
}

impl Semaphore {
    /// With `permits` to give.
    pub fn new(permits: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            total: permits,
            available: permits,
            closed: false,
            waiting: BTreeMap::new(),
            ticket_next: 0,
        })))
    }

    /// Waits for `count` permits.
    ///
    /// # Panics
    /// If there never were so many.
    pub async fn acquire(&self, count: usize) -> Permit {
        self.acquire_unless_closed(count).await.expect("closed by its owner only")
    }

    /// Takes `count` permits if they are there now and nobody waits for permits.
    pub fn try_acquire(&self, count: usize) -> Option<Permit> {
        let mut state = self.0.borrow_mut();
        if state.closed || !state.waiting.is_empty() || state.available < count {
            return None;
        }
        state.available -= count;
        Some(Permit { semaphore: self.clone(), count })
    }

    /// Permits there now.
    pub fn available(&self) -> usize {
        self.0.borrow().available
    }

    /// As [`Semaphore::acquire`], for an owner that closes it.
    pub(crate) fn acquire_unless_closed(&self, count: usize) -> Acquire {
        assert!(count <= self.0.borrow().total, "{count} permits: would wait for ever");
        Acquire { semaphore: self.clone(), count, ticket: None }
    }

    /// Everyone who waits, now or later, is told that nothing comes any more.
    pub(crate) fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        let wakers: Vec<Waker> = state.waiting.values().map(|one| one.waker.clone()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn give_back(&self, count: usize) {
        let mut state = self.0.borrow_mut();
        state.available += count;
        let wakers = state.grant();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Serves the queue's front as far as permits go. Whom to wake, once the borrow has ended.
    fn grant(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for waiter in self.waiting.values_mut().filter(|waiter| !waiter.granted) {
            if waiter.count > self.available {
                break;
            }
            self.available -= waiter.count;
            waiter.granted = true;
            wakers.push(waiter.waker.clone());
        }
        wakers
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.give_back(self.count);
    }
}

/// Waits for permits. Dropping it leaves the queue, with whatever it was granted.
pub(crate) struct Acquire {
    semaphore: Semaphore,
    count: usize,
    ticket: Option<u64>,
}

impl Future for Acquire {
    type Output = Result<Permit, Closed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.semaphore.0.borrow().closed {
            return Poll::Ready(Err(Closed));
        }
        let Some(ticket) = this.ticket else {
            if let Some(permit) = this.semaphore.try_acquire(this.count) {
                return Poll::Ready(Ok(permit));
            }
            let mut state = this.semaphore.0.borrow_mut();
            let ticket = state.ticket_next;
            state.ticket_next += 1;
            let waiter =
                Waiter { count: this.count, granted: false, waker: context.waker().clone() };
            state.waiting.insert(ticket, waiter);
            this.ticket = Some(ticket);
            return Poll::Pending;
        };
        let mut state = this.semaphore.0.borrow_mut();
        let waiter = state.waiting.get_mut(&ticket).expect("waits until it is ready or dropped");
        if !waiter.granted {
            waiter.waker.clone_from(context.waker());
            return Poll::Pending;
        }
        state.waiting.remove(&ticket);
        drop(state);
        this.ticket = None;
        Poll::Ready(Ok(Permit { semaphore: this.semaphore.clone(), count: this.count }))
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let waiter = self.semaphore.0.borrow_mut().waiting.remove(&ticket);
        // Why also without permits of its own: it may have been the one that the others queued for.
        let granted = waiter.filter(|waiter| waiter.granted).map_or(0, |waiter| waiter.count);
        self.semaphore.give_back(granted);
    }
}
