//! The server on the production backend, over loopback: bodies of many buffers, both ways.

use bytes::Bytes;
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{Core, Queue};
use hamster_net::http::client::{Ask, Connection};
use hamster_net::http::{Drain, Request, Response, Service, serve};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
const BODY_BYTES: usize = 5_000_001;

struct Echo;

impl Service for Echo {
    async fn call(&self, mut request: Request) -> Response {
        if request.head.path() == "/deny" {
            return Response::new(403).body("denied");
        }
        let mut body = Vec::new();
        loop {
            let piece = request.body.fill().await.expect("a whole body");
            if piece.is_empty() {
                return Response::new(200).body(body);
            }
            body.extend_from_slice(piece);
            let count = piece.len();
            request.body.consume(count);
        }
    }
}

fn with_a_server<F: Future<Output = ()>>(
    act: impl Fn(Core, SocketAddr) -> F + Clone + Send + 'static,
) {
    let cpu = available_cpus().expect("the kernel says")[0];
    let main = move |core: Core| {
        let act = act.clone();
        async move {
            let loopback = "127.0.0.1:0".parse().expect("an address");
            let listener = core.network().listen(loopback).expect("a free port");
            let (address, drain) = (listener.address(), Drain::new());
            let serving = serve(core.clone(), listener, None, Rc::new(Echo), drain.clone());
            let serving = core.spawn(Queue::Requests, serving);
            let clock = core.clock().clone();
            clock.timeout(PATIENCE, act(core, address)).await.expect("in good time");
            drain.start();
            clock.timeout(PATIENCE, serving).await.expect("in good time").expect("it ends");
        }
    };
    run(RuntimeConfig { abort_on_panic: false, ..RuntimeConfig::new(vec![cpu]) }, main)
        .expect("no panic");
}

fn put(target: &str, body: Bytes) -> Ask<'_> {
    Ask { method: "PUT", target, headers: &[("host", "a")], body }
}

#[test]
fn bodies_come_back_as_they_went() {
    with_a_server(|core, address| async move {
        let mut client = Connection::connect(&core, address, None).await.expect("connect");
        for length in [0, 1, 65_536, BODY_BYTES] {
            let body: Bytes = (0..length).map(|at| (at * 7 + at / 251).to_le_bytes()[0]).collect();
            let ask = put("/echo", body.clone());
            let (answer, echo) = client.request(ask, length).await.expect("an answer");
            assert_eq!(answer.status, 200);
            assert!(echo == body, "{length} bytes");
        }
    });
}

#[test]
fn many_connections_are_served_at_once() {
    with_a_server(|core, address| async move {
        let clients = (0..200).map(|number: u32| {
            let core = core.clone();
            async move {
                let mut client = Connection::connect(&core, address, None).await.expect("connect");
                for turn in 0..20 {
                    let body = Bytes::from(format!("{number} {turn}"));
                    let ask = put("/echo", body.clone());
                    let (_, echo) = client.request(ask, body.len()).await.expect("an answer");
                    assert_eq!(echo, body);
                }
            }
        });
        futures_util::future::join_all(clients).await;
    });
}

#[test]
fn a_refused_body_does_not_cost_the_client_its_answer() {
    with_a_server(|core, address| async move {
        let mut client = Connection::connect(&core, address, None).await.expect("connect");
        let ask = put("/deny", Bytes::from(vec![0; 200_000]));
        let (answer, body) = client.request(ask, 100).await.expect("an answer");
        assert_eq!((answer.status, body.as_slice()), (403, b"denied".as_slice()));
        assert!(client.is_reusable());
    });
}
