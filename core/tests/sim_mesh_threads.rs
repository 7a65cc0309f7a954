//! The mesh between real threads: each runs a core of a world of its own, since simulated wakers
//! may be woken from anywhere. The one test here whose course no seed decides.

use hamster_core::ids::CoreIndex;
use hamster_core::limits::MESH_CREDIT_PER_PAIR;
use hamster_core::mesh::{MeshClosed, UnboundPort, ports};
use hamster_core::sim::World;
use hamster_core::{Core, Queue};
use std::time::Duration;

const CORES: u16 = 3;

/// Runs `main` for each end of one service, each on a thread with the core of its index.
fn on_threads<F: Future<Output = ()> + 'static>(
    main: impl Fn(Core, UnboundPort<u64, u64>) -> F + Copy + Send,
) {
    std::thread::scope(|scope| {
        for (index, end) in (0..).zip(ports(CORES)) {
            scope.spawn(move || {
                let world = World::new(u64::from(index));
                let core = world.node(CORES).core(index);
                // Why: a world where nothing can happen is a deadlock, but here others may call.
                let own = core.clone();
                core.spawn(Queue::Background, async move {
                    loop {
                        own.clock().sleep(Duration::from_micros(1)).await;
                        std::thread::yield_now();
                    }
                });
                world.run_on(&core, main(core.clone(), end));
            });
        }
    });
}

fn others(core: &Core) -> impl Iterator<Item = CoreIndex> + use<> {
    let own = core.index();
    (0..CORES).map(CoreIndex::new).filter(move |&index| index != own)
}

#[test]
fn every_call_is_answered_however_the_threads_run() {
    const CALLS: u64 = 4 * MESH_CREDIT_PER_PAIR as u64;
    on_threads(|core, end| async move {
        let done = std::rc::Rc::new(std::cell::Cell::new(0));
        let served = done.clone();
        let port = end.bind(&core, move |_, number| {
            served.set(served.get() + 1);
            async move { number + 1 }
        });
        let mut calls = Vec::new();
        for to in others(&core) {
            for number in 0..CALLS {
                let port = port.clone();
                calls.push(core.spawn(Queue::Requests, async move {
                    assert_eq!(port.call(to, number).await, Ok(number + 1));
                }));
            }
        }
        for call in calls {
            call.await.expect("answered");
        }
        // Stays until the others have had all their answers of it.
        while done.get() < u64::from(CORES - 1) * CALLS {
            core.clock().sleep(Duration::from_micros(1)).await;
        }
        core.clock().sleep(Duration::from_millis(1)).await;
    });
}

#[test]
fn no_caller_waits_for_ever_when_cores_end_at_any_moment() {
    for round in 0..40 {
        on_threads(move |core, end| async move {
            let port = end.bind(&core, |_, number| async move { number });
            let patience = (round * (u64::from(core.index().get()) + 1)) % 40;
            for number in 0..patience {
                for to in others(&core) {
                    // Twenty virtual seconds are millions of looks at the mesh.
                    let call = core.clock().timeout(Duration::from_secs(20), port.call(to, number));
                    let answer = call.await.expect("an answer or an end");
                    assert!(matches!(answer, Err(MeshClosed)) || answer == Ok(number));
                }
            }
        });
    }
}
