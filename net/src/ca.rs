//! The cluster's own certificate authority: minted at `init`, it issues one certificate per node.
//!
//! Called by node at `init` and (with the cluster issue) at join. PEM in, PEM out: the caller
//! stores. Time is an argument.

use hamster_core::WallTime;
use hamster_core::ids::{ClusterUuid, NodeId};
use hamster_core::limits::{AUTHORITY_LIFETIME, CLOCK_SKEW_MAX, NODE_CERTIFICATE_LIFETIME};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::time::Duration;

/// A certificate (or a chain, the end's own first) and its private key, PEM.
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
pub struct CaError(#[from] rcgen::Error);

/// The name in a node's certificate: `n1.node.hamster.internal`.
pub fn node_name(node: NodeId) -> String {
    format!("n{}.node.hamster.internal", node.get())
}

/// A new authority for `cluster`.
///
/// # Errors
/// Key generation failed.
pub fn mint(cluster: ClusterUuid, now: WallTime) -> Result<Credential, CaError> {
    let mut params = params(Vec::new(), &format!("Hamster cluster {cluster}"), now)?;
    params.not_after += AUTHORITY_LIFETIME;
    // Length 0: it signs nodes, never another authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Credential { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

/// A new key and certificate for `node`, signed by `authority`, for both ends of a connection.
///
/// # Errors
/// The authority's PEM cannot be read.
pub fn issue(authority: &Credential, node: NodeId, now: WallTime) -> Result<Credential, CaError> {
    let authority_key = KeyPair::from_pem(&authority.key_pem)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate_pem, authority_key)?;
    let mut params = params(vec![node_name(node)], &node_name(node), now)?;
    params.not_after += NODE_CERTIFICATE_LIFETIME;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Credential { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

/// Whether `certificate` names `node`. Says nothing about who signed it.
pub(crate) fn is_of_node(certificate: &CertificateDer<'_>, node: NodeId) -> bool {
    let Ok(name) = ServerName::try_from(node_name(node)) else { return false };
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

/// Valid from a little before `now`, for nodes whose clocks are behind, to `now`.
fn params(
    names: Vec<String>,
    common_name: &str,
    now: WallTime,
) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.secs());
    params.not_before = params.not_after - CLOCK_SKEW_MAX;
    Ok(params)
}
