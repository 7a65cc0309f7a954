//! Calls between the cores of a node: bounded queues, no locks.
//!
//! A call reserves the slot of its reply before it leaves, so a reply never waits. Each pair of
//! cores has a credit ([`limits::MESH_CREDIT_PER_PAIR`](crate::limits::MESH_CREDIT_PER_PAIR)); a
//! caller without credit waits. A hop to a parked core costs 50–80 µs: call only where the work is.

use crate::ids::CoreIndex;
use crate::runtime::Core;
use std::marker::PhantomData;

/// One core's end of a service on the mesh, before it is bound: requests `Q`, answers `A`.
pub struct UnboundPort<Q, A>(PhantomData<(Q, A)>);

/// Makes the ends of one service, one for each core in order.
pub fn ports<Q: Send + 'static, A: Send + 'static>(_cores: u16) -> Vec<UnboundPort<Q, A>> {
    todo!()
}

/// One core's end of a service on the mesh. Cheap to clone.
pub struct Port<Q, A>(PhantomData<(Q, A)>);

/// The called core has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the called core has ended")]
pub struct MeshClosed;

impl<Q: Send + 'static, A: Send + 'static> UnboundPort<Q, A> {
    /// Binds this end to `core` (the one of its index) and answers calls from others with
    /// `serve`, each in a task of its own, at most the credit of the callers at once.
    pub fn bind<F: Future<Output = A> + 'static>(
        self,
        _core: &Core,
        _serve: impl Fn(CoreIndex, Q) -> F + 'static,
    ) -> Port<Q, A> {
        todo!()
    }
}

impl<Q, A> Clone for Port<Q, A> {
    fn clone(&self) -> Self {
        todo!()
    }
}

impl<Q: Send + 'static, A: Send + 'static> Port<Q, A> {
    /// Has core `to` answer `request`. A call to the own core runs in place, without a queue.
    ///
    /// # Errors
    /// The called core has ended.
    pub async fn call(&self, _to: CoreIndex, _request: Q) -> Result<A, MeshClosed> {
        todo!()
    }
}
