//! Work that blocks: RocksDB's calls, mostly. It never runs on a core's executor.

use crate::{sim, uring};

/// A thread of its own that runs what it is given, in order. In the simulator it runs in place, at
/// a moment drawn from the seed.
#[derive(Clone)]
pub struct Worker(pub(crate) WorkerBackend);

#[derive(Clone)]
pub(crate) enum WorkerBackend {
    Uring(uring::worker::Worker),
    Sim(sim::worker::Worker),
}

impl Worker {
    /// Queues `work` behind all earlier work and waits for its result. The queue is bounded by the
    /// callers: each waits for its own result. Work whose waiter is gone still runs.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match &self.0 {
            WorkerBackend::Uring(worker) => worker.run(work).await,
            WorkerBackend::Sim(worker) => worker.run(work).await,
        }
    }
}
