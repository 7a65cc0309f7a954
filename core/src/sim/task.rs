//! Tasks in an order drawn from the seed.
use crate::task::{Queue, TaskError};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// See [`crate::Tasks`].
#[derive(Clone)]
pub struct Tasks;

impl Tasks {
    pub(crate) fn spawn<T: 'static>(
        &self,
        _queue: Queue,
        _future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        todo!()
    }

    pub(crate) async fn yield_now(&self) {
        todo!()
    }
}

/// See [`crate::Task`].
pub struct Task<T>(PhantomData<T>);

impl<T> Unpin for Task<T> {}

impl<T> Task<T> {
    pub(crate) fn cancel(self) {
        todo!()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        todo!()
    }
}
