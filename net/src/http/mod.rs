//! HTTP/1.1 (RFC 9110, RFC 9112) over core's streams.
//!
//! The parsers (`head`, `framing`, `chunked`) are pure functions over bytes. [`serve`] runs
//! connections: one task each, one request at a time. Whatever makes it doubtful where a message
//! ends is refused and the connection closed, so that no two parties can read one byte stream as
//! different requests.

mod body;
pub mod chunked;
pub mod client;
pub mod date;
mod deadline;
mod drain;
pub mod framing;
pub mod head;
mod inbound;
mod rejection;
mod response;
mod server;
mod session;

pub use body::{BodyError, BodyLength, RequestBody};
pub use drain::Drain;
pub use head::{Head, Headers, Method};
pub use rejection::Rejection;
pub use response::{BodyAborted, BodySource, Response, ResponseBody, ResponseHeaders, is_token};
pub use server::{Request, Service, serve};
