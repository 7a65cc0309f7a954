//! Who this node is: names, addresses and certificates, kept on every drive of the node so that any
//! drive that survives can start it.
//!
//! Holds the node's private key and, on the founder, the cluster's: the file is readable by its
//! owner only, and neither key has a `Debug`.

use crate::error::NodeError;
use hamster_core::checksum::Crc64;
use hamster_core::{ByteCount, Directory};
use hamster_net::ca::Credential;
use prost::Message;
use std::net::SocketAddr;

const FILE_NAME: &str = "node.hamster";
const FILE_BYTES_MAX: ByteCount = ByteCount::kib(64);
const FORMAT: u32 = 1;

/// The content of `node.hamster`. Fields are only added.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Identity {
    /// Format version.
    #[prost(uint32, tag = "1")]
    pub format: u32,
    /// Name of the cluster.
    #[prost(string, tag = "2")]
    pub cluster_name: String,
    /// The cluster's identity, 16 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub cluster: Vec<u8>,
    /// Name of the node.
    #[prost(string, tag = "4")]
    pub node_name: String,
    /// The node's Raft id.
    #[prost(uint64, tag = "5")]
    pub node: u64,
    /// Where other nodes and commands reach it.
    #[prost(string, tag = "6")]
    pub listen: String,
    /// Certificate of the cluster's authority, PEM.
    #[prost(string, tag = "7")]
    pub authority_certificate: String,
    /// Private key of the cluster's authority, PEM; empty where this node does not hold it.
    #[prost(string, tag = "8")]
    pub authority_key: String,
    /// The node's certificate, PEM.
    #[prost(string, tag = "9")]
    pub certificate: String,
    /// The node's private key, PEM.
    #[prost(string, tag = "10")]
    pub key: String,
}

impl Identity {
    /// Writes it to a drive's directory, durably.
    ///
    /// # Errors
    /// The drive refused.
    pub async fn store(&self, directory: &Directory) -> Result<(), NodeError> {
        let mut content = Self { format: FORMAT, ..self.clone() }.encode_to_vec();
        let checksum = Crc64::of_named(FILE_NAME.as_bytes(), &content);
        content.extend_from_slice(&checksum.get().to_le_bytes());
        directory
            .replace_small(FILE_NAME, content)
            .await
            .map_err(NodeError::file(directory.path().join(FILE_NAME), "writing the identity"))
    }

    /// Reads it from a drive's directory; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, does not verify, or is of a newer format.
    pub async fn load(directory: &Directory) -> Result<Option<Self>, NodeError> {
        let path = directory.path().join(FILE_NAME);
        let content = directory
            .read_small(FILE_NAME, FILE_BYTES_MAX)
            .await
            .map_err(NodeError::file(&path, "reading the identity"))?;
        let Some(content) = content else { return Ok(None) };
        let damaged = || NodeError::Damaged {
            path: path.clone(),
            reason: "the identity does not verify; remove this drive from the command line, \
                     another one holds a copy"
                .into(),
        };
        let (message, checksum) = content.split_last_chunk::<8>().ok_or_else(damaged)?;
        if Crc64::of_named(FILE_NAME.as_bytes(), message).get() != u64::from_le_bytes(*checksum) {
            return Err(damaged());
        }
        let identity = Self::decode(message).map_err(|_| damaged())?;
        if identity.format > FORMAT {
            let path = directory.path().to_path_buf();
            return Err(NodeError::NewerFormat { path, format: identity.format });
        }
        Ok(Some(identity))
    }
}

impl Identity {
    /// The node's certificate and key.
    pub fn credential(&self) -> Credential {
        Credential { certificate_pem: self.certificate.clone(), key_pem: self.key.clone() }
    }

    /// Where other nodes and commands reach it.
    ///
    /// # Errors
    /// What was stored is no address.
    pub fn listen_address(&self) -> Result<SocketAddr, NodeError> {
        self.listen.parse().map_err(|_| NodeError::Flag {
            flag: "--listen",
            reason: format!("'{}' is no address; give one, such as 127.0.0.1:7946", self.listen),
        })
    }
}
