//! TLS (rustls over aws-lc-rs) for core's streams: towards clients 1.2 and 1.3, between nodes 1.3
//! only with certificates on both sides.
//!
//! Configurations belong to one core and are replaced whole; connections keep the one they began
//! with. No process-wide default provider, clock or trust store is ever used.

mod stream;
mod time;

pub use stream::Stream;

use crate::ca::Credential;
use hamster_core::Clock;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion, version,
};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use time::Wall;

const FOR_CLIENTS: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
const FOR_PEERS: &[&SupportedProtocolVersion] = &[&version::TLS13];

/// Keys, certificates or trust that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TlsError(String);

fn unusable(error: impl std::fmt::Display) -> TlsError {
    TlsError(error.to_string())
}

/// Makes server sides of connections. Cheap to clone; all clones share what `replace` sets.
#[derive(Clone)]
pub struct Acceptor {
    config: Rc<RefCell<Arc<ServerConfig>>>,
    audience: Audience,
    wall: Wall,
}

/// Who connects.
#[derive(Clone)]
enum Audience {
    Clients,
    /// Nodes, with certificates of these authorities.
    Peers(Arc<RootCertStore>),
}

impl Acceptor {
    /// For clients: TLS 1.2 and 1.3, no client certificate.
    ///
    /// # Errors
    /// The PEM is not a certificate chain and its key.
    pub fn for_clients(clock: &Clock, chain: &Credential) -> Result<Self, TlsError> {
        Self::new(clock, chain, Audience::Clients)
    }

    /// For nodes: TLS 1.3 only, a certificate of the authority is required from the peer.
    ///
    /// # Errors
    /// The PEM is not a certificate chain and its key, or not an authority.
    pub fn for_peers(
        clock: &Clock,
        node: &Credential,
        authority_pem: &str,
    ) -> Result<Self, TlsError> {
        Self::new(clock, node, Audience::Peers(roots(authority_pem)?))
    }

    fn new(clock: &Clock, chain: &Credential, audience: Audience) -> Result<Self, TlsError> {
        let wall = Wall::of(clock);
        let config = server_config(chain, &audience, &wall)?;
        Ok(Self { config: Rc::new(RefCell::new(config)), audience, wall })
    }

    /// From now on new connections use this chain and key.
    ///
    /// # Errors
    /// As when made; the former ones then stay.
    pub fn replace(&self, chain: &Credential) -> Result<(), TlsError> {
        *self.config.borrow_mut() = server_config(chain, &self.audience, &self.wall)?;
        Ok(())
    }

    /// Shakes hands as the server. No deadline of its own.
    ///
    /// # Errors
    /// The connection broke, or the two do not agree or do not trust each other.
    pub async fn accept(&self, stream: hamster_core::Stream) -> io::Result<Stream> {
        self.wall.refresh();
        let config = Arc::clone(&self.config.borrow());
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Stream::shake_hands(stream, session.into()).await
    }
}

/// Makes client sides of connections. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    wall: Wall,
}

impl Connector {
    /// For clients of an S3 endpoint: trusts the given authorities (PEM).
    ///
    /// # Errors
    /// The PEM holds no certificate.
    pub fn trusting(clock: &Clock, authorities_pem: &str) -> Result<Self, TlsError> {
        let wall = Wall::of(clock);
        let config = ClientConfig::builder_with_details(provider(), wall.provider())
            .with_protocol_versions(FOR_CLIENTS)
            .map_err(unusable)?
            .with_root_certificates(roots(authorities_pem)?)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), wall })
    }

    /// For nodes: TLS 1.3 only, shows its certificate and trusts only the cluster's authority.
    ///
    /// # Errors
    /// As [`Acceptor::for_peers`].
    pub fn for_peers(
        clock: &Clock,
        node: &Credential,
        authority_pem: &str,
    ) -> Result<Self, TlsError> {
        let (wall, (chain, key)) = (Wall::of(clock), chain_and_key(node)?);
        let config = ClientConfig::builder_with_details(provider(), wall.provider())
            .with_protocol_versions(FOR_PEERS)
            .map_err(unusable)?
            .with_root_certificates(roots(authority_pem)?)
            .with_client_auth_cert(chain, key)
            .map_err(unusable)?;
        Ok(Self { config: Arc::new(config), wall })
    }

    /// Shakes hands as the client of the server `name` (DNS name or address; for a node see
    /// [`ca::node_name`](crate::ca::node_name)). No deadline of its own.
    ///
    /// # Errors
    /// As [`Acceptor::accept`].
    pub async fn connect(&self, stream: hamster_core::Stream, name: &str) -> io::Result<Stream> {
        self.wall.refresh();
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let session = ClientConnection::new(Arc::clone(&self.config), name);
        Stream::shake_hands(stream, session.map_err(io::Error::other)?.into()).await
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn server_config(
    credential: &Credential,
    audience: &Audience,
    wall: &Wall,
) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = chain_and_key(credential)?;
    let builder = ServerConfig::builder_with_details(provider(), wall.provider());
    let builder = match audience {
        Audience::Clients => {
            builder.with_protocol_versions(FOR_CLIENTS).map_err(unusable)?.with_no_client_auth()
        }
        Audience::Peers(roots) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
            builder
                .with_protocol_versions(FOR_PEERS)
                .map_err(unusable)?
                .with_client_cert_verifier(verifier.build().map_err(unusable)?)
        }
    };
    builder.with_single_cert(chain, key).map(Arc::new).map_err(unusable)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(unusable)
}

fn chain_and_key(
    credential: &Credential,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&credential.certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(credential.key_pem.as_bytes()).map_err(unusable)?;
    Ok((chain, key))
}

fn roots(pem: &str) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(unusable)?;
    }
    match roots.is_empty() {
        true => Err(unusable("no certificate of an authority")),
        false => Ok(Arc::new(roots)),
    }
}
