//! Administration over mutual TLS: what a running node tells, and how a command asks it.
//!
//! Only a certificate of the cluster's own authority gets in.

use crate::boot::BootedCore;
use crate::command::on_one_core;
use crate::error::NodeError;
use crate::identity::Identity;
use crate::metrics::render;
use crate::status::{Status, of};
use hamster_core::Core;
use hamster_core::limits::ADMIN_ANSWER_BYTES_MAX;
use hamster_net::ca::node_name;
use hamster_net::http::client::{Ask, Connection};
use hamster_net::http::{Method, Request, Response, Service};
use hamster_net::tls::Connector;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

const STATUS_PATH: &str = "/v1/status";
const METRICS_PATH: &str = "/v1/metrics";
/// A node that listens answers within this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers commands on core 0.
pub struct AdminService {
    booted: Rc<BootedCore>,
    cores: u16,
}

impl AdminService {
    /// For the node that `booted`.
    pub fn new(booted: Rc<BootedCore>, cores: u16) -> Self {
        Self { booted, cores }
    }
}

impl Service for AdminService {
    async fn call(&self, request: Request) -> Response {
        let body = match (request.head.method(), request.head.path()) {
            (Method::Get, STATUS_PATH) => {
                let status = of(&self.booted, self.cores);
                serde_json::to_vec(&status).expect("plain fields")
            }
            (Method::Get, METRICS_PATH) => render(&of(&self.booted, self.cores)).into_bytes(),
            _ => return Response::new(404),
        };
        Response::new(200).body(body)
    }
}

/// `hamster status`.
///
/// # Errors
/// The directory holds no node, or the node does not answer.
pub fn status(data_dir: &Path, address: Option<SocketAddr>) -> Result<Status, NodeError> {
    let body = ask(data_dir, address, STATUS_PATH)?;
    serde_json::from_slice(&body)
        .map_err(|error| NodeError::Metadata(format!("the node's answer is malformed: {error}")))
}

/// `hamster metrics`: Prometheus's text format.
///
/// # Errors
/// As [`status`].
pub fn metrics(data_dir: &Path, address: Option<SocketAddr>) -> Result<String, NodeError> {
    let body = ask(data_dir, address, METRICS_PATH)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn ask(
    data_dir: &Path,
    address: Option<SocketAddr>,
    path: &'static str,
) -> Result<Vec<u8>, NodeError> {
    let data_dir = data_dir.to_path_buf();
    on_one_core(move |core| {
        let data_dir = data_dir.clone();
        async move { ask_on(&core, &data_dir, address, path).await }
    })
}

async fn ask_on(
    core: &Core,
    data_dir: &Path,
    address: Option<SocketAddr>,
    path: &str,
) -> Result<Vec<u8>, NodeError> {
    let directory = core.disk().directory(data_dir).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            NodeError::NoDataDirectory(data_dir.to_path_buf())
        }
        _ => NodeError::file(data_dir, "opening the data directory")(error),
    })?;
    let identity = Identity::load(&directory).await?.ok_or(NodeError::NotFounded)?;
    let address = match address {
        Some(address) => address,
        None => identity.listen_address()?,
    };
    let connector =
        Connector::for_peers(core.clock(), &identity.credential(), &identity.authority_certificate)
            .map_err(|error| NodeError::Tls(error.to_string()))?;
    let name = node_name(hamster_core::ids::NodeId::new(identity.node));
    let exchange = async {
        let mut connection =
            Connection::connect(core, address, Some((&connector, &name))).await.ok()?;
        let host = address.to_string();
        let ask = Ask {
            method: "GET",
            target: path,
            headers: &[("host", &host)],
            body: bytes::Bytes::new(),
        };
        connection.request(ask, ADMIN_ANSWER_BYTES_MAX.as_usize()).await.ok()
    };
    match core.clock().timeout(ANSWER_TIMEOUT, exchange).await {
        Ok(Some((answer, body))) if answer.status == 200 => Ok(body),
        _ => Err(NodeError::NoAnswer(address)),
    }
}
