//! Starts cores: one pinned thread each, with its executor, ring and handles; and ends them in
//! order, so that the kernel holds none of their memory when it is freed.

use super::clock::Clock;
use super::disk::Disk;
use super::driver::Driver;
use super::environment::block_signals;
use super::inbox::{Inbox, remote_waker};
use super::lock::Locks;
use super::network::Network;
use super::ring::Ring;
use super::task::{Tasks, panicked};
use super::timer::Timers;
use super::worker::{Pending, Pool, Settings, Worker};
use super::{probe, system};
use crate::buffer::BufferPool;
use crate::clock::ClockBackend;
use crate::disk::DiskBackend;
use crate::entropy::Entropy;
use crate::ids::CoreIndex;
use crate::limits;
use crate::network::NetworkBackend;
use crate::runtime::{Core, CoreBackend, CoreParts};
use crate::task::{Queue, TasksBackend};
use crate::units::ByteCount;
use crate::worker::WorkerBackend;
use crate::{disk, network, task, worker};
use crossbeam::channel::{Receiver, Sender};
use futures_util::FutureExt;
use glommio::{LocalExecutorBuilder, Placement};
use std::io;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// Memory that each executor of glommio takes for its own disk I/O, which has no use here.
const GLOMMIO_IO_BYTES: usize = 64 << 10;

/// How a node's cores are run.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// One core is run on each of these CPUs; the first is core 0.
    pub cpus: Vec<usize>,
    /// Budget of each core's [`BufferPool`].
    pub buffer_bytes_per_core: ByteCount,
    /// A panic ends the process. Only openraft's conformance tests want to see it as an error.
    pub abort_on_panic: bool,
}

impl RuntimeConfig {
    /// One core on each of `cpus`, everything else as in production.
    pub fn new(cpus: Vec<usize>) -> Self {
        let buffer_bytes_per_core = limits::BUFFER_POOL_BYTES_DEFAULT;
        Self { cpus, buffer_bytes_per_core, abort_on_panic: true }
    }
}

/// Why cores did not run, or not to their end.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The kernel lacks what this backend cannot do without.
    #[error("{missing}: {remedy}")]
    Kernel {
        /// What is missing.
        missing: String,
        /// What the operator can do.
        remedy: String,
    },
    /// The number of CPUs is not within 1 to [`limits::CORES_MAX`].
    #[error("{0} cores cannot be run: name 1 to {max} CPUs", max = limits::CORES_MAX)]
    CoreCount(usize),
    /// A thread, executor or ring could not be made.
    #[error("{core} on CPU {cpu} cannot start: {source}")]
    Start {
        /// Which core.
        core: CoreIndex,
        /// Its CPU.
        cpu: usize,
        /// Why.
        source: io::Error,
    },
    /// The machine refused something before any core started.
    #[error("the runtime cannot start: {0}")]
    Machine(#[from] io::Error),
    /// The main future of a core panicked (where panics do not end the process).
    #[error("{0} panicked")]
    Panicked(CoreIndex),
}

/// The CPUs that this process may run on.
///
/// # Errors
/// The kernel does not say.
pub fn available_cpus() -> Result<Vec<usize>, RuntimeError> {
    let set = system::affinity()?;
    let limit = usize::try_from(libc::CPU_SETSIZE).expect("a positive constant");
    // SAFETY: within the set's size.
    Ok((0..limit).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect())
}

/// Runs `main` on every core, each on its own pinned thread, and returns when all have returned.
/// Tasks that still run on a core when its `main` returns are dropped; blocking work is waited for.
///
/// SIGTERM, SIGINT and SIGHUP wait for [`signals`](super::environment::signals) from here on, also
/// when this has returned.
///
/// # Errors
/// See [`RuntimeError`]. The first that any core meets; the others run to their end.
pub fn run<F>(
    config: RuntimeConfig,
    main: impl Fn(Core) -> F + Clone + Send + 'static,
) -> Result<(), RuntimeError>
where
    F: Future<Output = ()> + 'static,
{
    let count = u16::try_from(config.cpus.len()).unwrap_or(u16::MAX);
    if count == 0 || count > limits::CORES_MAX {
        return Err(RuntimeError::CoreCount(config.cpus.len()));
    }
    probe::probe()?;
    system::raise_open_files()?;
    block_signals();
    let pending = Arc::new(Pending::default());
    let settings = Settings {
        cpus: system::affinity()?,
        pending: Arc::clone(&pending),
        abort_on_panic: config.abort_on_panic,
    };
    let pool = Pool::start(settings)?;
    let locks = Arc::new(Locks::default());
    let (ready, started) = crossbeam::channel::unbounded();
    let mut threads = Vec::new();
    for (index, cpu) in (0..).map(CoreIndex::new).zip(config.cpus) {
        let start = Start {
            index,
            count,
            cpu,
            buffers: config.buffer_bytes_per_core,
            pool: pool.clone(),
            locks: Arc::clone(&locks),
        };
        let (go, may_go) = crossbeam::channel::bounded(1);
        let ready = ready.clone();
        let main = main.clone();
        let thread = std::thread::Builder::new()
            .name(format!("core-{}", index.get()))
            .spawn(move || start.run(&ready, &may_go, main))
            .map_err(|source| RuntimeError::Start { core: index, cpu, source })?;
        threads.push((index, go, thread));
    }
    drop(ready);
    // All cores or none: one alone would wait for the others for ever.
    if started.iter().take(threads.len()).all(|started: bool| started) {
        // A core that has ended since needs no word.
        threads.iter().for_each(|(_, go, _)| _ = go.send(()));
    }
    let mut first = Ok(());
    for (index, go, thread) in threads {
        drop(go);
        let result = thread.join().unwrap_or(Err(RuntimeError::Panicked(index)));
        first = first.and(result);
    }
    pending.wait();
    first
}

/// What a core's thread is given.
struct Start {
    index: CoreIndex,
    count: u16,
    cpu: usize,
    buffers: ByteCount,
    pool: Pool,
    locks: Arc<Locks>,
}

/// What a core of this backend can do besides its handles.
pub struct CoreHandle {
    pub(super) ring: Rc<Ring>,
    inbox: Arc<Inbox>,
    pool: Worker,
    settings: Settings,
}

impl Start {
    fn run<F: Future<Output = ()> + 'static>(
        self,
        ready: &Sender<bool>,
        may_go: &Receiver<()>,
        main: impl Fn(Core) -> F + 'static,
    ) -> Result<(), RuntimeError> {
        let (core, cpu) = (self.index, self.cpu);
        let failed = |source| RuntimeError::Start { core, cpu, source };
        let executor = LocalExecutorBuilder::new(Placement::Fixed(cpu))
            // Its own disk buffers are not used.
            .io_memory(GLOMMIO_IO_BYTES)
            .make()
            .map_err(|error| failed(io::Error::other(error)));
        let executor = report(ready, executor)?;
        executor.run(async {
            let running = report(ready, Running::start(&self).map_err(failed))?;
            _ = ready.send(true);
            // Nothing else is on this thread yet that could be kept waiting.
            if may_go.recv().is_err() {
                running.end().await;
                return Ok(());
            }
            let finished = running.core.spawn(Queue::Requests, main(running.core.clone())).await;
            running.end().await;
            finished.map_err(|_| RuntimeError::Panicked(core))
        })
    }
}

/// Tells `run` of a failure.
fn report<T>(ready: &Sender<bool>, result: Result<T, RuntimeError>) -> Result<T, RuntimeError> {
    if result.is_err() {
        // Nobody listens any more if a thread could not be started.
        _ = ready.send(false);
    }
    result
}

/// A core whose driver runs.
struct Running {
    core: Core,
    ring: Rc<Ring>,
    timers: Rc<Timers>,
    inbox: Arc<Inbox>,
    driver: task::Task<()>,
    tasks: task::Tasks,
}

impl Running {
    fn start(start: &Start) -> io::Result<Self> {
        let ring = Rc::new(Ring::new()?);
        let timers = Rc::new(Timers::default());
        let inbox = Inbox::new()?;
        let settings = start.pool.settings.clone();
        let pool = start.pool.of(&inbox);
        let tasks = task::Tasks(TasksBackend::Uring(Tasks::new(settings.abort_on_panic)));
        let driver = Driver::new(Rc::clone(&ring), Rc::clone(&timers), Arc::clone(&inbox))?;
        let locks = Arc::clone(&start.locks);
        let disk = Disk { ring: Rc::clone(&ring), pool: pool.clone(), locks };
        let handle =
            CoreHandle { ring: Rc::clone(&ring), inbox: Arc::clone(&inbox), pool, settings };
        let core = Core::from_parts(CoreParts {
            index: start.index,
            count: start.count,
            tasks: tasks.clone(),
            clock: crate::Clock(ClockBackend::Uring(Clock { timers: Rc::clone(&timers) })),
            disk: disk::Disk(DiskBackend::Uring(disk)),
            network: network::Network(NetworkBackend::Uring(Network { ring: Rc::clone(&ring) })),
            entropy: Entropy::from_seed(system::random_seed()?),
            buffers: BufferPool::new(start.buffers),
            backend: CoreBackend::Uring(handle),
        });
        // Only this core's tasks run on this thread, so it stays the current one to the end.
        Core::set_current(Some(core.clone()));
        // In the queue of requests: behind the tasks it wakes there, so that what they send leaves
        // in one system call.
        let driver = tasks.spawn(Queue::Requests, vital(driver.run()));
        Ok(Self { core, ring, timers, inbox, driver, tasks })
    }

    /// Ends the core's tasks and requests.
    async fn end(self) {
        let Self { core, ring, timers, inbox, driver, tasks } = self;
        driver.cancel();
        let live = ring.shut_down(limits::RING_SHUTDOWN_WAIT);
        if live > 0 {
            tracing::warn!("{}: the kernel keeps {live} requests", core.index());
        }
        inbox.deliver();
        timers.clear();
        drop(core);
        // Tasks that nobody can wake any more are dropped when they are run next.
        for _ in 0..limits::SHUTDOWN_ROUNDS {
            tasks.yield_now().await;
        }
        // Why last: tasks that were woken before run in these rounds, and may ask which core this is.
        Core::set_current(None);
    }
}

/// What the kernel holds of a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Books {
    /// Requests in flight, connections and listeners.
    pub requests: usize,
    /// Receive buffers that are unread or in somebody's hands.
    pub receive_buffers: u16,
}

/// What the kernel holds of `core` now; `None` in the simulator.
pub fn books(core: &Core) -> Option<Books> {
    match core.backend() {
        CoreBackend::Uring(handle) => {
            let (requests, receive_buffers) = handle.ring.books();
            Some(Books { requests, receive_buffers })
        }
        CoreBackend::Sim(_) => None,
    }
}

/// Nothing on a core goes on without `future`: its panic ends the process.
async fn vital(future: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
        panicked(true, "driver", &*panic);
    }
}

impl CoreHandle {
    pub(crate) fn worker(&self, name: &str) -> worker::Worker {
        let worker = Worker::start(name, &self.inbox, &self.settings);
        worker::Worker(WorkerBackend::Uring(worker.expect("a thread can be started")))
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        self.pool.run(work).await
    }

    /// See [`Core::remote_waker`].
    pub(crate) fn remote_waker(&self, waker: &Waker) -> Waker {
        remote_waker(&self.inbox, waker)
    }
}
