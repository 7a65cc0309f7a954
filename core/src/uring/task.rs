//! Tasks on glommio's queues. The seam where a panic is caught: in production it ends the process,
//! because a core whose state is half changed must not serve on.

use crate::task::{Queue, TaskError};
use futures_util::FutureExt;
use glommio::{Latency, Shares, TaskQueueHandle};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// See [`crate::Tasks`].
#[derive(Clone)]
pub struct Tasks {
    latency: TaskQueueHandle,
    requests: TaskQueueHandle,
    background: TaskQueueHandle,
    abort_on_panic: bool,
}

impl Tasks {
    /// Makes the queues of the calling executor.
    pub(super) fn new(abort_on_panic: bool) -> Self {
        let executor = glommio::executor();
        // How long a latency task may wait behind others that do not yield.
        let latency = Latency::Matters(Duration::from_millis(1));
        let queue = |shares, latency, name| {
            executor.create_task_queue(Shares::Static(shares), latency, name)
        };
        Self {
            latency: queue(1000, latency, "latency"),
            requests: queue(500, Latency::NotImportant, "requests"),
            background: queue(50, Latency::NotImportant, "background"),
            abort_on_panic,
        }
    }

    pub(crate) fn spawn<T: 'static>(
        &self,
        queue: Queue,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        let queue = match queue {
            Queue::Latency => self.latency,
            Queue::Requests => self.requests,
            Queue::Background => self.background,
        };
        let abort = self.abort_on_panic;
        let guarded = AssertUnwindSafe(future).catch_unwind().map(move |result| {
            result.map_err(|panic| {
                panicked(abort, "task", &*panic);
                TaskError::Panicked
            })
        });
        let task = glommio::spawn_local_into(guarded, queue).expect("the queue was made above");
        Task(task.detach())
    }

    pub(crate) async fn yield_now(&self) {
        glommio::executor().yield_task_queue_now().await;
    }
}

/// A panic was caught in a task, a worker or a core's main future.
pub(super) fn panicked(abort: bool, place: &str, panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!("a {place} panicked: {text}");
    if abort {
        std::process::abort();
    }
}

/// See [`crate::Task`]. Dropping it lets the task run on.
pub struct Task<T>(glommio::task::JoinHandle<Result<T, TaskError>>);

impl<T> Task<T> {
    pub(crate) fn cancel(self) {
        self.0.cancel();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|result| result.unwrap_or(Err(TaskError::Cancelled)))
    }
}
