//! A client of the simulated node: signed requests as bytes through its S3 port, one at a time.

use super::form;
use super::payload::Payload;
use crate::sign::{Credentials, Signer, Unsigned};
use bytes::Bytes;
use hamster_core::Core;
use hamster_net::http::client::{Ask, Connection};
use std::net::SocketAddr;
use std::time::Duration;

/// The pair that the node knows as root.
pub const ACCESS_KEY: &str = "simulated";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "not-a-secret-in-a-simulation";
/// Where clients sign for.
pub const REGION: &str = "us-east-1";
/// An answer that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// No answer is longer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What is asked. Path and query are percent-encoded, the query is sorted.
#[derive(Clone, Default)]
pub struct Call {
    /// In capitals.
    pub method: &'static str,
    /// Begins with a slash.
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// Further headers, all signed: names in lower case, sorted.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// How the body is sent.
    pub payload: Payload,
    /// The bucket and key of the form that is sent in its stead, the body being its file.
    pub form: Option<(&'static str, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Without quotes; empty if there is none.
    pub etag: String,
    /// `Content-Length`, also of an answer to HEAD.
    pub length: Option<usize>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        crate::client::element(&self.text(), "Code").unwrap_or_default().to_owned()
    }
}

/// One client.
pub struct Client {
    core: Core,
    address: SocketAddr,
    host: String,
    signer: Signer,
    connection: Option<Connection>,
}

impl Client {
    /// A client on `core` of the node at `address`.
    pub fn new(core: &Core, address: SocketAddr) -> Self {
        let (access_key, secret_key) = (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned());
        Self::signing(core, address, Credentials { access_key, secret_key })
    }

    /// The same, that signs with this pair.
    pub fn signing(core: &Core, address: SocketAddr, pair: Credentials) -> Self {
        let signer = Signer::new(pair, REGION);
        let host = address.to_string();
        Self { core: core.clone(), address, host, signer, connection: None }
    }

    /// Sends a request and reads the whole answer. `None`: nobody knows what the node has done.
    pub async fn call(&mut self, call: &Call) -> Option<Answer> {
        let clock = self.core.clock().clone();
        match clock.timeout(PATIENCE, self.exchange(call)).await {
            Ok(Some(answer)) => Some(answer),
            Ok(None) | Err(_) => {
                self.connection = None;
                None
            }
        }
    }

    async fn exchange(&mut self, call: &Call) -> Option<Answer> {
        let now = self.core.clock().wall();
        if let Some((bucket, key)) = &call.form {
            let body = form::filled(&mut self.signer, now, (bucket, key), &call.body);
            let (host, content_type) = (self.host.clone(), form::content_type());
            let headers = [("host", host.as_str()), ("content-type", &content_type)];
            let (method, target) = (call.method, call.path.as_str());
            return self.ask(Ask { method, target, headers: &headers, body }).await;
        }
        let payload = call.payload.hash(&call.body);
        let coding = call.payload.headers(&call.body);
        let signed: Vec<(&str, &str)> = call
            .headers
            .iter()
            .chain(&coding)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let host = self.host.clone();
        let request = Unsigned {
            method: call.method,
            path: &call.path,
            query: &call.query,
            host: &host,
            headers: &signed,
            payload: &payload,
        };
        let signature = self.signer.signature(&request, now);
        let authorization = self.signer.header_of(&signature);
        let body = call.payload.body(&call.body, &self.signer, signature);
        let stamp = self.signer.stamp(now).to_owned();
        let mut headers = vec![
            ("host", host.as_str()),
            ("x-amz-date", &stamp),
            ("x-amz-content-sha256", &payload),
            ("authorization", &authorization),
        ];
        headers.extend(signed);
        let separator = if call.query.is_empty() { "" } else { "?" };
        let target = format!("{}{separator}{}", call.path, call.query);
        self.ask(Ask { method: call.method, target: &target, headers: &headers, body }).await
    }

    async fn ask(&mut self, ask: Ask<'_>) -> Option<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::connect(&self.core, self.address, None).await.ok()?,
        };
        let (answer, body) = connection.request(ask, ANSWER_BYTES_MAX).await.ok()?;
        if connection.is_reusable() {
            self.connection = Some(connection);
        }
        let text = |name| answer.headers.get(name).map(str::to_owned);
        let length = text("content-length").and_then(|length| length.parse().ok());
        let etag = text("etag").unwrap_or_default().trim_matches('"').to_owned();
        Some(Answer { status: answer.status, etag, length, body })
    }
}
