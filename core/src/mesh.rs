//! Calls between the cores of a node: bounded queues, no locks.
//!
//! A call reserves the slot of its reply before it leaves, so a reply never waits. Each pair of
//! cores has a credit ([`limits::MESH_CREDIT_PER_PAIR`](crate::limits::MESH_CREDIT_PER_PAIR)); a
//! caller without credit waits. A hop to a parked core costs 50–80 µs: call only where the work is.
//!
//! Wakers of both backends may be woken from other threads; that is the whole wake-up.

use crate::ids::CoreIndex;
use crate::limits::MESH_CREDIT_PER_PAIR;
use crate::map::Map;
use crate::runtime::Core;
use crate::sync::{OneshotSender, Permit, Semaphore, oneshot};
use crate::task::Queue;
use crossbeam::queue::ArrayQueue;
use futures_util::task::AtomicWaker;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// One core's end of a service on the mesh, before it is bound: requests `Q`, answers `A`.
pub struct UnboundPort<Q, A>(Seat<Q, A>);

/// Makes the ends of one service, one for each core in order.
pub fn ports<Q: Send + 'static, A: Send + 'static>(cores: u16) -> Vec<UnboundPort<Q, A>> {
    let seats: Arc<[Inbox<Q, A>]> = (0..cores).map(|_| Inbox::new(cores)).collect();
    (0..cores)
        .map(|index| {
            UnboundPort(Seat { inboxes: Arc::clone(&seats), index: CoreIndex::new(index) })
        })
        .collect()
}

/// What came to one core, by the core it came from. The only part that threads share.
struct Inbox<Q, A> {
    requests: Box<[ArrayQueue<(Ticket, Q)>]>,
    replies: Box<[Replies<A>]>,
    dispatcher: AtomicWaker,
    closed: AtomicBool,
}

/// `None` for a call whose handler ended without an answer.
type Replies<A> = ArrayQueue<(Ticket, Option<A>)>;

/// Names an unanswered call of one core; never used twice.
type Ticket = u64;

impl<Q, A> Inbox<Q, A> {
    fn new(cores: u16) -> Self {
        Self {
            requests: (0..cores).map(|_| ArrayQueue::new(MESH_CREDIT_PER_PAIR)).collect(),
            replies: (0..cores).map(|_| ArrayQueue::new(MESH_CREDIT_PER_PAIR)).collect(),
            dispatcher: AtomicWaker::new(),
            closed: AtomicBool::new(false),
        }
    }
}

/// The right to serve as one core. When it ends, callers are told.
struct Seat<Q, A> {
    inboxes: Arc<[Inbox<Q, A>]>,
    index: CoreIndex,
}

impl<Q, A> Drop for Seat<Q, A> {
    fn drop(&mut self) {
        // Invariant: closed before the wakes. Each core's dispatcher then gives up what it waits for
        // here and closes the credit, so that no later call gets as far as the queue.
        self.inboxes[position(self.index)].closed.store(true, Ordering::Release);
        self.inboxes.iter().for_each(|inbox| inbox.dispatcher.wake());
    }
}

fn position(core: CoreIndex) -> usize {
    usize::from(core.get())
}

/// The called core has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the called core has ended")]
pub struct MeshClosed;

type Serve<Q, A> = dyn Fn(CoreIndex, Q) -> Pin<Box<dyn Future<Output = A>>>;

/// One core's end of a service on the mesh. Cheap to clone.
pub struct Port<Q, A>(Rc<PortInner<Q, A>>);

struct PortInner<Q, A> {
    calls: Rc<Calls<Q, A>>,
    serve: Rc<Serve<Q, A>>,
}

impl<Q, A> Drop for PortInner<Q, A> {
    fn drop(&mut self) {
        self.calls.inboxes[position(self.calls.index)].dispatcher.wake();
    }
}

impl<Q, A> Clone for Port<Q, A> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// The unanswered calls of one core, by the core that was called.
struct Calls<Q, A> {
    inboxes: Arc<[Inbox<Q, A>]>,
    index: CoreIndex,
    peers: Box<[Peer<A>]>,
    ticket_next: Cell<Ticket>,
}

struct Peer<A> {
    credit: Semaphore,
    /// Each holds its credit until the reply is taken out, even when its caller is long gone.
    unanswered: RefCell<Map<Ticket, (OneshotSender<A>, Permit)>>,
}

impl<Q: Send + 'static, A: Send + 'static> UnboundPort<Q, A> {
    /// Binds this end to `core` (the one of its index) and answers calls from others with
    /// `serve`, each in a task of its own, at most the credit of the callers at once.
    ///
    /// Other cores may call before this: their calls wait. The service of this core ends with the
    /// last clone of the port (or with the core).
    ///
    /// # Panics
    /// If `core` is another one than this end was made for.
    pub fn bind<F: Future<Output = A> + 'static>(
        self,
        core: &Core,
        serve: impl Fn(CoreIndex, Q) -> F + 'static,
    ) -> Port<Q, A> {
        let Self(seat) = self;
        assert_eq!(core.index(), seat.index, "a port is bound to the core it was made for");
        let peer = || Peer {
            credit: Semaphore::new(MESH_CREDIT_PER_PAIR),
            unanswered: RefCell::new(Map::default()),
        };
        let calls = Rc::new(Calls {
            inboxes: Arc::clone(&seat.inboxes),
            index: seat.index,
            peers: seat.inboxes.iter().map(|_| peer()).collect(),
            ticket_next: Cell::new(0),
        });
        let serve: Rc<Serve<Q, A>> = Rc::new(move |from, request| Box::pin(serve(from, request)));
        let port = Rc::new(PortInner { calls: Rc::clone(&calls), serve });
        let mut dispatcher =
            Dispatcher { seat, calls, port: Rc::downgrade(&port), core: core.clone(), waker: None };
        core.spawn(Queue::Latency, poll_fn(move |context| dispatcher.poll(context)));
        Port(port)
    }
}

impl<Q: Send + 'static, A: Send + 'static> Port<Q, A> {
    /// Has core `to` answer `request`. A call to the own core runs in place, without a queue.
    ///
    /// # Errors
    /// The called core has ended, or its handler ended without an answer.
    ///
    /// # Panics
    /// If the node has no core `to`.
    pub async fn call(&self, to: CoreIndex, request: Q) -> Result<A, MeshClosed> {
        let calls = &self.0.calls;
        if to == calls.index {
            return Ok((self.0.serve)(calls.index, request).await);
        }
        let peer = &calls.peers[position(to)];
        let credit = peer.credit.acquire_unless_closed(1).await.map_err(|_| MeshClosed)?;
        let ticket = calls.ticket_next.get();
        calls.ticket_next.set(ticket + 1);
        let (sender, answer) = oneshot();
        peer.unanswered.borrow_mut().insert(ticket, (sender, credit));
        let inbox = &calls.inboxes[position(to)];
        let pushed = inbox.requests[position(calls.index)].push((ticket, request));
        assert!(pushed.is_ok(), "credit is the queue's capacity");
        inbox.dispatcher.wake();
        answer.await.map_err(|_| MeshClosed)
    }
}

/// Takes in what comes to one core: requests to serve and replies to its calls.
struct Dispatcher<Q, A> {
    seat: Seat<Q, A>,
    calls: Rc<Calls<Q, A>>,
    port: Weak<PortInner<Q, A>>,
    core: Core,
    /// This task's waker, and the one that other cores wake it by.
    waker: Option<(Waker, Waker)>,
}

impl<Q: Send + 'static, A: Send + 'static> Dispatcher<Q, A> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let inbox = &self.seat.inboxes[position(self.seat.index)];
        let own = context.waker();
        let (_, remote) = match self.waker.take() {
            Some((known, remote)) if known.will_wake(own) => self.waker.insert((known, remote)),
            _ => self.waker.insert((own.clone(), self.core.remote_waker(own))),
        };
        inbox.dispatcher.register(remote);
        let Some(port) = self.port.upgrade() else { return Poll::Ready(()) };
        for (from, requests) in (0..).map(CoreIndex::new).zip(&inbox.requests) {
            while let Some((ticket, request)) = requests.pop() {
                self.serve(&port, from, ticket, request);
            }
        }
        for (from, replies) in (0..).map(CoreIndex::new).zip(&inbox.replies) {
            self.take_replies(from, replies);
        }
        Poll::Pending
    }

    fn serve(&self, port: &PortInner<Q, A>, from: CoreIndex, ticket: Ticket, request: Q) {
        let answering = (port.serve)(from, request);
        let reply = Reply {
            inboxes: Arc::clone(&self.seat.inboxes),
            called: self.seat.index,
            caller: from,
            ticket,
            answer: None,
        };
        self.core.spawn(Queue::Requests, async move { reply.give(answering.await) });
    }

    fn take_replies(&self, from: CoreIndex, replies: &Replies<A>) {
        let peer = &self.calls.peers[position(from)];
        // Invariant: looked at before the replies, so none that came before the end is lost.
        let closed = self.seat.inboxes[position(from)].closed.load(Ordering::Acquire);
        while let Some((ticket, answer)) = replies.pop() {
            let call = peer.unanswered.borrow_mut().remove(&ticket);
            if let (Some((caller, _credit)), Some(answer)) = (call, answer) {
                // A caller that is gone wants no answer.
                drop(caller.send(answer));
            }
        }
        if closed {
            peer.credit.close();
            let given_up = std::mem::take(&mut *peer.unanswered.borrow_mut());
            drop(given_up);
        }
    }
}

/// The reserved slot of a reply. Sent on drop, so that a handler cancelled half-way is told as well.
struct Reply<Q, A> {
    inboxes: Arc<[Inbox<Q, A>]>,
    called: CoreIndex,
    caller: CoreIndex,
    ticket: Ticket,
    answer: Option<A>,
}

impl<Q, A> Reply<Q, A> {
    fn give(mut self, answer: A) {
        self.answer = Some(answer);
    }
}

impl<Q, A> Drop for Reply<Q, A> {
    fn drop(&mut self) {
        let inbox = &self.inboxes[position(self.caller)];
        let pushed = inbox.replies[position(self.called)].push((self.ticket, self.answer.take()));
        assert!(pushed.is_ok() || inbox.closed.load(Ordering::Acquire), "its slot was reserved");
        inbox.dispatcher.wake();
    }
}
