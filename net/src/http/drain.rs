//! Telling the connections of one core that no new requests are taken.

use hamster_core::sync::Event;
use std::cell::Cell;
use std::rc::Rc;

/// A switch that is thrown once. Cheap to clone; all clones are one switch.
#[derive(Clone, Default)]
pub struct Drain(Rc<Switch>);

#[derive(Default)]
struct Switch {
    thrown: Cell<bool>,
    event: Event,
}

impl Drain {
    /// Not draining yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on no new connection or request is taken; those in flight finish.
    pub fn start(&self) {
        self.0.thrown.set(true);
        self.0.event.notify();
    }

    /// Whether [`start`](Self::start) was called.
    pub fn is_draining(&self) -> bool {
        self.0.thrown.get()
    }

    /// Resolves once draining has started.
    pub async fn listen(&self) {
        while !self.is_draining() {
            let event = self.0.event.listen();
            if self.is_draining() {
                return;
            }
            event.await;
        }
    }
}
