//! The runtime against openraft's own conformance suite, on both backends.

use super::{CoreRuntime, Start};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus};
use hamster_core::{ByteCount, sim, uring};
use openraft_rt::AsyncRuntime;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

type Erased = Pin<Box<dyn Future<Output = ()>>>;

/// Runs `future` by `run`, which is given a future that borrows nothing.
fn run_erased<T, F: Future<Output = T>>(future: F, run: impl FnOnce(Erased)) -> T {
    let output = RefCell::new(None);
    let future: Pin<Box<dyn Future<Output = ()> + '_>> =
        Box::pin(async { _ = output.replace(Some(future.await)) });
    // SAFETY: `run` returns only after the future has ended and was dropped, so that nothing that
    // it borrows is gone while it lives.
    let erased: Erased = unsafe { std::mem::transmute(future) };
    run(erased);
    output.take().expect("the future has ended")
}

#[derive(Debug)]
struct Simulated;

impl Start for Simulated {
    fn run<T, F: Future<Output = T>>(future: F) -> T {
        run_erased(future, |erased| sim::run(7, |_| erased))
    }
}

#[derive(Debug)]
struct Real;

/// A future that another thread runs while this one waits for it.
struct Lent(Erased);

// SAFETY: the lending thread does nothing until the borrowing one has ended.
unsafe impl Send for Lent {}

impl Start for Real {
    fn run<T, F: Future<Output = T>>(future: F) -> T {
        run_erased(future, |erased| {
            let cpu = available_cpus().expect("a kernel that answers")[0];
            let config = RuntimeConfig {
                buffer_bytes_per_core: ByteCount::mib(16),
                abort_on_panic: false,
                ..RuntimeConfig::new(vec![cpu])
            };
            let lent = Arc::new(Mutex::new(Some(Lent(erased))));
            let main = move |_core| {
                let lent = lent.lock().expect("one core").take().expect("one core");
                lent.0
            };
            uring::runtime::run(config, main).expect("the suite ran");
        })
    }
}

#[test]
fn openrafts_conformance_suite_passes_in_the_simulator() {
    openraft_rt::testing::Suite::<CoreRuntime<Simulated>>::test_all();
}

#[test]
fn openrafts_conformance_suite_passes_on_a_real_core() {
    // Why not `test_all`: its other half seeds the calling thread, and a core has its own.
    let mut runtime = <CoreRuntime<Real> as AsyncRuntime>::new(1);
    openraft_rt::testing::Suite::test_all_on(&mut runtime);
}
