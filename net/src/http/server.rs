//! The accept loop: connections of one core, within their limit, until drained.

use super::body::RequestBody;
use super::drain::Drain;
use super::head::Head;
use super::rejection::Rejection;
use super::response::Response;
use crate::tls;
use hamster_core::{Core, Listener};
use std::net::SocketAddr;
use std::rc::Rc;

/// One request.
pub struct Request {
    /// First line and headers.
    pub head: Head,
    /// Its body, not read yet.
    pub body: RequestBody,
    /// Who is on the other end of the connection.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// What answers requests.
pub trait Service: 'static {
    /// Answers `request`. It may leave the body unread: the server then drops the rest or closes.
    fn call(&self, request: Request) -> impl Future<Output = Response>;

    /// The answer to a request that never reached [`call`](Self::call).
    fn reject(&self, rejection: Rejection) -> Response {
        Response::new(rejection.status())
            .header("content-type", "text/plain")
            .body(rejection.to_string())
    }
}

/// Serves connections of `listener` until `drain` starts and the requests in flight are done or
/// `DRAIN_TIMEOUT` has passed.
pub async fn serve<S: Service>(
    _core: Core,
    _listener: Listener,
    _tls: Option<tls::Acceptor>,
    _service: Rc<S>,
    _drain: Drain,
) {
    todo!()
}
