//! Bytes on the wire: HTTP/1.1 (server and a small client), TLS, and the cluster's own certificate
//! authority. Knows no S3, no Raft and no shards; everything above it speaks through it.

pub mod ca;
pub mod connection;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod tls;
