//! TLS over the simulator's network, with certificates of the cluster's own authority.

mod stage;

use bytes::Bytes;
use hamster_core::ids::{ClusterUuid, NodeId};
use hamster_core::limits::{HEAD_TIMEOUT, NODE_CERTIFICATE_LIFETIME};
use hamster_core::{Core, Queue, WallTime, sim};
use hamster_net::ca::{self, Credential};
use hamster_net::http::client::{self, Ask};
use hamster_net::tls::{Acceptor, Connector};
use stage::Stage;
use std::io;
use std::time::Duration;

const ONE: NodeId = NodeId::new(1);
const TWO: NodeId = NodeId::new(2);

fn authority(number: u8, now: WallTime) -> Credential {
    ca::mint(ClusterUuid::from_bytes([number; 16]), now).unwrap()
}

/// What node 1 and node 2 make of each other's side of a handshake, and whether node 1 got the
/// greeting that node 2 sent.
async fn meet(
    core: Core,
    acceptor: Acceptor,
    connector: Connector,
    name: String,
) -> io::Result<()> {
    let mut listener = core.network().listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address();
    let server = core.spawn(Queue::Requests, async move {
        let (stream, _) = listener.accept().await?;
        let stream = acceptor.accept(stream).await?;
        let mut greeting = Vec::new();
        while let Some(bytes) = stream.receive().await? {
            greeting.extend(bytes);
        }
        stream.send(&[&greeting]).await?;
        stream.finish().await?;
        io::Result::Ok(stream.peer_is(TWO) && !stream.peer_is(ONE))
    });
    let stream = connector.connect(core.network().connect(address).await?, &name).await?;
    let greeting = "hello".repeat(100_000).into_bytes();
    stream.send(&[&greeting[..7], &greeting[7..]]).await?;
    stream.finish().await?;
    let mut echo = Vec::new();
    while let Some(bytes) = stream.receive().await? {
        echo.extend(bytes);
    }
    assert!(server.await.unwrap()?, "the server knows who came");
    assert!(stream.peer_is(ONE) && !stream.peer_is(TWO));
    assert!(echo == greeting, "{} bytes of {} came back", echo.len(), greeting.len());
    Ok(())
}

#[test]
fn nodes_of_one_cluster_meet() {
    for seed in 0..4 {
        sim::run(seed, |core| async move {
            let (now, clock) = (core.clock().wall(), core.clock().clone());
            let ca = authority(7, now);
            let (one, two) = (ca::issue(&ca, ONE, now).unwrap(), ca::issue(&ca, TWO, now).unwrap());
            let acceptor = Acceptor::for_peers(&clock, &one, &ca.certificate_pem).unwrap();
            let connector = Connector::for_peers(&clock, &two, &ca.certificate_pem).unwrap();
            meet(core, acceptor, connector, ca::node_name(ONE)).await.unwrap();
        });
    }
}

#[test]
fn strangers_and_impostors_do_not_meet() {
    sim::run(1, |core| async move {
        let (now, clock) = (core.clock().wall(), core.clock().clone());
        let (ours, theirs) = (authority(7, now), authority(8, now));
        let one = ca::issue(&ours, ONE, now).unwrap();
        let acceptor = Acceptor::for_peers(&clock, &one, &ours.certificate_pem).unwrap();
        let long_ago = WallTime::from_secs(now.secs() - NODE_CERTIFICATE_LIFETIME.as_secs() - 1);
        for (what, issuer, issued, trusted, name) in [
            ("the other node's name", &ours, now, &ours, ca::node_name(TWO)),
            ("a client of another cluster", &theirs, now, &ours, ca::node_name(ONE)),
            ("a server of another cluster", &ours, now, &theirs, ca::node_name(ONE)),
            ("an expired certificate", &ours, long_ago, &ours, ca::node_name(ONE)),
        ] {
            let two = ca::issue(issuer, TWO, issued).unwrap();
            let connector = Connector::for_peers(&clock, &two, &trusted.certificate_pem).unwrap();
            let met = meet(core.clone(), acceptor.clone(), connector, name).await;
            assert!(met.is_err(), "{what}");
        }
        let no_certificate = Connector::trusting(&clock, &ours.certificate_pem).unwrap();
        let met = meet(core, acceptor, no_certificate, ca::node_name(ONE)).await;
        assert!(met.is_err(), "a client without a certificate");
    });
}

#[test]
fn http_over_tls_takes_a_replaced_certificate_for_new_connections() {
    sim::run(2, |core| async move {
        let (now, clock) = (core.clock().wall(), core.clock().clone());
        let ca = authority(7, now);
        let acceptor = Acceptor::for_clients(&clock, &ca::issue(&ca, ONE, now).unwrap()).unwrap();
        let connector = Connector::trusting(&clock, &ca.certificate_pem).unwrap();
        let stage = Stage::set(core.clone(), Some(acceptor.clone()));
        let connect = async |name: &str| {
            client::Connection::connect(&core, stage.address, Some((&connector, name))).await
        };
        let name = ca::node_name(ONE);
        let mut client = connect(&name).await.unwrap();
        acceptor.replace(&ca::issue(&ca, TWO, now).unwrap()).unwrap();
        for length in [10, 300_000] {
            let body = Bytes::from(vec![b'x'; length]);
            let (method, target) = ("PUT", "/echo");
            let ask = Ask { method, target, headers: &[("host", &name)], body: body.clone() };
            let (answer, echo) = client.request(ask, length).await.unwrap();
            assert_eq!((answer.status, echo.len()), (200, length));
            assert!(client.is_reusable());
        }
        assert!(connect(&name).await.is_err());
        assert!(connect(&ca::node_name(TWO)).await.is_ok());
        let plain = stage.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n", stage::SOON).await;
        assert!(!plain.contains("HTTP"), "{plain:?}");
    });
}

#[test]
fn a_hello_that_does_not_end_is_given_up_in_time() {
    // Nothing, the beginning of a record, and a byte now and then.
    for (sent, trickles) in [("", false), ("\x16\x03\x01\x02\x00", false), ("\x16\x03\x01", true)] {
        sim::run(3, move |core| async move {
            let now = core.clock().wall();
            let own = ca::issue(&authority(7, now), ONE, now).unwrap();
            let acceptor = Acceptor::for_clients(core.clock(), &own).unwrap();
            let stage = Stage::set(core.clone(), Some(acceptor));
            let (begun, stream) = (core.clock().now(), stage.connect().await);
            if !sent.is_empty() {
                stream.send(Bytes::from_static(sent.as_bytes())).await.unwrap();
            }
            let given_up = async {
                while trickles && stream.send(Bytes::from_static(b"\x02")).await.is_ok() {
                    core.clock().sleep(Duration::from_secs(1)).await;
                }
                stage::rest(&stream).await
            };
            let patience = HEAD_TIMEOUT + Duration::from_secs(3);
            let answer = core.clock().timeout(patience, given_up).await.expect("closed in time");
            assert_eq!(answer, "");
            assert!(core.clock().now().since(begun) >= HEAD_TIMEOUT);
        });
    }
}
