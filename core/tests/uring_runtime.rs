//! The production backend's tasks, threads and cores.

use futures_util::FutureExt;
use hamster_core::limits::BLOCKING_THREADS;
use hamster_core::uring::probe::probe;
use hamster_core::uring::runtime::{RuntimeConfig, RuntimeError, available_cpus, run};
use hamster_core::{Core, Queue, TaskError};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn config(cores: usize) -> RuntimeConfig {
    let cpus = available_cpus().expect("the kernel says");
    // Cores may share a CPU: slow, and right all the same.
    let mut config = RuntimeConfig::new(cpus.into_iter().cycle().take(cores).collect());
    config.abort_on_panic = false;
    config
}

fn on_one_core<F: Future<Output = ()> + 'static>(
    main: impl Fn(Core) -> F + Clone + Send + 'static,
) {
    run(config(1), main).expect("no panic");
}

#[test]
fn every_core_runs_and_knows_itself() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let main = move |core: Core| {
        let counted = Arc::clone(&counted);
        async move {
            assert_eq!(core.count(), 3);
            assert_eq!(Core::current().index(), core.index());
            counted.fetch_or(1 << core.index().get(), Ordering::Relaxed);
        }
    };
    run(config(3), main).expect("no panic");
    assert_eq!(seen.load(Ordering::Relaxed), 0b111);
}

#[test]
fn the_runtime_returns_only_when_no_blocking_work_is_left() {
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    on_one_core(move |core| {
        let counted = Arc::clone(&counted);
        async move {
            let work = || {
                let counted = Arc::clone(&counted);
                move || {
                    let (_kept, never) = std::sync::mpsc::channel::<()>();
                    assert!(never.recv_timeout(Duration::from_millis(50)).is_err());
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            };
            // Begun, and left alone: more than there are threads, so that some wait in the queue.
            for _ in 0..2 * BLOCKING_THREADS {
                assert!(core.blocking(work()).now_or_never().is_none());
            }
            let worker = core.worker("alone");
            assert!(worker.run(work()).now_or_never().is_none());
        }
    });
    assert_eq!(done.load(Ordering::Relaxed), 2 * BLOCKING_THREADS + 1);
}

#[test]
fn tasks_of_every_queue_progress_beside_one_that_never_ends() {
    on_one_core(|core| async move {
        for endless in [Queue::Latency, Queue::Requests, Queue::Background] {
            let greedy = core.clone();
            let endless = core.spawn(endless, async move {
                loop {
                    greedy.tasks().yield_now().await;
                }
            });
            for queue in [Queue::Latency, Queue::Requests, Queue::Background] {
                let clock = core.clock().clone();
                let slept = core.spawn(queue, async move {
                    clock.sleep(Duration::from_millis(2)).await;
                    queue
                });
                assert_eq!(slept.await, Ok(queue));
            }
            endless.cancel();
        }
    });
}

#[test]
fn a_task_is_cancelled_detached_or_seen_to_panic() {
    on_one_core(|core| async move {
        let dropped = Rc::new(Cell::new(0));
        struct OnDrop(Rc<Cell<i32>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let guard = OnDrop(Rc::clone(&dropped));
        let stuck = core.spawn(Queue::Requests, async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        core.tasks().yield_now().await;
        stuck.cancel();
        while dropped.get() == 0 {
            core.tasks().yield_now().await;
        }
        let guard = OnDrop(Rc::clone(&dropped));
        let clock = core.clock().clone();
        drop(core.spawn(Queue::Requests, async move {
            clock.sleep(Duration::from_millis(1)).await;
            drop(guard);
        }));
        while dropped.get() == 1 {
            core.clock().sleep(Duration::from_millis(1)).await;
        }
        let panics = core.spawn(Queue::Requests, async { panic!("on purpose") });
        assert_eq!(panics.await, Err(TaskError::Panicked));
    });
}

#[test]
fn a_panic_of_a_core_is_reported() {
    let result = run(config(1), |_| async { panic!("on purpose") });
    assert!(matches!(result, Err(RuntimeError::Panicked(_))));
}

#[test]
fn workers_run_in_order_and_the_pool_side_by_side() {
    on_one_core(|core| async move {
        let worker = core.worker("tester");
        let order = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (worker, order) = (worker.clone(), Arc::clone(&order));
                core.spawn(Queue::Requests, async move {
                    let turn = worker.run(move || order.fetch_add(1, Ordering::SeqCst)).await;
                    assert_eq!(turn, number);
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        // Two jobs that need each other: the pool has more than one thread.
        let (there, here) = std::sync::mpsc::sync_channel::<u8>(0);
        let waits = core.spawn(Queue::Requests, {
            let core = core.clone();
            async move { core.blocking(move || here.recv().expect("sent")).await }
        });
        core.blocking(move || there.send(5).expect("received")).await;
        assert_eq!(waits.await, Ok(5));
    });
}

#[test]
fn time_goes_forward_and_sleep_is_not_short() {
    on_one_core(|core| async move {
        let clock = core.clock();
        for nanos in [0, 1, 50_000, 3_000_000] {
            let (wall, before) = (clock.wall(), clock.now());
            let duration = Duration::from_nanos(nanos);
            clock.sleep(duration).await;
            assert!(clock.now().since(before) >= duration);
            assert!(clock.wall() >= wall);
        }
        // Many at once, the latest first.
        let order = Rc::new(Cell::new(100u64));
        let start = clock.now();
        let sleepers: Vec<_> = (0..100u64)
            .rev()
            .map(|number| {
                let (clock, order) = (clock.clone(), Rc::clone(&order));
                core.spawn(Queue::Requests, async move {
                    clock.sleep_until(start + Duration::from_micros(2000 + number * 50)).await;
                    order.set(order.get() - 1);
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await.expect("no panic");
        }
        assert_eq!(order.get(), 0);
        let late = clock.timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
        assert!(late.is_err());
    });
}

#[test]
fn the_kernel_here_has_what_is_needed() {
    let probe = probe().expect("a kernel with io_uring");
    assert!(probe.lines().len() >= 3);
}

#[test]
fn no_cores_is_refused() {
    assert!(matches!(run(config(0), |_| async {}), Err(RuntimeError::CoreCount(0))));
}
