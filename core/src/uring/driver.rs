//! The task that drives a core's ring from within its glommio executor: entries out, completions
//! in, timers, wake-ups from other threads; and sleep when there is nothing to do.
//!
//! Started by `runtime`. It must never wait for anything but its eventfd.

use super::clock;
use super::inbox::Inbox;
use super::ring::Ring;
use super::system;
use super::timer::Timers;
use crate::clock::Instant;
use glommio::io::{PollState, PollableFd};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// While busy, glommio's outer loop (its own foreign wake-ups) gets a turn this often.
const GLOMMIO_VISIT_INTERVAL: Duration = Duration::from_micros(200);

/// What the driver drives.
pub(super) struct Driver {
    pub(super) ring: Rc<Ring>,
    pub(super) timers: Rc<Timers>,
    pub(super) inbox: Arc<Inbox>,
    bed: PollableFd<Borrowed>,
    /// Kept over sleeps: dropping it would cost glommio a cancellation.
    bed_state: PollState,
    doorbell: PollableFd<OwnedFd>,
}

struct Borrowed(RawFd);

impl AsRawFd for Borrowed {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Driver {
    /// On the executor that it will run on.
    pub(super) fn new(ring: Rc<Ring>, timers: Rc<Timers>, inbox: Arc<Inbox>) -> io::Result<Self> {
        ring.register_eventfd(inbox.descriptor())?;
        ring.signals(false);
        let bed = PollableFd::new(Borrowed(inbox.descriptor())).map_err(io::Error::other)?;
        // A count of one that is never read: always readable.
        let doorbell = PollableFd::new(system::eventfd(1)?).map_err(io::Error::other)?;
        Ok(Self { ring, timers, inbox, bed, bed_state: PollState::new(), doorbell })
    }

    /// Runs for ever.
    pub(super) async fn run(mut self) {
        let mut visited = clock::now();
        let mut rounds = 0u32;
        loop {
            let mut busy = self.ring.turn() > 0;
            busy |= self.inbox.deliver();
            rounds = rounds.wrapping_add(1);
            // Every few rounds is often enough for a look at the clock when no timer is set.
            let now = (self.timers.first().is_some() || rounds.is_multiple_of(8)).then(clock::now);
            if let Some(now) = now {
                busy |= self.timers.fire(now);
            }
            if !busy && !self.ring.has_work() {
                if self.sleep().await {
                    visited = clock::now();
                }
            } else if now.is_some_and(|now| now.since(visited) >= GLOMMIO_VISIT_INTERVAL) {
                self.visit_glommio().await;
                visited = clock::now();
            } else {
                // Behind every task just woken: what they queue leaves with our next turn, in one
                // system call. The queue is yielded, not the task: other queues want to run too.
                glommio::executor().yield_task_queue_now().await;
            }
        }
    }

    /// Sleeps until there is something to do. Returns whether glommio's outer loop has run.
    async fn sleep(&mut self) -> bool {
        let first = self.timers.first();
        if let Some(first) = first {
            self.ring.wake_at(first);
            if self.ring.turn() > 0 {
                return false;
            }
        }
        self.ring.signals(true);
        self.inbox.prepare_sleep();
        let by_glommio = std::future::poll_fn(|context| self.poll_sleep(first, context)).await;
        self.ring.set_driver(None);
        self.timers.set_driver(None);
        self.inbox.end_sleep();
        self.ring.signals(false);
        if by_glommio {
            system::quiet(self.inbox.descriptor());
        }
        by_glommio
    }

    fn poll_sleep(&mut self, first: Option<Instant>, context: &mut Context<'_>) -> Poll<bool> {
        let earlier =
            self.timers.first().is_some_and(|deadline| first.is_none_or(|first| deadline < first));
        if earlier || self.ring.has_work() || !self.inbox.is_empty() {
            return Poll::Ready(false);
        }
        // A poll left from an earlier sleep may resolve at once: one idle round.
        if self.bed.poll_readable(context, &mut self.bed_state).is_ready() {
            return Poll::Ready(true);
        }
        self.ring.set_driver(Some(context.waker().clone()));
        self.timers.set_driver(Some((context.waker().clone(), first)));
        Poll::Pending
    }

    /// Lets the executor run dry for one round without sleeping, so that glommio looks at its own
    /// rings. It needs a completion to come back from: a poll of what is always readable.
    async fn visit_glommio(&self) {
        self.doorbell.readable().await.expect("an eventfd can be polled");
    }
}
