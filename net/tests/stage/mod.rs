//! A server in the simulator, a service that does as the path says, and raw bytes to send to it.
#![allow(dead_code, reason = "each test binary uses a part")]

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hamster_core::{Core, Queue, Stream, Task, sim};
use hamster_net::http::{
    BodyAborted, BodySource, Drain, Request, Response, ResponseBody, Service, serve,
};
use hamster_net::tls;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Long enough for whatever waits for nothing but the network.
pub const SOON: Duration = Duration::from_secs(1);

/// A running server.
pub struct Stage {
    pub core: Core,
    pub address: SocketAddr,
    pub drain: Drain,
    pub serving: Task<()>,
    pub seen: Rc<RefCell<Vec<String>>>,
}

/// Runs `act` against a fresh server, for a few seeds: the simulator cuts bytes differently each.
pub fn play<F: Future<Output = ()> + 'static>(act: impl Fn(Stage) -> F + Copy + 'static) {
    for seed in 0..8 {
        sim::run(seed, move |core| act(Stage::set(core, None)));
    }
}

impl Stage {
    pub fn set(core: Core, tls: Option<tls::Acceptor>) -> Self {
        let listener = core.network().listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, drain) = (listener.address(), Drain::new());
        let service = Actor { core: core.clone(), seen: Rc::default() };
        let seen = Rc::clone(&service.seen);
        let serving = serve(core.clone(), listener, tls, Rc::new(service), drain.clone());
        let serving = core.spawn(Queue::Requests, serving);
        Self { core, address, drain, serving, seen }
    }

    pub async fn connect(&self) -> Stream {
        self.core.network().connect(self.address).await.unwrap()
    }

    /// Sends `bytes` and receives until the server ends the connection, within `patience`.
    pub async fn exchange(&self, bytes: &str, patience: Duration) -> String {
        let stream = self.connect().await;
        stream.send(Bytes::from(bytes.to_owned())).await.unwrap();
        self.core.clock().timeout(patience, rest(&stream)).await.expect("closed in time")
    }

    /// As `exchange`, but the client ends its own side first: good requests only.
    pub async fn requests(&self, bytes: &str) -> String {
        let stream = self.connect().await;
        stream.send(Bytes::from(bytes.to_owned())).await.unwrap();
        stream.finish().await.unwrap();
        rest(&stream).await
    }
}

/// What comes until the connection ends or breaks.
pub async fn rest(stream: &Stream) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(received)) = stream.receive().await {
        bytes.extend_from_slice(&received);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Actor {
    core: Core,
    seen: Rc<RefCell<Vec<String>>>,
}

impl Service for Actor {
    async fn call(&self, mut request: Request) -> Response {
        let path = request.head.path().to_owned();
        self.seen.borrow_mut().push(format!("{} {path}", request.head.method().as_str()));
        match path.as_str() {
            "/echo" => echo(&mut request).await,
            "/deny" => Response::new(403).header("x-why", "denied"),
            "/leave" => Response { close: true, ..Response::new(200) },
            "/size" => {
                Response { body: ResponseBody::HeadOnly { length: 7 }, ..Response::new(200) }
            }
            "/nothing" => Response::new(204).body("never sent"),
            "/slow" => {
                self.core.clock().sleep(Duration::from_secs(5)).await;
                Response::new(200).body("at last")
            }
            "/never" => std::future::pending().await,
            "/mirror" => stream(6, Pieces::Mirror(Box::new(request))),
            "/stream" => stream(10, Pieces::Left(vec![Ok("56789"), Ok("01234")])),
            "/abort" => stream(10, Pieces::Left(vec![Err(BodyAborted), Ok("01234")])),
            "/short" => stream(10, Pieces::Left(vec![Ok("01234")])),
            "/long" => stream(6, Pieces::Left(vec![Ok("56789"), Ok("01234")])),
            _ => Response::new(404),
        }
    }
}

async fn echo(request: &mut Request) -> Response {
    let mut body = Vec::new();
    loop {
        // In bites of 3 bytes, so that what was lent is lent again.
        let bite = match request.body.fill().await {
            Ok([]) => return Response::new(200).body(body),
            Ok(bytes) => &bytes[..bytes.len().min(3)],
            Err(error) => return Response::new(400).body(error.to_string()),
        };
        body.extend_from_slice(bite);
        let count = bite.len();
        request.body.consume(count);
    }
}

fn stream(length: u64, pieces: Pieces) -> Response {
    Response {
        body: ResponseBody::Stream { length, source: Box::new(pieces) },
        ..Response::new(200)
    }
}

/// Pieces of a streamed answer, the last first; or what the request's body brings.
enum Pieces {
    Left(Vec<Result<&'static str, BodyAborted>>),
    Mirror(Box<Request>),
}

impl BodySource for Pieces {
    fn next(&mut self) -> LocalBoxFuture<'_, Result<Option<Bytes>, BodyAborted>> {
        Box::pin(async move {
            match self {
                Self::Left(pieces) => pieces.pop().transpose().map(|it| it.map(Bytes::from)),
                Self::Mirror(request) => {
                    let piece = request.body.fill().await.map_err(|_| BodyAborted)?;
                    let piece = Bytes::copy_from_slice(piece);
                    request.body.consume(piece.len());
                    Ok(Some(piece).filter(|piece| !piece.is_empty()))
                }
            }
        })
    }
}
