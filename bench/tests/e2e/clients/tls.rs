//! A node that speaks https, with a certificate of an authority that nobody else knows.

use crate::support::{binary, scratch};
use hamster_bench::cluster::Node;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::fs;

/// The authority's certificate, in the node's home.
pub const AUTHORITY: &str = "authority.pem";

/// As `support::serving`, over https.
pub fn serving(drives: usize) -> Node {
    let mut node = Node::new(&binary(), scratch(), drives);
    let (authority, chain, key) = certificates();
    for (name, pem) in [(AUTHORITY, authority), ("chain.pem", chain), ("key.pem", key)] {
        let path = node.home().join(name);
        fs::write(&path, pem).expect("a file");
        let flag = match name {
            "chain.pem" => "--tls-cert",
            "key.pem" => "--tls-key",
            _ => continue,
        };
        node.flags.extend([flag.to_owned(), path.display().to_string()]);
    }
    node.init().assert_ok();
    node.start();
    node
}

/// PEM of an authority, of a certificate for the loopback address, and of its key.
fn certificates() -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Why: by one name for both, the other certificate would pass for one that signed itself.
    authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
    let authority_key = KeyPair::generate().expect("a key");
    let authority_pem = authority.self_signed(&authority_key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, authority_key);
    let mut leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate().expect("a key");
    let leaf_pem = leaf.signed_by(&leaf_key, &issuer).expect("a certificate").pem();
    (authority_pem, leaf_pem, leaf_key.serialize_pem())
}
