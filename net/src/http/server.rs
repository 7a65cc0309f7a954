//! The accept loop: connections of one core, within their limit, until drained.

use super::body::RequestBody;
use super::date::DateCache;
use super::deadline::Deadlines;
use super::drain::Drain;
use super::head::Head;
use super::rejection::Rejection;
use super::response::Response;
use super::session::{self, Shared};
use crate::tls;
use futures_util::future::{Either, select};
use hamster_core::limits::{
    ACCEPT_PAUSE, CONNECTIONS_PER_CORE_MAX, CONNECTIONS_REFUSED_MAX, DRAIN_TIMEOUT,
};
use hamster_core::sync::Event;
use hamster_core::{Core, Listener, Queue, Stream, Task};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

/// One request.
pub struct Request {
    /// First line and headers.
    pub head: Head,
    /// Its body, not read yet.
    pub body: RequestBody,
    /// Who is on the other end of the connection.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// What answers requests.
pub trait Service: 'static {
    /// Answers `request`. It may leave the body unread: the server then drops the rest or closes.
    fn call(&self, request: Request) -> impl Future<Output = Response>;

    /// The answer to a request that never reached [`call`](Self::call).
    fn reject(&self, rejection: Rejection) -> Response {
        Response::new(rejection.status())
            .header("content-type", "text/plain")
            .body(rejection.to_string())
    }
}

/// Serves connections of `listener` until `drain` starts and the requests in flight are done;
/// those that are not within `DRAIN_TIMEOUT` are cut. Nothing runs on behind it.
pub async fn serve<S: Service>(
    core: Core,
    mut listener: Listener,
    tls: Option<tls::Acceptor>,
    service: Rc<S>,
    drain: Drain,
) {
    let (deadlines, date) = (Deadlines::start(&core), DateCache::new(core.clock().wall()));
    let shared =
        Rc::new(Shared { core: core.clone(), service, tls, drain: drain.clone(), deadlines, date });
    let open = Rc::new(Open::default());
    let mut drained = pin!(drain.listen());
    loop {
        match select(pin!(listener.accept()), drained.as_mut()).await {
            Either::Left((Ok((stream, peer)), _)) => admit(&shared, &open, stream, peer),
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "cannot accept connections");
                core.clock().sleep(ACCEPT_PAUSE).await;
            }
            Either::Right(((), _)) => break,
        }
    }
    drop(listener);
    shared.deadlines.drain();
    if core.clock().timeout(DRAIN_TIMEOUT, open.none()).await.is_err() {
        tracing::warn!(connections = open.count.get(), "requests did not finish in time: cut");
        open.cut().await;
    }
}

fn admit<S: Service>(shared: &Rc<Shared<S>>, open: &Rc<Open>, stream: Stream, peer: SocketAddr) {
    let (shared, core) = (Rc::clone(shared), shared.core.clone());
    let over = open.count.get() >= CONNECTIONS_PER_CORE_MAX;
    if open.count.get() >= CONNECTIONS_PER_CORE_MAX + CONNECTIONS_REFUSED_MAX {
        return;
    }
    let counted = Counted::new(open);
    let id = counted.id;
    let task = core.spawn(Queue::Requests, async move {
        match over {
            false => session::run(&shared, stream, peer).await,
            true => session::turn_away(&shared, stream, peer).await,
        }
        drop(counted);
    });
    // Invariant: before the task runs for the first time, so that its end finds it here.
    open.tasks.borrow_mut().insert(id, task);
}

/// The open connections.
#[derive(Default)]
struct Open {
    count: Cell<usize>,
    id_next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Task<()>>>,
    closed: Event,
}

impl Open {
    async fn none(&self) {
        while self.count.get() > 0 {
            self.closed.listen().await;
        }
    }

    /// Ends every connection where it stands.
    async fn cut(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.into_values().for_each(Task::cancel);
        self.none().await;
    }
}

/// One connection that counts until dropped.
struct Counted {
    open: Rc<Open>,
    id: u64,
}

impl Counted {
    fn new(open: &Rc<Open>) -> Self {
        let id = open.id_next.get();
        open.id_next.set(id + 1);
        open.count.set(open.count.get() + 1);
        Self { open: Rc::clone(open), id }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.tasks.borrow_mut().remove(&self.id);
        self.open.count.set(self.open.count.get() - 1);
        self.open.closed.notify();
    }
}
