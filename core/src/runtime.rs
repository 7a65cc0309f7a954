//! The bundle of handles that code on one CPU core works with.

use crate::buffer::BufferPool;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::ids::CoreIndex;
use crate::network::Network;
use crate::task::{Queue, Task, Tasks};
use crate::worker::Worker;
use crate::{sim, uring};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

/// One CPU core, as the code on it sees it. Cheap to clone; passed explicitly.
#[derive(Clone)]
pub struct Core(Rc<CoreInner>);

struct CoreInner {
    index: CoreIndex,
    count: u16,
    tasks: Tasks,
    clock: Clock,
    disk: Disk,
    network: Network,
    entropy: Entropy,
    buffers: BufferPool,
    backend: CoreBackend,
}

/// What only a backend can do besides the handles.
pub(crate) enum CoreBackend {
    Uring(uring::runtime::CoreHandle),
    Sim(sim::runtime::CoreHandle),
}

/// What a backend hands over to make a [`Core`].
pub(crate) struct CoreParts {
    pub index: CoreIndex,
    pub count: u16,
    pub tasks: Tasks,
    pub clock: Clock,
    pub disk: Disk,
    pub network: Network,
    pub entropy: Entropy,
    pub buffers: BufferPool,
    pub backend: CoreBackend,
}

thread_local! {
    /// The core whose task is being polled, for code that is given no handle: openraft's runtime is
    /// a set of static functions. Nothing else may use it.
    static CURRENT: RefCell<Option<Core>> = const { RefCell::new(None) };
}

impl Core {
    pub(crate) fn from_parts(parts: CoreParts) -> Self {
        let CoreParts { index, count, tasks, clock, disk, network, entropy, buffers, backend } =
            parts;
        Self(Rc::new(CoreInner {
            index,
            count,
            tasks,
            clock,
            disk,
            network,
            entropy,
            buffers,
            backend,
        }))
    }

    /// Which core of this node.
    pub fn index(&self) -> CoreIndex {
        self.0.index
    }

    /// How many cores this node runs.
    pub fn count(&self) -> u16 {
        self.0.count
    }

    /// Its tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// Its clocks and timers.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Its way to files.
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Its way to sockets.
    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// Its randomness.
    pub fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    /// Its aligned buffers, within their budget.
    pub fn buffers(&self) -> &BufferPool {
        &self.0.buffers
    }

    /// Starts `future` in `queue`: short for `tasks().spawn`.
    pub fn spawn<T: 'static>(
        &self,
        queue: Queue,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        self.0.tasks.spawn(queue, future)
    }

    /// A new thread for blocking work, named for the process list.
    pub fn worker(&self, name: &str) -> Worker {
        match &self.0.backend {
            CoreBackend::Uring(handle) => handle.worker(name),
            CoreBackend::Sim(handle) => handle.worker(name),
        }
    }

    /// Runs `work` on a pool of threads for blocking work, in no order.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match &self.0.backend {
            CoreBackend::Uring(handle) => handle.blocking(work).await,
            CoreBackend::Sim(handle) => handle.blocking(work).await,
        }
    }

    /// The core whose task is being polled.
    ///
    /// # Panics
    /// Outside a task.
    pub fn current() -> Self {
        CURRENT.with_borrow(|core| core.clone().expect("called from a task of a core"))
    }

    /// A waker for the task of `waker`, to be given to other threads: this core notices it in its
    /// next round, where it might notice `waker` itself only after 200 µs of work.
    pub fn remote_waker(&self, waker: &Waker) -> Waker {
        match &self.0.backend {
            CoreBackend::Uring(handle) => handle.remote_waker(waker),
            CoreBackend::Sim(_) => waker.clone(),
        }
    }

    /// The backend's own part: what it can do besides the handles. For the simulator's controls.
    pub(crate) fn backend(&self) -> &CoreBackend {
        &self.0.backend
    }

    /// Makes this the current core until the former one is put back. For backends.
    pub(crate) fn set_current(core: Option<Self>) -> Option<Self> {
        CURRENT.with(|current| current.replace(core))
    }
}
