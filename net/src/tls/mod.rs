//! TLS (rustls, aws-lc-rs) over core's streams.

use crate::ca::Credential;
use hamster_core::Clock;

/// Keys, certificates or trust that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TlsError(String);

/// Makes server sides of connections. Cheap to clone; all clones share what `replace` sets.
#[derive(Clone)]
pub struct Acceptor(());

impl Acceptor {
    /// For clients: TLS 1.2 and 1.3, no client certificate.
    ///
    /// # Errors
    /// The PEM is not a certificate chain and its key.
    pub fn for_clients(_clock: &Clock, _chain: &Credential) -> Result<Self, TlsError> {
        todo!()
    }

    /// For nodes: TLS 1.3 only, a certificate of the authority is required from the peer.
    ///
    /// # Errors
    /// The PEM is not a certificate chain and its key, or not an authority.
    pub fn for_peers(
        _clock: &Clock,
        _node: &Credential,
        _authority_pem: &str,
    ) -> Result<Self, TlsError> {
        todo!()
    }

    /// From now on new connections use this chain and key.
    ///
    /// # Errors
    /// As when made; the former ones then stay.
    pub fn replace(&self, _chain: &Credential) -> Result<(), TlsError> {
        todo!()
    }
}

/// Makes client sides of connections. Cheap to clone.
#[derive(Clone)]
pub struct Connector(());

impl Connector {
    /// For clients of an S3 endpoint: trusts the given authorities (PEM).
    ///
    /// # Errors
    /// The PEM holds no certificate.
    pub fn trusting(_clock: &Clock, _authorities_pem: &str) -> Result<Self, TlsError> {
        todo!()
    }

    /// For nodes: TLS 1.3 only, shows its certificate and trusts only the cluster's authority.
    ///
    /// # Errors
    /// As [`Acceptor::for_peers`].
    pub fn for_peers(
        _clock: &Clock,
        _node: &Credential,
        _authority_pem: &str,
    ) -> Result<Self, TlsError> {
        todo!()
    }
}
