//! Blocking work, in place.

/// See [`crate::worker::Worker`].
#[derive(Clone)]
pub struct Worker;

impl Worker {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        _work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        todo!()
    }
}
