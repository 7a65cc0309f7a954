//! The production backend's network over loopback.

use bytes::Bytes;
use hamster_core::limits::{
    ACCEPTED_CONNECTIONS_WAITING_MAX, RECEIVE_BUFFERS, RECEIVE_BUFFERS_PER_CONNECTION_MAX,
};
use hamster_core::sync::Event;
use hamster_core::uring::runtime::{Books, RuntimeConfig, available_cpus, books, run};
use hamster_core::{ByteCount, Core, Queue, Stream};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

fn on_one_core<F: Future<Output = ()> + 'static>(
    main: impl Fn(Core) -> F + Clone + Send + 'static,
) {
    let cpu = available_cpus().expect("the kernel says")[0];
    let mut config = RuntimeConfig::new(vec![cpu]);
    config.abort_on_panic = false;
    config.buffer_bytes_per_core = ByteCount::mib(64);
    let patient = move |core: Core| {
        let main = main(core.clone());
        async move { core.clock().timeout(PATIENCE, main).await.expect("in good time") }
    };
    run(config, patient).expect("no panic");
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn pair(core: &Core) -> (Stream, Stream) {
    let mut listener = core.network().listen(loopback()).expect("listen");
    let near = core.network().connect(listener.address()).await.expect("connect");
    let (far, _) = listener.accept().await.expect("accept");
    (near, far)
}

async fn receive_exactly(stream: &Stream, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let received = stream.receive().await.expect("open").expect("more bytes");
        bytes.extend_from_slice(&received);
    }
    assert_eq!(bytes.len(), length);
    bytes
}

/// Lets the core run until the kernel holds what `expected` says and no more.
async fn settle(core: &Core, expected: Books) {
    while books(core) != Some(expected) {
        core.clock().sleep(Duration::from_millis(1)).await;
    }
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|index| (index * 7 + index / 251).to_le_bytes()[0]).collect()
}

#[test]
fn many_connections_get_their_own_bytes_back() {
    on_one_core(|core| async move {
        let mut listener = core.network().listen(loopback()).expect("listen");
        let address = listener.address();
        let server = core.clone();
        core.spawn(Queue::Requests, async move {
            loop {
                let (stream, peer) = listener.accept().await.expect("accept");
                assert!(peer.ip().is_loopback());
                server.spawn(Queue::Requests, async move {
                    while let Some(received) = stream.receive().await.expect("open") {
                        stream.send(Bytes::copy_from_slice(&received)).await.expect("open");
                    }
                    stream.finish().await.expect("open");
                });
            }
        });
        let clients: Vec<_> = (0..200usize)
            .map(|number| {
                let client = core.clone();
                core.spawn(Queue::Requests, async move {
                    let stream = client.network().connect(address).await.expect("connect");
                    for round in 1..20 {
                        let message = pattern(number * round + 1);
                        stream.send(message.clone()).await.expect("open");
                        assert_eq!(receive_exactly(&stream, message.len()).await, message);
                    }
                    stream.finish().await.expect("open");
                    assert!(stream.receive().await.expect("open").is_none());
                })
            })
            .collect();
        for client in clients {
            client.await.expect("no panic");
        }
    });
}

#[test]
fn a_large_head_and_body_arrive_in_order_at_a_slow_reader() {
    on_one_core(|core| async move {
        let (near, far) = pair(&core).await;
        let (head, body) = (pattern(3_000_000), pattern(5_000_001));
        let expected = [&head[..], &body, b"xy"].concat();
        let sender = core.spawn(Queue::Requests, async move {
            near.send_two(head, body).await.expect("open");
            near.send_two(Bytes::from_static(b"x"), Bytes::new()).await.expect("open");
            near.send_two(Bytes::new(), Bytes::from_static(b"y")).await.expect("open");
            near
        });
        assert_eq!(receive_exactly(&far, expected.len()).await, expected);
        drop(sender.await.expect("no panic"));
        assert!(far.receive().await.expect("open").is_none());
        assert!(far.receive().await.expect("open").is_none(), "the end stays the end");
    });
}

#[test]
fn a_reader_that_reads_nothing_holds_few_buffers_and_nobody_up() {
    on_one_core(|core| async move {
        let (lazy_near, lazy_far) = pair(&core).await;
        let flood = core.spawn(Queue::Requests, async move {
            // More than every receive buffer and socket buffer together: it never ends.
            lazy_near.send(Bytes::from(vec![1; 256 << 20])).await
        });
        // It reads for a while; then nobody looks again.
        let read = async |length: usize| {
            let mut total = 0;
            while total < length {
                total += lazy_far.receive().await.expect("open").expect("bytes").len();
            }
        };
        read(16 << 20).await;
        let (near, far) = pair(&core).await;
        for round in 0..500 {
            near.send(pattern(round + 1)).await.expect("open");
            receive_exactly(&far, round + 1).await;
        }
        let held = books(&core).expect("uring").receive_buffers;
        assert!(
            usize::from(held) <= RECEIVE_BUFFERS_PER_CONNECTION_MAX,
            "{held} buffers held by one reader"
        );
        // What was paused goes on where it was.
        read(32 << 20).await;
        flood.cancel();
    });
}

#[test]
fn connections_go_on_when_every_shared_buffer_is_held() {
    on_one_core(|core| async move {
        let mut held = Vec::new();
        let mut streams = Vec::new();
        while held.len() < usize::from(RECEIVE_BUFFERS) {
            let (near, far) = pair(&core).await;
            for _ in 0..16 {
                near.send(Bytes::from_static(b"hold")).await.expect("open");
                held.push(far.receive().await.expect("open").expect("bytes"));
            }
            streams.push((near, far));
        }
        assert_eq!(books(&core).expect("uring").receive_buffers, RECEIVE_BUFFERS);
        let (near, far) = pair(&core).await;
        let message = pattern(100_000);
        let sent = core.spawn(Queue::Requests, {
            let message = message.clone();
            async move { near.send(message).await.map(|()| near) }
        });
        assert_eq!(receive_exactly(&far, message.len()).await, message);
        drop((held, streams, far, sent.await));
        settle(&core, Books { requests: 0, receive_buffers: 0 }).await;
    });
}

#[test]
fn dropped_futures_leave_nothing_with_the_kernel() {
    on_one_core(|core| async move {
        let brief = Duration::from_millis(5);
        let (near, far) = pair(&core).await;
        assert!(core.clock().timeout(brief, near.receive()).await.is_err());
        // A send that nobody reads, dropped while it is blocked.
        let blocked = near.send(Bytes::from(vec![0; 64 << 20]));
        assert!(core.clock().timeout(brief, blocked).await.is_err());
        let mut listener = core.network().listen(loopback()).expect("listen");
        assert!(core.clock().timeout(brief, listener.accept()).await.is_err());
        // Accepted by the kernel, taken by nobody.
        let orphan = core.network().connect(listener.address()).await.expect("connect");
        drop(listener);
        assert!(!matches!(orphan.receive().await, Ok(Some(_))));
        // Unread bytes on the far side.
        assert!(far.receive().await.expect("open").is_some());
        drop((near, far, orphan));
        settle(&core, Books { requests: 0, receive_buffers: 0 }).await;
    });
}

/// More than may wait at once come while the core is busy: accepting pauses, and goes on.
#[test]
fn a_burst_of_connections_is_accepted_to_the_last() {
    on_one_core(|core| async move {
        let mut listener = core.network().listen(loopback()).expect("listen");
        let address = listener.address();
        let (burst, bursts) = (ACCEPTED_CONNECTIONS_WAITING_MAX + 1, 3);
        let accepted = Rc::new((Cell::new(0), Event::default()));
        let counted = Rc::clone(&accepted);
        let accepting = core.spawn(Queue::Requests, async move {
            for number in 1..=burst * bursts {
                listener.accept().await.expect("accept");
                counted.0.set(number);
                counted.1.notify();
            }
        });
        let mut connected = Vec::new();
        for number in 1..=bursts {
            // On this thread, which is the core's: nobody accepts meanwhile.
            let connecting = (0..burst).map(|_| std::net::TcpStream::connect(address));
            connected.extend(connecting.map(|stream| stream.expect("connect")));
            let all = async {
                while accepted.0.get() < burst * number {
                    accepted.1.listen().await;
                }
            };
            let done = core.clock().timeout(Duration::from_secs(10), all).await;
            assert!(done.is_ok(), "{} of {}", accepted.0.get(), connected.len());
        }
        accepting.await.expect("it accepts all");
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    on_one_core(|core| async move {
        let listener = core.network().listen(loopback()).expect("listen");
        let address = listener.address();
        drop(listener);
        settle(&core, Books { requests: 0, receive_buffers: 0 }).await;
        core.clock().sleep(Duration::from_millis(5)).await;
        assert!(core.network().connect(address).await.is_err());
    });
}

#[test]
fn timers_fire_while_the_ring_is_busy() {
    on_one_core(|core| async move {
        let (near, far) = pair(&core).await;
        let exchanged = Rc::new(Cell::new(0u64));
        let echo = core.spawn(Queue::Requests, async move {
            while let Ok(Some(received)) = far.receive().await {
                far.send(Bytes::copy_from_slice(&received)).await.expect("open");
            }
        });
        let busy = core.spawn(Queue::Requests, {
            let exchanged = Rc::clone(&exchanged);
            async move {
                loop {
                    near.send(Bytes::from_static(b"ping")).await.expect("open");
                    receive_exactly(&near, 4).await;
                    exchanged.set(exchanged.get() + 1);
                }
            }
        });
        for _ in 0..20 {
            let before = exchanged.get();
            // Why until it went on: on a loaded machine 2 ms may pass without this core running.
            while exchanged.get() == before {
                core.clock().sleep(Duration::from_millis(2)).await;
            }
        }
        busy.cancel();
        echo.cancel();
    });
}
