//! A bounded queue between tasks. Each value in it holds a permit for its place.

use super::{Closed, Permit, Semaphore};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

struct Shared<T> {
    queue: RefCell<VecDeque<(T, Permit)>>,
    room: Semaphore,
    senders: Cell<usize>,
    receiver_gone: Cell<bool>,
    receiver: RefCell<Option<Waker>>,
}

impl<T> Shared<T> {
    fn push(&self, value: T, place: Permit) {
        self.queue.borrow_mut().push_back((value, place));
        self.wake_receiver();
    }

    fn wake_receiver(&self) {
        let waker = self.receiver.borrow_mut().take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A bounded queue between tasks.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        queue: RefCell::new(VecDeque::new()),
        room: Semaphore::new(capacity),
        senders: Cell::new(1),
        receiver_gone: Cell::new(false),
        receiver: RefCell::new(None),
    });
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

/// Puts values in.
pub struct Sender<T>(Rc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.0.senders.get() - 1;
        self.0.senders.set(left);
        if left == 0 {
            self.0.wake_receiver();
        }
    }
}

impl<T> Sender<T> {
    /// Puts `value` in, waiting for room.
    ///
    /// # Errors
    /// The receiver is gone.
    pub async fn send(&self, value: T) -> Result<(), Closed> {
        let place = self.0.room.acquire_unless_closed(1).await?;
        self.0.push(value, place);
        Ok(())
    }

    /// Puts `value` in if there is room now.
    ///
    /// # Errors
    /// Full, or the receiver is gone: the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), T> {
        let Some(place) = self.0.room.try_acquire(1) else { return Err(value) };
        self.0.push(value, place);
        Ok(())
    }

    /// Has the receiver been dropped?
    pub fn is_closed(&self) -> bool {
        self.0.receiver_gone.get()
    }
}

/// Takes values out.
pub struct Receiver<T>(Rc<Shared<T>>);

impl<T> Receiver<T> {
    /// The next value; `None` when it is empty and every sender is gone.
    pub async fn receive(&mut self) -> Option<T> {
        poll_fn(|context| {
            if let Some(value) = self.try_receive() {
                return Poll::Ready(Some(value));
            }
            if self.0.senders.get() == 0 {
                return Poll::Ready(None);
            }
            *self.0.receiver.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The next value, if there is one now.
    pub fn try_receive(&mut self) -> Option<T> {
        let next = self.0.queue.borrow_mut().pop_front();
        next.map(|(value, _place)| value)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.receiver_gone.set(true);
        self.0.room.close();
        let values = std::mem::take(&mut *self.0.queue.borrow_mut());
        drop(values);
    }
}
