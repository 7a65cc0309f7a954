//! Where the clients' programs are.

use std::path::{Path, PathBuf};

/// The folder of this environment in `HAMSTER_CLIENTS`, or where `cargo xtask test` has installed it.
pub fn environment(name: &str) -> PathBuf {
    std::env::var_os("HAMSTER_CLIENTS").map_or_else(cached, PathBuf::from).join(name)
}

/// The program of this name in the environment of boto3 and the AWS CLI.
pub fn program(name: &str) -> PathBuf {
    program_of("aws", name)
}

/// The program of this name in an environment.
pub fn program_of(environment_name: &str, name: &str) -> PathBuf {
    let program = environment(environment_name).join("bin").join(name);
    assert!(
        program.is_file(),
        "no {}: `cargo xtask test` installs the clients, or set HAMSTER_CLIENTS",
        program.display()
    );
    program
}

fn cached() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    Path::new(&home).join(".cache/hamster/compat")
}
