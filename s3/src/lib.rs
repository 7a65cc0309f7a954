//! S3 meaning: from a request of HTTP to an answer of S3.
//!
//! The node makes one [`Service`] per core and gives it to `net`. A request passes the [`gate`]
//! (route, signature, permission, room) and reaches its verb in [`verb`], one file each. `body`
//! checks what streams in, `xml` reads and writes documents, `error` names what went wrong.
//! Nothing here touches drives, sockets or clocks but through the handles it is given.

mod answer;
pub mod body;
pub mod checksum;
mod condition;
mod cors;
pub mod credentials;
pub mod error;
mod fetch;
pub mod form;
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
mod headers;
pub mod keyring;
pub mod master_keys;
pub mod mint;
pub mod node;
mod percent;
mod query;
mod range;
pub mod record;
pub mod service;
pub mod sigv4;
mod store;
mod tags;
mod target;
#[cfg(test)]
mod testing;
mod time;
mod verb;
mod xml;

pub use credentials::{Clash, Credentials, CredentialsError};
pub use error::{Code, S3Error};
pub use keyring::Keyring;
pub use master_keys::{MasterKeys, MasterKeysError, Unopened};
pub use node::Settings;
pub use record::{of_location, to_location};
pub use service::Service;
pub use time::iso8601;
