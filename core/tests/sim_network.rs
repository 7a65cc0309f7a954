//! The simulated network.

use bytes::Bytes;
use hamster_core::sim::{self, World};
use hamster_core::{Core, Queue, Stream};
use std::io;
use std::net::SocketAddr;

const ANY: &str = "0.0.0.0:9000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// All bytes until the peer ends its side.
async fn receive_all(stream: &Stream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(bytes) = stream.receive().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// Sends back what comes, connection by connection.
fn serve_echo(core: &Core, at: SocketAddr) -> SocketAddr {
    let mut listener = core.network().listen(at).expect("listens");
    let listening_at = listener.address();
    let own = core.clone();
    core.spawn(Queue::Requests, async move {
        loop {
            let (stream, _peer) = listener.accept().await.expect("accepts");
            own.spawn(Queue::Requests, async move {
                while let Ok(Some(bytes)) = stream.receive().await {
                    if stream.send(Bytes::copy_from_slice(&bytes)).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    listening_at
}

#[test]
fn what_is_sent_comes_back_whole_and_in_order_through_a_small_window() {
    for seed in 0..20 {
        sim::run(seed, |core| async move {
            let server = serve_echo(&core, address("127.0.0.1:0"));
            let stream = std::rc::Rc::new(core.network().connect(server).await.expect("connects"));
            let sent: Vec<u8> = (0..1_500_000u32).map(|number| number.to_le_bytes()[1]).collect();
            let (sending, bytes) = (stream.clone(), Bytes::from(sent.clone()));
            core.spawn(Queue::Requests, async move {
                let head = bytes.slice(..10);
                sending.send_two(head, bytes.slice(10..)).await.expect("sent");
                sending.finish().await.expect("finished");
            });
            assert!(receive_all(&stream).await.expect("received") == sent, "seed {seed}");
        });
    }
}

#[test]
fn nobody_listens_there() {
    let world = World::new(1);
    let (first, second) = (world.node(1), world.node(1));
    let core = first.core(0);
    world.run_on(&first.core(0), async move {
        let to = |host, port| core.network().connect(SocketAddr::new(host, port));
        let refused = to(second.address(), 9000).await.err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::ConnectionRefused));
        let unreachable = to("10.9.9.9".parse().expect("an address"), 9000).await;
        assert_eq!(
            unreachable.err().map(|error| error.kind()),
            Some(io::ErrorKind::HostUnreachable)
        );
        drop(second.core(0).network().listen(address(ANY)).expect("listens"));
        assert!(to(second.address(), 9000).await.is_err());
    });
}

#[test]
fn a_crash_resets_connections_and_a_restart_serves_again() {
    let world = World::new(1);
    let (client, server) = (world.node(1), world.node(2));
    world.run(async move {
        serve_echo(&server.core(1), address(ANY));
        let at = SocketAddr::new(server.address(), 9000);
        let core = client.core(0);
        let stream = core.network().connect(at).await.expect("connects");
        stream.send(Bytes::from_static(b"hello")).await.expect("sent");
        assert_eq!(&stream.receive().await.expect("received").expect("an echo")[..1], b"h");
        server.crash();
        while let Ok(Some(_rest)) = stream.receive().await {}
        let error = stream.receive().await.err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
        assert!(stream.send(Bytes::from_static(b"hello")).await.is_err());
        assert!(core.network().connect(at).await.is_err());
        server.start();
        serve_echo(&server.core(0), address(ANY));
        core.network().connect(at).await.expect("connects again");
    });
}

#[test]
fn all_cores_share_one_address_and_each_gets_connections() {
    let world = World::new(1);
    let node = world.node(3);
    let core = node.core(0);
    let counts = world.run(async move {
        let counts = std::rc::Rc::new(std::cell::RefCell::new([0; 3]));
        for index in 0..3 {
            let own = node.core(index);
            let mut listener = own.network().listen(address(ANY)).expect("listens");
            let counts = counts.clone();
            own.spawn(Queue::Requests, async move {
                loop {
                    listener.accept().await.expect("accepts");
                    counts.borrow_mut()[usize::from(index)] += 1;
                }
            });
        }
        for _ in 0..60 {
            core.network().connect(SocketAddr::new(node.address(), 9000)).await.expect("connects");
        }
        counts.take()
    });
    assert!(counts.iter().all(|&count| count > 5), "{counts:?}");
}

#[test]
fn a_peer_that_closes_with_bytes_unread_resets() {
    sim::run(1, |core| async move {
        let mut listener = core.network().listen(address("127.0.0.1:80")).expect("listens");
        let stream = core.network().connect(address("127.0.0.1:80")).await.expect("connects");
        let (accepted, _peer) = listener.accept().await.expect("accepts");
        stream.send(Bytes::from_static(b"unread")).await.expect("sent");
        core.clock().sleep(std::time::Duration::from_millis(1)).await;
        drop(accepted);
        let error = stream.receive().await.err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
    });
}
