//! A node: the assembly of drives, metadata, S3 and administration on every core, and the commands
//! that found one and ask a running one.
//!
//! Called by the binary; the simulator runs the same assembly. Holds no S3 meaning, no format.

mod admin;
mod announce;
mod assembly;
mod boot;
mod command;
mod config;
mod control;
mod drives;
mod error;
mod files;
mod identity;
mod init;
mod master_key;
mod memory;
mod metrics;
mod mirrors;
mod reclaim;
mod replace;
mod scrub;
mod seed;
mod serve;
mod status;
mod sweep;
mod users;
mod watch;

pub use admin::{metrics, replace_drive, scrub, status};
pub use assembly::Assembly;
pub use config::{InitConfig, ServeConfig};
pub use error::NodeError;
pub use init::{Founded, found, init};
pub use memory::Memory;
pub use replace::Replaced;
pub use scrub::ScrubStatus;
pub use serve::serve;
pub use status::{Damage, DriveStatus, Status};
pub use users::ask::{add_user, create_key, keys, remove_user, revoke_key, users};
pub use users::{KeyMade, KeyShown, UserShown, Who, key_table, user_table};
