//! The flags that name a server and who signs: what every measurement over S3 begins with.

use crate::sign::Credentials;
use clap::Args;

/// An S3 server, and a key pair of it.
#[derive(Clone, Debug, Args)]
pub struct Endpoint {
    /// The server
    #[arg(long = "endpoint", default_value = "http://127.0.0.1:9000")]
    pub url: String,
    /// Access key
    #[arg(long, env = "HAMSTER_ACCESS_KEY_ID")]
    pub access_key: String,
    /// Secret key
    #[arg(long, env = "HAMSTER_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub secret_key: String,
    /// Region that requests are signed for
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
}

/// The endpoint is no `http://host:port`.
#[derive(Debug, thiserror::Error)]
#[error("no endpoint {0}: want http://host:port")]
pub struct NoEndpoint(String);

impl Endpoint {
    /// Host and port.
    ///
    /// # Errors
    /// See [`NoEndpoint`].
    pub fn host(&self) -> Result<&str, NoEndpoint> {
        let host = self.url.strip_prefix("http://").ok_or_else(|| self.not_one())?;
        Ok(host.trim_end_matches('/'))
    }

    /// That this is none.
    pub fn not_one(&self) -> NoEndpoint {
        NoEndpoint(self.url.clone())
    }

    /// The key pair.
    pub fn credentials(&self) -> Credentials {
        let (access_key, secret_key) = (self.access_key.clone(), self.secret_key.clone());
        Credentials { access_key, secret_key }
    }
}
