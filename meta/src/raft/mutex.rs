//! openraft's mutex, among the tasks of one core.

use openraft_rt::{OptionalSend, mutex};
use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::task::{Poll, Waker};

/// A value that one task has at a time.
pub(crate) struct LocalMutex<T> {
    value: RefCell<T>,
    waiting: RefCell<VecDeque<Waker>>,
}

/// The value, held.
pub(crate) struct Guard<'a, T> {
    value: RefMut<'a, T>,
    waiting: &'a RefCell<VecDeque<Waker>>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // Why all: a waiter that was dropped must not swallow the wake-up of another. They run
        // after this, when the value is free.
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl<T: OptionalSend + 'static> mutex::Mutex<T> for LocalMutex<T> {
    type Guard<'a> = Guard<'a, T>;

    fn new(value: T) -> Self {
        Self { value: RefCell::new(value), waiting: RefCell::default() }
    }

    async fn lock(&self) -> Guard<'_, T> {
        poll_fn(|context| match self.value.try_borrow_mut() {
            Ok(value) => Poll::Ready(Guard { value, waiting: &self.waiting }),
            Err(_) => {
                self.waiting.borrow_mut().push_back(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
