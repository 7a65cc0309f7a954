//! Signals of a simulated process: what a test sends, in order.

use super::executor::Boot;
use crate::environment::Signal;
use std::rc::Rc;

/// See [`crate::environment::Signals`].
pub struct Signals(pub(super) Rc<Boot>);

impl Signals {
    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            let sent = self.0.signalled.listen();
            if let Some(signal) = self.0.signals.borrow_mut().pop_front() {
                return signal;
            }
            sent.await;
        }
    }
}
