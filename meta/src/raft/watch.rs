//! openraft's watched value, among the tasks of one core. Watchers are woken in the order they
//! began to wait: the same in every run of a seed.

use openraft_rt::{OptionalSend, OptionalSync, watch};
use std::cell::{Cell, Ref, RefCell};
use std::future::poll_fn;
use std::ops::Deref;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// See the module.
pub(crate) struct LocalWatch;

struct Shared<T> {
    value: RefCell<T>,
    version: Cell<u64>,
    setters: Cell<usize>,
    watchers: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

impl<T> Shared<T> {
    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        self.wake();
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

/// Sets the value.
pub(crate) struct Setter<T>(Rc<Shared<T>>);

/// Sees the value.
pub(crate) struct Watcher<T> {
    shared: Rc<Shared<T>>,
    seen: Cell<u64>,
}

/// The value, looked at.
pub(crate) struct Look<'a, T>(Ref<'a, T>);

impl<T> Deref for Look<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

fn watcher<T>(shared: &Rc<Shared<T>>, seen: u64) -> Watcher<T> {
    shared.watchers.set(shared.watchers.get() + 1);
    Watcher { shared: Rc::clone(shared), seen: Cell::new(seen) }
}

impl<T> Clone for Setter<T> {
    fn clone(&self) -> Self {
        self.0.setters.set(self.0.setters.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Setter<T> {
    fn drop(&mut self) {
        self.0.setters.set(self.0.setters.get() - 1);
        if self.0.setters.get() == 0 {
            self.0.wake();
        }
    }
}

impl<T> Clone for Watcher<T> {
    fn clone(&self) -> Self {
        watcher(&self.shared, self.seen.get())
    }
}

impl<T> Drop for Watcher<T> {
    fn drop(&mut self) {
        self.shared.watchers.set(self.shared.watchers.get() - 1);
    }
}

impl watch::Watch for LocalWatch {
    type Sender<T: OptionalSend + OptionalSync> = Setter<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Watcher<T>;
    type Ref<'a, T: OptionalSend + 'a> = Look<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(value: T) -> (Setter<T>, Watcher<T>) {
        let shared = Rc::new(Shared {
            value: RefCell::new(value),
            version: Cell::new(1),
            setters: Cell::new(1),
            watchers: Cell::new(0),
            waiting: RefCell::default(),
        });
        let watcher = watcher(&shared, 1);
        (Setter(shared), watcher)
    }
}

impl<T: OptionalSend + OptionalSync> watch::WatchSender<LocalWatch, T> for Setter<T> {
    fn send(&self, value: T) -> Result<(), watch::SendError<T>> {
        if self.0.watchers.get() == 0 {
            return Err(watch::SendError(value));
        }
        *self.0.value.borrow_mut() = value;
        self.0.changed();
        Ok(())
    }

    fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        let modified = modify(&mut self.0.value.borrow_mut());
        if modified {
            self.0.changed();
        }
        modified
    }

    fn borrow_watched(&self) -> Look<'_, T> {
        Look(self.0.value.borrow())
    }

    fn subscribe(&self) -> Watcher<T> {
        watcher(&self.0, self.0.version.get())
    }
}

impl<T: OptionalSend + OptionalSync> watch::WatchReceiver<LocalWatch, T> for Watcher<T> {
    async fn changed(&mut self) -> Result<(), watch::RecvError> {
        poll_fn(|context| {
            if self.shared.version.get() != self.seen.get() {
                self.seen.set(self.shared.version.get());
                return Poll::Ready(Ok(()));
            }
            if self.shared.setters.get() == 0 {
                return Poll::Ready(Err(watch::RecvError(())));
            }
            let mut waiting = self.shared.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn borrow_watched(&self) -> Look<'_, T> {
        Look(self.shared.value.borrow())
    }

    fn borrow_and_update(&mut self) -> Look<'_, T> {
        self.seen.set(self.shared.version.get());
        Look(self.shared.value.borrow())
    }
}
