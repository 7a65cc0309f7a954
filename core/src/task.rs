//! Tasks of one core. They share the core's thread and are never moved to another.

use crate::{sim, uring};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Which of a core's task queues a task runs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// Raft and what must not wait behind data work.
    Latency,
    /// Requests.
    Requests,
    /// Repair, scrub, compaction: whatever can wait.
    Background,
}

/// Why a task gave no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TaskError {
    /// It was cancelled, or its executor is gone.
    #[error("the task was cancelled")]
    Cancelled,
    /// It panicked (the simulator and the runtime's conformance tests only: in production a panic
    /// is a programmer's error and ends the process).
    #[error("the task panicked")]
    Panicked,
}

/// Spawns tasks on one core.
#[derive(Clone)]
pub struct Tasks(pub(crate) TasksBackend);

#[derive(Clone)]
pub(crate) enum TasksBackend {
    Uring(uring::task::Tasks),
    Sim(sim::task::Tasks),
}

impl Tasks {
    /// Starts `future` in `queue`. Dropping the handle lets the task run on.
    pub fn spawn<T: 'static>(
        &self,
        queue: Queue,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        match &self.0 {
            TasksBackend::Uring(tasks) => Task(TaskBackend::Uring(tasks.spawn(queue, future))),
            TasksBackend::Sim(tasks) => Task(TaskBackend::Sim(tasks.spawn(queue, future))),
        }
    }

    /// Lets every other runnable task of this core run once.
    pub async fn yield_now(&self) {
        match &self.0 {
            TasksBackend::Uring(tasks) => tasks.yield_now().await,
            TasksBackend::Sim(tasks) => tasks.yield_now().await,
        }
    }
}

/// A running task; as a future, its result.
pub struct Task<T>(TaskBackend<T>);

enum TaskBackend<T> {
    Uring(uring::task::Task<T>),
    Sim(sim::task::Task<T>),
}

impl<T> Task<T> {
    /// Ends the task at its next suspension. Its futures are dropped on this core.
    pub fn cancel(self) {
        match self.0 {
            TaskBackend::Uring(task) => task.cancel(),
            TaskBackend::Sim(task) => task.cancel(),
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            TaskBackend::Uring(task) => Pin::new(task).poll(context),
            TaskBackend::Sim(task) => Pin::new(task).poll(context),
        }
    }
}
