//! What `core::sync` promises, on the simulator.

use hamster_core::sync::{Closed, Event, Semaphore, channel, oneshot};
use hamster_core::{Core, Queue, sim};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Runs `main` with several seeds: the order of tasks differs, the facts must not.
fn check<F: Future<Output = ()> + 'static>(main: impl Fn(Core) -> F) {
    (0..20).for_each(|seed| sim::run(seed, &main));
}

/// Long enough for every task that can run to have run.
async fn settle(core: &Core) {
    core.clock().sleep(Duration::from_millis(1)).await;
}

#[test]
fn a_oneshot_gives_its_value_or_says_that_none_comes() {
    check(|core| async move {
        let (sender, receiver) = oneshot();
        core.spawn(Queue::Requests, async move { sender.send(5).expect("awaited") });
        assert_eq!(receiver.await, Ok(5));
        let (sender, receiver) = oneshot::<u8>();
        core.spawn(Queue::Requests, async move { drop(sender) });
        assert_eq!(receiver.await, Err(Closed));
        let (sender, receiver) = oneshot();
        drop(receiver);
        assert_eq!(sender.send(5), Err(5));
    });
}

#[test]
fn a_channel_keeps_order_and_its_bound() {
    check(|core| async move {
        let (sender, mut receiver) = channel(2);
        core.spawn(Queue::Requests, async move {
            for number in 0..100 {
                sender.send(number).await.expect("received");
            }
        });
        settle(&core).await;
        for number in 0..100 {
            assert_eq!(receiver.receive().await, Some(number));
        }
        assert_eq!(receiver.receive().await, None);

        let (sender, mut receiver) = channel(2);
        assert_eq!(
            (sender.try_send(1), sender.try_send(2), sender.try_send(3)),
            (Ok(()), Ok(()), Err(3))
        );
        assert_eq!(receiver.try_receive(), Some(1));
        assert_eq!(sender.try_send(4), Ok(()));
    });
}

#[test]
fn a_sender_that_waits_learns_that_the_receiver_is_gone() {
    check(|core| async move {
        let (sender, receiver) = channel(1);
        sender.try_send(1).expect("room");
        let waiting = core.spawn(Queue::Requests, async move { sender.send(2).await });
        settle(&core).await;
        drop(receiver);
        assert_eq!(waiting.await, Ok(Err(Closed)));
    });
}

#[test]
fn permits_go_to_those_who_waited_longest_and_a_small_request_overtakes_no_large_one() {
    check(|core| async move {
        let semaphore = Semaphore::new(3);
        let order = Rc::new(RefCell::new(Vec::new()));
        let held = semaphore.acquire(1).await;
        let mut tasks = Vec::new();
        for (name, count) in [("large", 3), ("small", 1), ("last", 1)] {
            let (own, order) = (semaphore.clone(), Rc::clone(&order));
            let core_of_task = core.clone();
            tasks.push(core.spawn(Queue::Requests, async move {
                let permit = own.acquire(count).await;
                order.borrow_mut().push(name);
                settle(&core_of_task).await;
                drop(permit);
            }));
            settle(&core).await;
        }
        assert!(semaphore.try_acquire(1).is_none(), "two are there, but others wait");
        drop(held);
        for task in tasks {
            task.await.expect("ran");
        }
        assert_eq!(order.borrow()[0], "large");
        assert_eq!(semaphore.available(), 3);
    });
}

#[test]
fn a_waiter_that_is_dropped_holds_nothing_back() {
    check(|core| async move {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire(1).await;
        let own = semaphore.clone();
        let large = core.spawn(Queue::Requests, async move { own.acquire(2).await });
        settle(&core).await;
        let own = semaphore.clone();
        let small = core.spawn(Queue::Requests, async move { drop(own.acquire(1).await) });
        settle(&core).await;
        large.cancel();
        small.await.expect("no longer behind the large one");

        // Granted, and dropped before it could be seen.
        let own = semaphore.clone();
        let granted = core.spawn(Queue::Requests, async move { own.acquire(2).await });
        settle(&core).await;
        drop(held);
        granted.cancel();
        settle(&core).await;
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn an_event_reaches_all_who_listened_before_it_and_none_who_listened_after() {
    check(|core| async move {
        let event = Event::new();
        let before = [event.listen(), event.listen()];
        event.notify();
        let after = event.listen();
        for listening in before {
            listening.await;
        }
        let late = core.clock().timeout(Duration::from_secs(1), after).await;
        assert!(late.is_err());
    });
}
