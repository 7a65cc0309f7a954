//! The runtime against openraft's own conformance suite.

use super::{CoreRuntime, Start};
use hamster_core::sim;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

#[derive(Debug)]
struct Simulated;

impl Start for Simulated {
    fn run<T, F: Future<Output = T>>(future: F) -> T {
        let output = Rc::new(RefCell::new(None));
        let giving: *const RefCell<Option<T>> = Rc::as_ptr(&output);
        let future: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async move {
            let value = future.await;
            // SAFETY: `output` lives until the end of `run`, behind which nothing polls this.
            unsafe { &*giving }.replace(Some(value));
        });
        // SAFETY: `sim::run` returns only after the future has ended and was dropped, so that
        // nothing that it borrows is gone while it lives.
        let future: Pin<Box<dyn Future<Output = ()>>> = unsafe { std::mem::transmute(future) };
        sim::run(7, |_| future);
        output.take().expect("the future has ended")
    }
}

#[test]
fn openrafts_conformance_suite_passes_in_the_simulator() {
    openraft_rt::testing::Suite::<CoreRuntime<Simulated>>::test_all();
}
