//! Something that happens again and again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Something that happens again and again; waiters are told. Cheap to clone.
#[derive(Clone, Default)]
pub struct Event(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    times: u64,
    /// By ticket, so in the order of their first poll.
    waiting: BTreeMap<u64, Waker>,
    ticket_next: u64,
}

impl Event {
    /// Has not happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// It happens: everyone who waits now goes on.
    pub fn notify(&self) {
        let mut state = self.0.borrow_mut();
        state.times += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// A future that resolves at the first `notify` after this call (not after its first poll).
    pub fn listen(&self) -> impl Future<Output = ()> + use<> {
        let times = self.0.borrow().times;
        Listening { event: self.clone(), times, ticket: None }
    }
}

struct Listening {
    event: Event,
    /// How often it had happened when this began to listen.
    times: u64,
    ticket: Option<u64>,
}

impl Future for Listening {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.event.0.borrow_mut();
        if state.times != this.times {
            return Poll::Ready(());
        }
        let ticket = *this.ticket.get_or_insert_with(|| {
            state.ticket_next += 1;
            state.ticket_next
        });
        state.waiting.insert(ticket, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.event.0.borrow_mut().waiting.remove(&ticket);
        }
    }
}
