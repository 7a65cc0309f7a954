//! Seeds, time and tasks of the simulator.

use bytes::Bytes;
use hamster_core::sim::{self, Node, World};
use hamster_core::{ByteCount, Core, Queue, TaskError};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// A little of everything on two nodes, one of which crashes; what the world's trace hashes to.
fn trace_of(seed: u64) -> u64 {
    let world = World::new(seed);
    let (first, second) = (world.node(2), world.node(1));
    let at = SocketAddr::new(second.address(), 9000);
    let clock = world.clock();
    world.run(async move {
        let core = second.core(0);
        let mut listener = core.network().listen(at).expect("listens");
        core.spawn(Queue::Requests, async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                while let Ok(Some(_bytes)) = stream.receive().await {}
            }
        });
        for index in 0..2 {
            let core = first.core(index);
            core.clone().spawn(Queue::Background, async move {
                let stream = core.network().connect(at).await.expect("connects");
                let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
                let name = format!("{:x}", core.entropy().next_u64());
                let file = directory.create(&name, ByteCount::mib(1), true).await.expect("made");
                loop {
                    let mut buffer = core.buffers().take(ByteCount::kib(8)).await;
                    core.entropy().fill(&mut buffer);
                    let (buffer, result) = file.write_at(0, buffer).await;
                    result.expect("written");
                    let number = core.blocking(|| 7).await;
                    let bytes = Bytes::copy_from_slice(&buffer[..number]);
                    if stream.send(bytes).await.is_err() {
                        return;
                    }
                }
            });
        }
        clock.sleep(Duration::from_millis(20)).await;
        second.crash();
        clock.sleep(Duration::from_millis(20)).await;
    });
    world.trace_hash()
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    assert_eq!(trace_of(1), trace_of(1));
    let traces: std::collections::BTreeSet<u64> = (0..10).map(trace_of).collect();
    assert_eq!(traces.len(), 10);
}

#[test]
fn the_order_of_tasks_is_drawn_from_the_seed() {
    let order = |seed| {
        sim::run(seed, |core| async move {
            let order = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = (0..5)
                .map(|number| {
                    let order = Rc::clone(&order);
                    core.spawn(Queue::Requests, async move { order.borrow_mut().push(number) })
                })
                .collect();
            for task in tasks {
                task.await.expect("ran");
            }
            order.take()
        })
    };
    assert_eq!(order(3), order(3));
    assert!((0..10).map(order).collect::<std::collections::BTreeSet<_>>().len() > 5);
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines_in_no_real_time() {
    sim::run(1, |core| async move {
        let order = Rc::new(RefCell::new(Vec::new()));
        let began = (core.clock().now(), core.clock().wall());
        let tasks = [3, 1, 2].map(|hours| {
            let (order, clock) = (Rc::clone(&order), core.clock().clone());
            core.spawn(Queue::Requests, async move {
                clock.sleep(Duration::from_secs(hours * 3600)).await;
                order.borrow_mut().push(hours);
            })
        });
        for task in tasks {
            task.await.expect("ran");
        }
        assert_eq!(order.take(), [1, 2, 3]);
        let passed = core.clock().now().since(began.0);
        assert!(passed >= Duration::from_secs(3 * 3600));
        // The clocks of a node run a little too fast or too slow, and the wall clock as the world's.
        let on_the_wall = Duration::from_nanos(core.clock().wall().nanos() - began.1.nanos());
        assert!(on_the_wall.abs_diff(passed) <= passed / 5000, "{on_the_wall:?} for {passed:?}");
        let never = core.clock().timeout(Duration::from_secs(1), std::future::pending::<()>());
        assert!(never.await.is_err());
    });
}

#[test]
fn a_wall_clock_that_jumps_moves_no_timer() {
    let world = World::new(7);
    let node = world.node(1);
    let (core, clock) = (node.core(0), world.clock());
    world.run(async move {
        let (began, wall) = (core.clock().now(), core.clock().wall());
        node.set_wall_ahead(-600_000_000_000);
        assert!(core.clock().wall() < wall);
        let sleeping = core.clone();
        let slept = core.spawn(Queue::Requests, async move {
            sleeping.clock().sleep(Duration::from_secs(5)).await;
            sleeping.clock().now().since(began)
        });
        let slept = slept.await.expect("ran");
        assert!((5..6).contains(&slept.as_secs()), "{slept:?}");
        assert_eq!(clock.now().nanos() / 1_000_000_000, 5);
    });
}

#[test]
fn a_process_that_stands_still_goes_on_where_it_was() {
    let world = World::new(8);
    let node = world.node(1);
    let (core, clock) = (node.core(0), world.clock());
    world.run(async move {
        let ticks = Rc::new(RefCell::new(0));
        let (ticking, counted) = (core.clone(), Rc::clone(&ticks));
        core.spawn(Queue::Requests, async move {
            loop {
                ticking.clock().sleep(Duration::from_secs(1)).await;
                *counted.borrow_mut() += 1;
            }
        });
        node.pause(true);
        clock.sleep(Duration::from_secs(10)).await;
        assert_eq!(*ticks.borrow(), 0);
        node.pause(false);
        clock.sleep(Duration::from_millis(4500)).await;
        assert!((4..=5).contains(&*ticks.borrow()), "{}", ticks.borrow());
    });
}

fn panic_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("panics");
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a text")
}

#[test]
fn a_wait_for_nothing_and_a_panic_anywhere_end_the_run() {
    let deadlock = panic_of(|| sim::run(1, |_core| std::future::pending()));
    assert!(deadlock.contains("deadlock"), "{deadlock}");
    let crash = |core: Core| async move {
        Node::of(&core).crash();
        core.clock().sleep(Duration::from_secs(1)).await;
    };
    assert!(panic_of(|| sim::run(1, crash)).contains("before its node"));
    let task = |core: Core| async move {
        core.spawn(Queue::Background, async { panic!("in a task nobody waits for") });
        core.clock().sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(panic_of(|| sim::run(1, task)), "in a task nobody waits for");
    let work = |core: Core| async move { core.blocking(|| panic!("in blocking work")).await };
    assert_eq!(panic_of(|| sim::run(1, work)), "in blocking work");
}

#[test]
fn who_waits_for_a_task_learns_how_it_ended() {
    let world = World::new(1);
    world.expect_panics();
    let core = world.node(1).core(0);
    let own = core.clone();
    world.run_on(&core, async move {
        let task = own.spawn(Queue::Requests, async { panic!("expected") });
        assert_eq!(task.await, Err::<(), _>(TaskError::Panicked));
        let dropped = Rc::new(());
        let (held, clock) = (Rc::clone(&dropped), own.clock().clone());
        let cancelled = own.spawn(Queue::Requests, async move {
            clock.sleep(Duration::from_secs(1)).await;
            drop(held);
        });
        own.clock().sleep(Duration::from_millis(1)).await;
        cancelled.cancel();
        own.tasks().yield_now().await;
        assert_eq!(Rc::strong_count(&dropped), 1);
    });
}

#[test]
fn a_worker_runs_its_work_in_order_even_when_nobody_waits_for_it() {
    for seed in 0..20 {
        sim::run(seed, |core| async move {
            let worker = core.worker("test");
            let log = std::sync::Arc::new(crossbeam::queue::SegQueue::new());
            for number in 0..10 {
                let log = log.clone();
                let work = worker.run(move || log.push(number));
                // Begun, and given up.
                let given_up = core.clock().timeout(Duration::ZERO, work).await;
                assert!(given_up.is_err());
            }
            worker.run(|| ()).await;
            let order: Vec<_> = std::iter::from_fn(|| log.pop()).collect();
            assert_eq!(order, (0..10).collect::<Vec<_>>());
        });
    }
}

#[test]
fn what_a_core_holds_is_dropped_on_that_core_when_its_node_crashes() {
    struct Drops(Rc<RefCell<Vec<u16>>>);
    impl Drop for Drops {
        fn drop(&mut self) {
            self.0.borrow_mut().push(Core::current().index().get());
        }
    }
    let world = World::new(1);
    let node = world.node(2);
    let clock = world.clock();
    let dropped_on = world.run(async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        for index in 0..2 {
            let drops = Drops(Rc::clone(&log));
            node.core(index).spawn(Queue::Requests, async move {
                let _drops = drops;
                std::future::pending::<()>().await;
            });
        }
        clock.sleep(Duration::from_millis(1)).await;
        let core = node.core(0);
        node.crash();
        let late = core.spawn(Queue::Requests, async {});
        assert_eq!(late.await, Err(TaskError::Cancelled));
        log.take()
    });
    assert_eq!(dropped_on, [0, 1]);
}
