//! Administration over mutual TLS: what a running node tells, and how a command asks it.
//!
//! Only a certificate of the cluster's own authority gets in.

use crate::boot::BootedCore;
use crate::command::on_one_core;
use crate::control::Control;
use crate::error::NodeError;
use crate::identity::Identity;
use crate::metrics::render;
use crate::replace::{Replaced, replace};
use crate::scrub::ScrubStatus;
use crate::status::{Status, of};
use crate::users::{self, change};
use bytes::Bytes;
use hamster_core::limits::{ADMIN_ANSWER_BYTES_MAX, ADMIN_REQUEST_BYTES_MAX, PATH_BYTES_MAX};
use hamster_core::sync::Semaphore;
use hamster_core::{ByteCount, Core};
use hamster_net::ca::node_name;
use hamster_net::http::client::{Ask, Connection};
use hamster_net::http::{Method, Request, Response, Service};
use hamster_net::tls::Connector;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

const STATUS_PATH: &str = "/v1/status";
const METRICS_PATH: &str = "/v1/metrics";
const SCRUB_PATH: &str = "/v1/scrub";
const REPLACE_PATH: &str = "/v1/drive/replace";
/// The answer to what cannot be done: its body says why.
const REFUSED: u16 = 409;
/// `RATE_PARAMETER` bytes per second, in the query of [`SCRUB_PATH`].
const RATE_PARAMETER: &str = "rate=";
/// How often a command that waits looks how far the node is.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// A node that listens answers within this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers commands on core 0.
pub struct AdminService {
    core: Core,
    control: Control,
    booted: Rc<BootedCore>,
    /// As `serve` was given them.
    data_dirs: Vec<PathBuf>,
    /// Drives are replaced one after the other.
    replacing: Semaphore,
}

impl AdminService {
    /// For the node that `booted`.
    pub fn new(
        core: &Core,
        control: &Control,
        booted: &Rc<BootedCore>,
        data_dirs: Vec<PathBuf>,
    ) -> Self {
        let (core, control, booted) = (core.clone(), control.clone(), Rc::clone(booted));
        Self { core, control, booted, data_dirs, replacing: Semaphore::new(1) }
    }

    /// The drive is named in the body: a path may be anything.
    async fn replace(&self, mut request: Request) -> Response {
        let Some(named) = read_body(&mut request, PATH_BYTES_MAX).await else {
            return Response::new(400);
        };
        let _turn = self.replacing.acquire(1).await;
        let named = String::from_utf8_lossy(&named);
        let dirs = &self.data_dirs;
        answer(replace(&self.core, &self.control, &self.booted, dirs, &named).await)
    }

    /// What is to be done with users and keys is in the body.
    async fn change_users(&self, path: &str, mut request: Request) -> Response {
        let Some(asked) = read_body(&mut request, ADMIN_REQUEST_BYTES_MAX).await else {
            return Response::new(400);
        };
        let (core, booted) = (&self.core, &self.booted);
        let Ok(asked) = serde_json::from_slice(&asked) else { return Response::new(400) };
        match path {
            users::ADD_USER_PATH => answer(change::add_user(core, booted, &asked).await),
            users::REMOVE_USER_PATH => answer(change::remove_user(booted, &asked).await),
            users::CREATE_KEY_PATH => answer(change::create_key(core, booted, &asked).await),
            users::REVOKE_KEY_PATH => answer(change::revoke_key(booted, &asked).await),
            _ => Response::new(404),
        }
    }
}

/// The whole body; `None` if it is cut short or too long.
async fn read_body(request: &mut Request, bytes_max: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let bytes = request.body.fill().await.ok()?;
        let count = bytes.len();
        if count == 0 {
            return Some(body);
        }
        if body.len() + count > bytes_max {
            return None;
        }
        body.extend_from_slice(bytes);
        request.body.consume(count);
    }
}

fn answer(done: Result<impl Serialize, NodeError>) -> Response {
    match done {
        Ok(done) => Response::new(200).body(serde_json::to_vec(&done).expect("plain fields")),
        Err(error) => Response::new(REFUSED).body(error.to_string().into_bytes()),
    }
}

impl Service for AdminService {
    async fn call(&self, request: Request) -> Response {
        let body = match (request.head.method(), request.head.path()) {
            (Method::Get, STATUS_PATH) => {
                let status = of(&self.booted, self.core.count());
                serde_json::to_vec(&status).expect("plain fields")
            }
            (Method::Get, METRICS_PATH) => {
                render(&of(&self.booted, self.core.count())).into_bytes()
            }
            (Method::Post, REPLACE_PATH) => return self.replace(request).await,
            (Method::Post, SCRUB_PATH) => {
                let rate =
                    request.head.query().and_then(|query| query.strip_prefix(RATE_PARAMETER));
                let rate = rate.and_then(|rate| rate.parse().ok()).map(ByteCount::new);
                let asked = self.booted.boot.scrub.ask(rate);
                serde_json::to_vec(&asked).expect("a number")
            }
            (Method::Get, users::USERS_PATH) => return answer(change::users(&self.booted).await),
            (Method::Get, users::KEYS_PATH) => return answer(change::keys(&self.booted).await),
            (Method::Post, path) => {
                let path = path.to_owned();
                return self.change_users(&path, request).await;
            }
            _ => return Response::new(404),
        };
        Response::new(200).body(body)
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, NodeError> {
    serde_json::from_slice(body)
        .map_err(|error| NodeError::Metadata(format!("the node's answer is malformed: {error}")))
}

/// `hamster status`.
///
/// # Errors
/// The directory holds no node, or the node does not answer.
pub fn status(data_dir: &Path, address: Option<SocketAddr>) -> Result<Status, NodeError> {
    read(&ask(data_dir, address, STATUS_PATH)?)
}

/// `hamster metrics`: Prometheus's text format.
///
/// # Errors
/// As [`status`].
pub fn metrics(data_dir: &Path, address: Option<SocketAddr>) -> Result<String, NodeError> {
    let body = ask(data_dir, address, METRICS_PATH)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// `hamster drive replace`: has an empty directory take the place of a drive that is gone. `named`: the
/// number of that drive, or its directory.
///
/// # Errors
/// As [`status`]; or the node refuses.
pub fn replace_drive(
    data_dir: &Path,
    address: Option<SocketAddr>,
    named: &str,
) -> Result<Replaced, NodeError> {
    let (data_dir, named) = (data_dir.to_path_buf(), named.to_owned());
    let body = on_one_core(move |core| {
        let (data_dir, named) = (data_dir.clone(), named.clone());
        async move {
            // Why here: a relative path is relative to where the command was given.
            let named = match named.parse::<u32>() {
                Ok(_) => named,
                Err(_) => {
                    let path = PathBuf::from(&named);
                    let resolved = core.disk().resolve(&path).await;
                    let resolved = resolved.map_err(NodeError::file(&path, "looking for"))?;
                    let name = resolved.into_os_string().into_string();
                    name.map_err(|_| NodeError::Refused(format!("{named} is no Unicode")))?
                }
            };
            let ask = Asked { method: "POST", path: REPLACE_PATH, body: named.into() };
            ask_on(&core, &data_dir, address, ask).await
        }
    })?;
    read(&body)
}

/// `hamster scrub --now`: has the node verify everything from the start, at most so many bytes per
/// second, and waits until it is done; tells `report` how far it is.
///
/// # Errors
/// As [`status`]; or not everything is good then.
pub fn scrub(
    data_dir: &Path,
    address: Option<SocketAddr>,
    rate: Option<ByteCount>,
    report: impl Fn(&ScrubStatus) + Clone + Send + 'static,
) -> Result<ScrubStatus, NodeError> {
    let data_dir = data_dir.to_path_buf();
    let path = match rate {
        Some(rate) => format!("{SCRUB_PATH}?{RATE_PARAMETER}{}", rate.get()),
        None => SCRUB_PATH.to_owned(),
    };
    let done = on_one_core(move |core| {
        let (data_dir, path, report) = (data_dir.clone(), path.clone(), report.clone());
        async move {
            let ask = Asked { method: "POST", path: &path, body: Bytes::new() };
            let asked: u64 = read(&ask_on(&core, &data_dir, address, ask).await?)?;
            loop {
                let status = ask_on(&core, &data_dir, address, Asked::get(STATUS_PATH)).await?;
                let status = read::<Status>(&status)?.scrub;
                if status.done >= asked {
                    return Ok(status);
                }
                report(&status);
                core.clock().sleep(REPORT_INTERVAL).await;
            }
        }
    })?;
    match (done.bodies_lost, done.bodies_put_off) {
        (0, 0) => Ok(done),
        (0, count) => Err(NodeError::NotRepaired(count)),
        (count, _) => Err(NodeError::BeyondRepair(count)),
    }
}

/// What the node says to a question about users and keys, or to what it is to do with them.
pub(crate) fn ask_about_users<T: DeserializeOwned>(
    data_dir: &Path,
    address: Option<SocketAddr>,
    path: &'static str,
    body: Option<Vec<u8>>,
) -> Result<T, NodeError> {
    let data_dir = data_dir.to_path_buf();
    let answer = on_one_core(move |core| {
        let (data_dir, body) = (data_dir.clone(), body.clone());
        async move {
            let asked = match body {
                Some(body) => Asked { method: "POST", path, body: body.into() },
                None => Asked::get(path),
            };
            ask_on(&core, &data_dir, address, asked).await
        }
    })?;
    read(&answer)
}

fn ask(
    data_dir: &Path,
    address: Option<SocketAddr>,
    path: &'static str,
) -> Result<Vec<u8>, NodeError> {
    let data_dir = data_dir.to_path_buf();
    on_one_core(move |core| {
        let data_dir = data_dir.clone();
        async move { ask_on(&core, &data_dir, address, Asked::get(path)).await }
    })
}

/// What a command asks of the node.
struct Asked<'a> {
    method: &'static str,
    path: &'a str,
    body: Bytes,
}

impl<'a> Asked<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: "GET", path, body: Bytes::new() }
    }
}

async fn ask_on(
    core: &Core,
    data_dir: &Path,
    address: Option<SocketAddr>,
    asked: Asked<'_>,
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
        let Asked { method, path, body } = asked;
        let ask = Ask { method, target: path, headers: &[("host", &host)], body };
        connection.request(ask, ADMIN_ANSWER_BYTES_MAX.as_usize()).await.ok()
    };
    match core.clock().timeout(ANSWER_TIMEOUT, exchange).await {
        Ok(Some((answer, body))) if answer.status == 200 => Ok(body),
        Ok(Some((answer, body))) if answer.status == REFUSED => {
            Err(NodeError::Refused(String::from_utf8_lossy(&body).into_owned()))
        }
        _ => Err(NodeError::NoAnswer(address)),
    }
}
