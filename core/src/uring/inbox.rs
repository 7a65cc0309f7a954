//! Wake-ups from other threads for the tasks of one core. Called by workers and other cores.
//!
//! Why not glommio's own: it looks at its foreign wake-ups only when every task queue has run dry
//! or its timer fires; the driver looks here every round.

use super::system;
use crossbeam::queue::SegQueue;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::{Wake, Waker};

/// Where other threads leave wakers for a core.
pub(super) struct Inbox {
    /// Bounded by the tasks that wait for other threads: each has one waker here at most per wait.
    wakers: SegQueue<Waker>,
    /// The core sleeps, or is about to.
    sleeping: AtomicBool,
    /// Ends its sleep.
    eventfd: OwnedFd,
}

impl Inbox {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            wakers: SegQueue::new(),
            sleeping: AtomicBool::new(false),
            eventfd: system::eventfd(0)?,
        }))
    }

    /// Has the core wake `waker`, whose task is one of its own.
    pub(super) fn post(&self, waker: Waker) {
        self.wakers.push(waker);
        // The push before the look at `sleeping`; `prepare_sleep` has the other half.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::Relaxed) {
            system::signal(&self.eventfd);
        }
    }

    /// Wakes everyone who was posted: on the core's own thread.
    pub(super) fn deliver(&self) -> bool {
        let mut any = false;
        while let Some(waker) = self.wakers.pop() {
            waker.wake();
            any = true;
        }
        any
    }

    /// From now on a post signals the descriptor; look at [`Inbox::is_empty`] once more after this.
    pub(super) fn prepare_sleep(&self) {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(super) fn end_sleep(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// What a sleeping core waits on.
    pub(super) fn descriptor(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }
}

/// A waker that any thread may use, for a task of the core that `inbox` belongs to.
pub(super) fn remote_waker(inbox: &Arc<Inbox>, waker: &Waker) -> Waker {
    Waker::from(Arc::new(Remote { inbox: Arc::clone(inbox), waker: waker.clone() }))
}

struct Remote {
    inbox: Arc<Inbox>,
    waker: Waker,
}

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.inbox.post(self.waker.clone());
    }
}
