//! Cargo as every command here calls it: release, whole workspace, one set of features, RocksDB
//! linked from the cache. Any other way of calling it would compile the heavy crates again.

use crate::{Outcome, workspace::Workspace};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The cargo that started us.
pub fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo's commands with the settings that all of them share.
pub struct Cargo<'a> {
    workspace: &'a Workspace,
    rocksdb: PathBuf,
}

impl<'a> Cargo<'a> {
    /// `rocksdb`: the folder that holds `librocksdb.a`, from `rocksdb::ensure`.
    pub fn new(workspace: &'a Workspace, rocksdb: PathBuf) -> Self {
        Self { workspace, rocksdb }
    }

    /// `cargo VERB --release --workspace`, to which the caller adds its own arguments.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(program());
        command
            .args([verb, "--release", "--workspace"])
            .current_dir(&self.workspace.root)
            .env("CARGO_TARGET_DIR", &self.workspace.target)
            .env("ROCKSDB_LIB_DIR", &self.rocksdb)
            .env("ROCKSDB_STATIC", "1")
            .stdin(Stdio::null());
        command
    }
}

/// Runs to the end with its output on ours; an exit code other than 0 is an error.
pub fn finish(command: &mut Command, what: &str) -> Outcome<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{what} failed ({status}); its own words are above")),
        Err(error) => Err(format!("{what} cannot start: {error}")),
    }
}
