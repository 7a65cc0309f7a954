//! What a core can do besides its handles.

use super::executor::{Boot, Executor};
use super::signal::Signals;
use super::worker;
use super::world::Node;
use crate::worker::{Worker, WorkerBackend};
use std::rc::Rc;

/// What a core of this backend can do besides its handles.
pub struct CoreHandle {
    pub(crate) executor: Rc<Executor>,
    pub(crate) boot: Rc<Boot>,
    pub(crate) node: Node,
}

impl CoreHandle {
    pub(crate) fn signals(&self) -> Signals {
        Signals(Rc::clone(&self.boot))
    }

    pub(crate) fn worker(&self, name: &str) -> Worker {
        Worker(WorkerBackend::Sim(worker::Worker::new(&self.executor, &self.boot, name)))
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // A worker of its own each time: in no order.
        worker::Worker::new(&self.executor, &self.boot, "").run(work).await
    }
}
