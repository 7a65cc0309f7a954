//! Calls between simulated cores.

use hamster_core::ids::CoreIndex;
use hamster_core::limits::MESH_CREDIT_PER_PAIR;
use hamster_core::mesh::{MeshClosed, Port, ports};
use hamster_core::sim::{Node, World};
use hamster_core::sync::Event;
use hamster_core::{Core, Queue};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const fn core_index(number: u16) -> CoreIndex {
    CoreIndex::new(number)
}

/// Runs `main` on the first core of a node with three, over several seeds.
fn check<F: Future<Output = ()> + 'static>(main: impl Fn(Node) -> F) {
    for seed in 0..20 {
        let world = World::new(seed);
        let node = world.node(3);
        world.run_on(&node.core(0), main(node.clone()));
    }
}

/// Binds each core's end; each answers with twice the number, its own core and the caller's.
fn bind_doubling(node: &Node) -> Vec<Port<u64, (u64, CoreIndex, CoreIndex)>> {
    let ends = (0..).zip(ports(node.core_count()));
    ends.map(|(index, end)| {
        end.bind(&node.core(index), |from, number: u64| async move {
            let core = Core::current();
            core.clock().sleep(Duration::from_micros(number)).await;
            (2 * number, core.index(), from)
        })
    })
    .collect()
}

#[test]
fn every_core_is_answered_by_the_core_it_called() {
    check(|node| async move {
        let mut calls = Vec::new();
        let bound = bind_doubling(&node);
        for (port, from) in bound.iter().zip(0..) {
            for (number, to) in (0..30).zip([0, 1, 2].into_iter().cycle()) {
                let port = port.clone();
                calls.push(node.core(from).spawn(Queue::Requests, async move {
                    let answer = port.call(core_index(to), number).await;
                    assert_eq!(answer, Ok((2 * number, core_index(to), core_index(from))));
                }));
            }
        }
        for call in calls {
            call.await.expect("answered");
        }
    });
}

#[test]
fn a_caller_without_credit_waits_and_nothing_is_lost() {
    check(|node| async move {
        let most_at_once = Rc::new(Cell::new(0));
        let (released, at_once) = (Event::new(), Rc::new(Cell::new(0)));
        let mut ends = ports::<u64, u64>(3).into_iter();
        let caller =
            ends.next().expect("three").bind(&node.core(0), |_, number| async move { number });
        let (release, most, now) =
            (released.clone(), Rc::clone(&most_at_once), Rc::clone(&at_once));
        let _called = ends.next().expect("three").bind(&node.core(1), move |_, number| {
            let (release, most, now) = (release.listen(), Rc::clone(&most), Rc::clone(&now));
            async move {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                release.await;
                now.set(now.get() - 1);
                number
            }
        });
        let core = node.core(0);
        let mut calls = Vec::new();
        for number in 0..3 * MESH_CREDIT_PER_PAIR as u64 {
            let caller = caller.clone();
            calls.push(core.spawn(Queue::Requests, async move {
                assert_eq!(caller.call(core_index(1), number).await, Ok(number));
            }));
        }
        // Callers that give up while they wait for credit, for the answer, or for nothing any more.
        for call in calls.split_off(MESH_CREDIT_PER_PAIR * 2) {
            call.cancel();
        }
        let all = Rc::new(RefCell::new(false));
        let done = Rc::clone(&all);
        core.spawn(Queue::Requests, async move {
            for call in calls {
                call.await.expect("answered");
            }
            *done.borrow_mut() = true;
        });
        while !*all.borrow() {
            core.clock().sleep(Duration::from_millis(1)).await;
            assert!(most_at_once.get() <= MESH_CREDIT_PER_PAIR);
            released.notify();
        }
        assert_eq!(most_at_once.get(), MESH_CREDIT_PER_PAIR);
    });
}

#[test]
fn credit_of_a_caller_that_gave_up_comes_back_with_the_answer() {
    check(|node| async move {
        let bound = bind_doubling(&node);
        let core = node.core(0);
        for _ in 0..3 {
            for _ in 0..MESH_CREDIT_PER_PAIR {
                let port = bound[0].clone();
                let call =
                    core.spawn(Queue::Requests, async move { port.call(core_index(1), 50).await });
                core.tasks().yield_now().await;
                call.cancel();
            }
        }
        assert_eq!(bound[0].call(core_index(1), 1).await, Ok((2, core_index(1), core_index(0))));
    });
}

#[test]
fn callers_learn_that_the_called_core_has_ended() {
    check(|node| async move {
        let mut bound = bind_doubling(&node);
        let core = node.core(0);
        let port = bound[0].clone();
        let waiting =
            core.spawn(Queue::Requests, async move { port.call(core_index(2), 1_000_000).await });
        core.clock().sleep(Duration::from_millis(1)).await;
        bound.pop();
        assert_eq!(waiting.await, Ok(Err(MeshClosed)));
        assert_eq!(bound[0].call(core_index(2), 1).await, Err(MeshClosed));
        assert!(bound[0].call(core_index(1), 1).await.is_ok());
    });
}

#[test]
fn a_call_made_before_the_other_end_is_bound_waits_for_it() {
    check(|node| async move {
        let mut ends = ports::<u8, u8>(3).into_iter();
        let first = ends.next().expect("three").bind(&node.core(0), |_, byte| async move { byte });
        let call =
            node.core(0).spawn(Queue::Requests, async move { first.call(core_index(1), 7).await });
        node.core(0).clock().sleep(Duration::from_millis(1)).await;
        let _second =
            ends.next().expect("three").bind(&node.core(1), |_, byte| async move { byte + 1 });
        assert_eq!(call.await, Ok(Ok(8)));
    });
}
