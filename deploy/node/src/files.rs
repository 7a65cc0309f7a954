//! The files that the operator named: who may sign, and the certificate for https. Read on core 0,
//! at the start and again on SIGHUP; every core makes its own keyring and acceptor of them. Holds
//! secrets: has no `Debug`.

use crate::config::ServeConfig;
use crate::error::NodeError;
use hamster_core::Core;
use hamster_core::limits::OPERATOR_FILE_BYTES_MAX;
use hamster_net::ca::Credential;
use hamster_net::tls::{Acceptor, TlsError};
use hamster_s3::{Credentials, Keyring};
use std::path::Path;

/// The files as they were read, known to be usable.
pub struct OperatorFiles {
    /// From the environment: it goes with the users.
    root: Option<(String, String)>,
    users: Option<String>,
    certificate: Option<Credential>,
}

impl OperatorFiles {
    /// Reads them.
    ///
    /// # Errors
    /// One cannot be used; reason and remedy.
    pub async fn read(core: &Core, config: &ServeConfig) -> Result<Self, NodeError> {
        let users = match &config.credentials {
            Some(path) => Some(read_text(core, path).await?),
            None => None,
        };
        let certificate = match &config.tls {
            Some((chain, key)) => Some(Credential {
                certificate_pem: read_text(core, chain).await?,
                key_pem: read_text(core, key).await?,
            }),
            None => None,
        };
        let files = Self { root: config.root.clone(), users, certificate };
        files.keyring()?;
        files.acceptor(core)?;
        Ok(files)
    }

    /// The users, for one core to look up.
    ///
    /// # Errors
    /// They cannot be used: never once they were read.
    pub fn keyring(&self) -> Result<Keyring, NodeError> {
        self.credentials().map(Keyring::new)
    }

    /// What makes https of one core's connections, if there is a certificate.
    ///
    /// # Errors
    /// It cannot be used: never once it was read.
    pub fn acceptor(&self, core: &Core) -> Result<Option<Acceptor>, NodeError> {
        let made = self.certificate.as_ref().map(|it| Acceptor::for_clients(core.clock(), it));
        made.transpose().map_err(unusable)
    }

    /// Has a service that runs go by these from now on.
    ///
    /// # Errors
    /// As when they were made.
    pub fn renew(&self, keyring: &Keyring, acceptor: Option<&Acceptor>) -> Result<(), NodeError> {
        keyring.replace(self.credentials()?);
        match (acceptor, &self.certificate) {
            (Some(acceptor), Some(certificate)) => acceptor.replace(certificate).map_err(unusable),
            _ => Ok(()),
        }
    }

    fn credentials(&self) -> Result<Credentials, NodeError> {
        let root = self.root.as_ref().map(|(key, secret)| (key.as_str(), secret.as_str()));
        Credentials::new(root, self.users.as_deref())
            .map_err(|error| NodeError::Credentials(error.to_string()))
    }
}

fn unusable(error: TlsError) -> NodeError {
    NodeError::Tls(error.to_string())
}

async fn read_text(core: &Core, path: &Path) -> Result<String, NodeError> {
    let unreadable = || NodeError::Flag {
        flag: "the file named",
        reason: format!("{} is no readable text file", path.display()),
    };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(unreadable)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let content = match core.disk().directory(parent.unwrap_or(Path::new("."))).await {
        Ok(directory) => directory.read_small(name, OPERATOR_FILE_BYTES_MAX).await,
        Err(error) => Err(error),
    };
    let content = content.map_err(NodeError::file(path, "reading"))?.ok_or_else(unreadable)?;
    String::from_utf8(content).map_err(|_| unreadable())
}
