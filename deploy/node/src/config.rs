//! What `init` and `serve` are told. The command line fills these in.

use hamster_core::ByteCount;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How to found a cluster.
pub struct InitConfig {
    /// One empty directory per drive.
    pub data_dirs: Vec<PathBuf>,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the node.
    pub node: String,
    /// Where other nodes and commands reach it.
    pub listen: SocketAddr,
    /// Failure zone.
    pub zone: String,
    /// Name of the machine.
    pub host: String,
    /// Placement capacity of each drive; zero: all drives count alike.
    pub capacity: ByteCount,
}

/// How to run a node.
pub struct ServeConfig {
    /// The directories of its drives.
    pub data_dirs: Vec<PathBuf>,
    /// Its name; must be the founded one.
    pub node: Option<String>,
    /// Where other nodes and commands reach it, if not as founded.
    pub listen: Option<SocketAddr>,
    /// Where S3 clients reach it; `None` serves no S3.
    pub s3: Option<SocketAddr>,
    /// Certificate chain and private key (PEM files) for S3 over https.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Region that clients sign for.
    pub region: String,
    /// Domain for virtual-hosted buckets.
    pub domain: Option<String>,
    /// The first root key from the environment: access key, secret key.
    pub root: Option<(String, String)>,
    /// File with more users.
    pub credentials: Option<PathBuf>,
    /// File with the master keys that seal secrets.
    pub master_key_file: Option<PathBuf>,
    /// CPU cores to use; all that this process may run on if `None`.
    pub cores: Option<u16>,
    /// Bound on buffers and caches; half of the machine's memory if `None`.
    pub memory: Option<ByteCount>,
    /// Say what is served in JSON.
    pub json: bool,
}
