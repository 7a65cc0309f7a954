//! Threads for work that blocks: one of its own per [`Worker`], and a pool for the rest.
//!
//! They are never pinned, whichever core starts them: a blocked thread must not sit on a core.

use super::inbox::Inbox;
use super::{system, task};
use crate::limits;
use crossbeam::channel::{Receiver, Sender};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

type Job = Box<dyn FnOnce() + Send>;

/// A queue of jobs, and the threads behind it: they end with its last clone.
#[derive(Clone)]
struct Jobs {
    /// Bounded by the callers: each task waits for its own result.
    queue: Sender<Job>,
    abort_on_panic: bool,
}

impl Jobs {
    fn start(name: &str, threads: usize, settings: Settings) -> io::Result<Self> {
        let (queue, jobs) = crossbeam::channel::unbounded::<Job>();
        for _ in 0..threads {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || serve(&jobs, &settings.cpus))?;
        }
        Ok(Self { queue, abort_on_panic: settings.abort_on_panic })
    }

    async fn run<T: Send + 'static>(
        &self,
        inbox: &Arc<Inbox>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let reply = Arc::new(Reply { inbox: Arc::clone(inbox), state: Mutex::default() });
        let abort = self.abort_on_panic;
        let answer = Arc::clone(&reply);
        let job = move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            if let Err(panic) = &result {
                task::panicked(abort, "worker", &**panic);
            }
            answer.give(result);
        };
        let queued = self.queue.send(Box::new(job));
        queued.expect("the threads live as long as the queue");
        let result = Waiting(reply).await;
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn serve(jobs: &Receiver<Job>, cpus: &libc::cpu_set_t) {
    if let Err(error) = system::set_affinity(cpus) {
        tracing::warn!("a worker thread stays on its core: {error}");
    }
    for job in jobs {
        job();
    }
}

/// What threads inherit from the runtime.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) cpus: libc::cpu_set_t,
    pub(super) abort_on_panic: bool,
}

/// The threads for blocking work in no order, shared by all cores.
#[derive(Clone)]
pub(super) struct Pool {
    jobs: Jobs,
    pub(super) settings: Settings,
}

impl Pool {
    pub(super) fn start(settings: Settings) -> io::Result<Self> {
        let jobs = Jobs::start("blocking", limits::BLOCKING_THREADS, settings)?;
        Ok(Self { jobs, settings })
    }

    /// This pool, for the core of `inbox`.
    pub(super) fn of(&self, inbox: &Arc<Inbox>) -> Worker {
        Worker { jobs: self.jobs.clone(), inbox: Arc::clone(inbox) }
    }
}

/// See [`crate::worker::Worker`]. The pool is one of many threads.
#[derive(Clone)]
pub struct Worker {
    jobs: Jobs,
    inbox: Arc<Inbox>,
}

impl Worker {
    /// A worker with a new thread of its own.
    pub(super) fn start(name: &str, inbox: &Arc<Inbox>, settings: Settings) -> io::Result<Self> {
        Ok(Self { jobs: Jobs::start(name, 1, settings)?, inbox: Arc::clone(inbox) })
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        self.jobs.run(&self.inbox, work).await
    }

    /// Runs `work` some time; nobody waits for it.
    pub(super) fn queue(&self, work: impl FnOnce() + Send + 'static) {
        self.jobs.queue.send(Box::new(work)).expect("the threads live as long as the queue");
    }
}

/// Where a job leaves its result for a task of a core.
struct Reply<T> {
    inbox: Arc<Inbox>,
    state: Mutex<State<T>>,
}

/// The result once there is one; before, who waits for it.
struct State<T> {
    result: Option<std::thread::Result<T>>,
    waker: Option<Waker>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { result: None, waker: None }
    }
}

impl<T> Reply<T> {
    fn with<O>(&self, look: impl FnOnce(&mut State<T>) -> O) -> O {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give(&self, result: std::thread::Result<T>) {
        let waker = self.with(|state| {
            state.result = Some(result);
            state.waker.take()
        });
        waker.into_iter().for_each(|waker| self.inbox.post(waker));
    }
}

/// Waits for a reply.
struct Waiting<T>(Arc<Reply<T>>);

impl<T> Future for Waiting<T> {
    type Output = std::thread::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.with(|state| match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        // The waker belongs to this thread.
        let waker = self.0.with(|state| state.waker.take());
        drop(waker);
    }
}
