//! openraft's queue of many senders, among the tasks of one core: bounded, first come first served.

use openraft_rt::{Mpsc, MpscReceiver, MpscSender, MpscWeakSender, OptionalSend};
use openraft_rt::{SendError, TryRecvError};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

/// See the module.
pub(crate) struct LocalMpsc;

struct Shared<T> {
    values: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receiver_lives: bool,
    receiver: Option<Waker>,
    waiting: VecDeque<Waker>,
}

/// Puts values in.
pub(crate) struct Sender<T>(Rc<RefCell<Shared<T>>>);

/// Takes values out.
pub(crate) struct Receiver<T>(Rc<RefCell<Shared<T>>>);

/// Becomes a sender while there is one.
pub(crate) struct WeakSender<T>(Weak<RefCell<Shared<T>>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.borrow_mut().senders += 1;
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.senders -= 1;
        let woken = if shared.senders == 0 { shared.receiver.take() } else { None };
        drop(shared);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.receiver_lives = false;
        let waiting = std::mem::take(&mut shared.waiting);
        // Why taken out: a value may own a sender of this very queue.
        let values = std::mem::take(&mut shared.values);
        drop(shared);
        drop(values);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl Mpsc for LocalMpsc {
    type Sender<T: OptionalSend> = Sender<T>;
    type Receiver<T: OptionalSend> = Receiver<T>;
    type WeakSender<T: OptionalSend> = WeakSender<T>;

    fn channel<T: OptionalSend>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let shared = Rc::new(RefCell::new(Shared {
            values: VecDeque::new(),
            capacity,
            senders: 1,
            receiver_lives: true,
            receiver: None,
            waiting: VecDeque::new(),
        }));
        (Sender(Rc::clone(&shared)), Receiver(shared))
    }
}

impl<T: OptionalSend> MpscSender<LocalMpsc, T> for Sender<T> {
    async fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut value = Some(value);
        poll_fn(|context| {
            let mut shared = self.0.borrow_mut();
            let room = shared.values.len() < shared.capacity;
            if shared.receiver_lives && !room {
                shared.waiting.push_back(context.waker().clone());
                return Poll::Pending;
            }
            let value = value.take().expect("polled until it is sent, not beyond");
            if !shared.receiver_lives {
                return Poll::Ready(Err(SendError(value)));
            }
            shared.values.push_back(value);
            let woken = shared.receiver.take();
            drop(shared);
            woken.into_iter().for_each(Waker::wake);
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn downgrade(&self) -> WeakSender<T> {
        WeakSender(Rc::downgrade(&self.0))
    }
}

impl<T: OptionalSend> MpscReceiver<T> for Receiver<T> {
    async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| match self.try_recv() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(TryRecvError::Disconnected) => Poll::Ready(None),
            Err(TryRecvError::Empty) => {
                self.0.borrow_mut().receiver = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut shared = self.0.borrow_mut();
        let Some(value) = shared.values.pop_front() else {
            return Err(match shared.senders {
                0 => TryRecvError::Disconnected,
                _ => TryRecvError::Empty,
            });
        };
        // Why all: a sender that gave up waiting must not swallow the wake-up of another.
        let woken = std::mem::take(&mut shared.waiting);
        drop(shared);
        woken.into_iter().for_each(Waker::wake);
        Ok(value)
    }
}

impl<T: OptionalSend> MpscWeakSender<LocalMpsc, T> for WeakSender<T> {
    fn upgrade(&self) -> Option<Sender<T>> {
        let shared = self.0.upgrade()?;
        let lives = shared.borrow().senders > 0;
        lives.then(|| {
            shared.borrow_mut().senders += 1;
            Sender(shared)
        })
    }
}
