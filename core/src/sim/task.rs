//! Tasks in an order drawn from the seed. The three queues are one: whatever order a real core may
//! run its tasks in, some seed does.

use super::executor::{Boot, Executor, TaskId};
use crate::sync::{OneshotReceiver, oneshot};
use crate::task::{Queue, TaskError};
use futures_util::FutureExt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// See [`crate::Tasks`].
#[derive(Clone)]
pub struct Tasks {
    pub(crate) executor: Rc<Executor>,
    pub(crate) boot: Rc<Boot>,
    /// Of the core, among those of the boot.
    pub(crate) index: usize,
}

impl Tasks {
    pub(crate) fn spawn<T: 'static>(
        &self,
        _queue: Queue,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        let (sender, result) = oneshot();
        let executor = Rc::clone(&self.executor);
        let guarded = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await;
            let result = result.map_err(|payload| {
                executor.panicked(payload);
                TaskError::Panicked
            });
            // Nobody may wait for it.
            drop(sender.send(result));
        };
        // None once the boot has ended: the task will not run then.
        let core = self.boot.cores.borrow().get(self.index).cloned();
        let id = self.executor.spawn(&self.boot, core, Box::pin(guarded));
        Task { executor: Rc::clone(&self.executor), id, result }
    }

    pub(crate) async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// See [`crate::Task`].
pub struct Task<T> {
    executor: Rc<Executor>,
    id: TaskId,
    result: OneshotReceiver<Result<T, TaskError>>,
}

impl<T> Task<T> {
    pub(crate) fn cancel(self) {
        self.executor.cancel(self.id);
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.result).poll(context);
        result.map(|result| result.unwrap_or(Err(TaskError::Cancelled)))
    }
}
