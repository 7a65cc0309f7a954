//! A value that one task gives to another, once.

use super::Closed;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

enum State<T> {
    Waiting(Option<Waker>),
    Given(T),
    Gone,
}

/// A value that comes once.
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let state = Rc::new(RefCell::new(State::Waiting(None)));
    (OneshotSender(Rc::clone(&state)), OneshotReceiver(state))
}

/// Gives the value.
pub struct OneshotSender<T>(Rc<RefCell<State<T>>>);

impl<T> OneshotSender<T> {
    /// Gives it; handed back if nobody waits any more.
    ///
    /// # Errors
    /// The receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        let former = self.0.replace(State::Gone);
        let State::Waiting(waker) = former else { return Err(value) };
        self.0.replace(State::Given(value));
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Has the receiver been dropped?
    pub fn is_closed(&self) -> bool {
        matches!(*self.0.borrow(), State::Gone)
    }
}

impl<T> Drop for OneshotSender<T> {
    fn drop(&mut self) {
        if matches!(*self.0.borrow(), State::Given(_)) {
            return;
        }
        if let State::Waiting(Some(waker)) = self.0.replace(State::Gone) {
            waker.wake();
        }
    }
}

/// Waits for the value: a future.
pub struct OneshotReceiver<T>(Rc<RefCell<State<T>>>);

impl<T> Future for OneshotReceiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.borrow_mut();
        if let State::Waiting(waker) = &mut *state {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Gone) {
            State::Given(value) => Poll::Ready(Ok(value)),
            _ => Poll::Ready(Err(Closed)),
        }
    }
}

impl<T> Drop for OneshotReceiver<T> {
    fn drop(&mut self) {
        // Why a binding: the value's own drop may come back here, so the cell is free by then.
        let former = self.0.replace(State::Gone);
        drop(former);
    }
}
