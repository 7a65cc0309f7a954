//! The cluster's own certificate authority: minted at `init`, it issues one certificate per node.
//!
//! Called by node at `init` and (with the cluster issue) at join. PEM in, PEM out: the caller
//! stores. Time is an argument.

use hamster_core::WallTime;
use hamster_core::ids::{ClusterUuid, NodeId};

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct Credential {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key (PKCS #8). Secret.
    pub key_pem: String,
}

/// Key generation, encoding or reading PEM failed.
#[derive(Debug, thiserror::Error)]
#[error("certificate authority: {0}")]
pub struct CaError(String);

/// The name in a node's certificate: `n1.node.hamster.internal`.
pub fn node_name(_node: NodeId) -> String {
    todo!()
}

/// A new authority for `cluster`.
///
/// # Errors
/// Key generation failed.
pub fn mint(_cluster: ClusterUuid, _now: WallTime) -> Result<Credential, CaError> {
    todo!()
}

/// A new key and certificate for `node`, signed by `authority`, for both ends of a connection.
///
/// # Errors
/// The authority's PEM cannot be read.
pub fn issue(
    _authority: &Credential,
    _node: NodeId,
    _now: WallTime,
) -> Result<Credential, CaError> {
    todo!()
}
