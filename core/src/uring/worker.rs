//! Threads for work that blocks: one of its own per [`Worker`], and a pool for the rest.
//!
//! They are never pinned, whichever core starts them: a blocked thread must not sit on a core.
//!
//! Invariant: the runtime returns only when no job is left ([`Pending::wait`]). Its caller ends the
//! process next, which takes down what C++ libraries keep in statics under a job that uses it.

use super::inbox::Inbox;
use super::{system, task};
use crate::limits;
use crossbeam::channel::{Receiver, Sender};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

type Job = Box<dyn FnOnce() + Send>;

/// The jobs of all threads of a runtime that are queued or run.
#[derive(Default)]
pub(super) struct Pending {
    count: Mutex<usize>,
    none_left: Condvar,
}

impl Pending {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no job is left. To be called when the cores have ended, so that no more come.
    ///
    /// Why without a bound: all jobs end by themselves, and one that the kernel does not return from
    /// would keep the process from ending as well.
    pub(super) fn wait(&self) {
        let mut count = self.count();
        while *count > 0 {
            count = self.none_left.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A job's share of [`Pending`], until it and all that it owned is dropped.
struct Counted(Arc<Pending>);

impl Counted {
    fn new(pending: &Arc<Pending>) -> Self {
        *pending.count() += 1;
        Self(Arc::clone(pending))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut count = self.0.count();
        *count -= 1;
        if *count == 0 {
            self.0.none_left.notify_all();
        }
    }
}

/// A queue of jobs, and the threads behind it: they end with its last clone.
#[derive(Clone)]
struct Jobs {
    /// Bounded by the callers: each task waits for its own result.
    queue: Sender<(Job, Counted)>,
    pending: Arc<Pending>,
    abort_on_panic: bool,
}

impl Jobs {
    fn start(name: &str, threads: usize, settings: &Settings) -> io::Result<Self> {
        let (queue, jobs) = crossbeam::channel::unbounded();
        for _ in 0..threads {
            let (jobs, cpus) = (jobs.clone(), settings.cpus);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || serve(&jobs, &cpus))?;
        }
        let Settings { ref pending, abort_on_panic, .. } = *settings;
        Ok(Self { queue, pending: Arc::clone(pending), abort_on_panic })
    }

    fn send(&self, job: Job) {
        let sent = self.queue.send((job, Counted::new(&self.pending)));
        assert!(sent.is_ok(), "the threads live as long as the queue");
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
        self.send(Box::new(job));
        let result = Waiting(reply).await;
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn serve(jobs: &Receiver<(Job, Counted)>, cpus: &libc::cpu_set_t) {
    if let Err(error) = system::set_affinity(cpus) {
        tracing::warn!("a worker thread stays on its core: {error}");
    }
    for (job, counted) in jobs {
        job();
        drop(counted);
    }
}

/// What threads inherit from the runtime.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) cpus: libc::cpu_set_t,
    pub(super) pending: Arc<Pending>,
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
        let jobs = Jobs::start("blocking", limits::BLOCKING_THREADS, &settings)?;
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
    pub(super) fn start(name: &str, inbox: &Arc<Inbox>, settings: &Settings) -> io::Result<Self> {
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
        self.jobs.send(Box::new(work));
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
