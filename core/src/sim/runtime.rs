//! Starts cores.
use crate::worker::Worker;

/// What a core of this backend can do besides its handles.
pub struct CoreHandle;

impl CoreHandle {
    pub(crate) fn worker(&self, _name: &str) -> Worker {
        todo!()
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        _work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        todo!()
    }
}
