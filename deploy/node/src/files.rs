//! The files that the operator named: who may sign, the certificate for https, and the master keys.
//! Read on core 0, at the start and again on SIGHUP; every core makes its own keyring and acceptor of
//! them. Holds secrets: has no `Debug`.

use crate::config::ServeConfig;
use crate::error::NodeError;
use crate::master_key;
use hamster_core::Core;
use hamster_core::limits::OPERATOR_FILE_BYTES_MAX;
use hamster_meta::query::Users;
use hamster_net::ca::Credential;
use hamster_net::tls::{Acceptor, TlsError};
use hamster_s3::{Credentials, Keyring, MasterKeys, Unopened};
use std::path::Path;
use std::sync::Arc;

/// The files as they were read, known to be usable.
pub struct OperatorFiles {
    /// From the environment: it goes with the users.
    root: Option<(String, String)>,
    users: Option<String>,
    certificate: Option<Credential>,
    master_keys: Arc<MasterKeys>,
    /// Of the cluster; empty before it is known, and where it has none.
    root_id: String,
}

impl OperatorFiles {
    /// Reads them.
    ///
    /// # Errors
    /// One cannot be used; reason and remedy.
    pub async fn read(core: &Core, config: &ServeConfig) -> Result<Self, NodeError> {
        let users = match &config.credentials {
            Some(path) => Some(read_secret(core, path).await?),
            None => None,
        };
        let certificate = match &config.tls {
            Some((chain, key)) => Some(Credential {
                certificate_pem: read_text(core, chain).await?,
                key_pem: read_secret(core, key).await?,
            }),
            None => None,
        };
        let master_keys = match &config.master_key_file {
            Some(path) => master_key::read(core, path, &config.data_dirs).await?,
            None => MasterKeys::default(),
        };
        let (root, master_keys) = (config.root.clone(), Arc::new(master_keys));
        let files = Self { root, users, certificate, master_keys, root_id: String::new() };
        files.keyring()?;
        files.acceptor(core)?;
        Ok(files)
    }

    /// The same for a cluster with this canonical id of root and these users.
    ///
    /// # Errors
    /// A user of this node and one of the cluster have something in common, or a secret cannot be
    /// opened.
    pub fn for_cluster(self, root_id: &str, replicated: &Users) -> Result<Self, NodeError> {
        let files = Self { root_id: root_id.to_owned(), ..self };
        if let Some(clash) = files.credentials()?.clash(replicated) {
            let remedy = format!(
                "{clash} of the environment or the credentials file is also that of a user of the \
                 cluster; give the one of this node another, or start without it and take the \
                 other one away: `hamster user list`"
            );
            return Err(NodeError::Credentials(remedy));
        }
        for key in &replicated.keys {
            match files.master_keys.open(key) {
                Ok(_) | Err(Unopened::Lost(_)) => {}
                Err(error) => return Err(master_key::unopened(key, &error)),
            }
        }
        Ok(files)
    }

    /// The users, for one core to look up.
    ///
    /// # Errors
    /// They cannot be used: never once they were read.
    pub fn keyring(&self) -> Result<Keyring, NodeError> {
        let master_keys = Arc::clone(&self.master_keys);
        Ok(Keyring::with_master_keys(self.credentials()?, master_keys))
    }

    /// What seals the secrets of new access keys.
    pub fn master_keys(&self) -> &MasterKeys {
        &self.master_keys
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
        keyring.replace(self.credentials()?, Arc::clone(&self.master_keys));
        match (acceptor, &self.certificate) {
            (Some(acceptor), Some(certificate)) => acceptor.replace(certificate).map_err(unusable),
            _ => Ok(()),
        }
    }

    /// The users of this node's environment and file.
    ///
    /// # Errors
    /// They cannot be used: never once they were read.
    pub fn credentials(&self) -> Result<Credentials, NodeError> {
        let root = self.root.as_ref().map(|(key, secret)| (key.as_str(), secret.as_str()));
        Credentials::with_root_id(&self.root_id, root, self.users.as_deref())
            .map_err(|error| NodeError::Credentials(error.to_string()))
    }
}

fn unusable(error: TlsError) -> NodeError {
    NodeError::Tls(error.to_string())
}

/// As [`read_text`], and says so if others than the owner could read it.
async fn read_secret(core: &Core, path: &Path) -> Result<String, NodeError> {
    let (text, is_open_to_others) = read(core, path).await?;
    if is_open_to_others {
        let shown = path.display();
        tracing::warn!(
            "{shown} holds secrets and others than its owner may get at it: chmod 600 {shown}"
        );
    }
    Ok(text)
}

async fn read_text(core: &Core, path: &Path) -> Result<String, NodeError> {
    Ok(read(core, path).await?.0)
}

/// The text, and whether others than the owner may get at it.
async fn read(core: &Core, path: &Path) -> Result<(String, bool), NodeError> {
    let unreadable = || NodeError::Flag {
        flag: "the file named",
        reason: format!("{} is no readable text file", path.display()),
    };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(unreadable)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let content = match core.disk().directory(parent.unwrap_or(Path::new("."))).await {
        Ok(directory) => directory.read_private(name, OPERATOR_FILE_BYTES_MAX).await,
        Err(error) => Err(error),
    };
    let file = content.map_err(NodeError::file(path, "reading"))?.ok_or_else(unreadable)?;
    let text = String::from_utf8(file.content).map_err(|_| unreadable())?;
    Ok((text, file.is_open_to_others))
}
