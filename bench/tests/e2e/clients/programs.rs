//! Where the clients' programs are.

use std::path::{Path, PathBuf};

/// The program of this name in `HAMSTER_CLIENTS`, or where `cargo xtask test` has installed it.
pub fn program(name: &str) -> PathBuf {
    let directory = std::env::var_os("HAMSTER_CLIENTS").map_or_else(cached, PathBuf::from);
    let program = directory.join(name);
    assert!(
        program.is_file(),
        "no {name} in {}: `cargo xtask test` installs the clients, or set HAMSTER_CLIENTS",
        directory.display()
    );
    program
}

fn cached() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    Path::new(&home).join(".cache/hamster/clients/bin")
}
