//! What the build needs from the system, installed through its package manager, with every step
//! told. Called by `up` and `test`. It must never install what is already there, nor remove any.

use crate::{Outcome, cargo::finish, say};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// One thing that must be on the machine.
struct Need {
    /// Debian's name for it.
    package: &'static str,
    why: &'static str,
    present: fn() -> bool,
}

const BUILD: &[Need] = &[
    Need {
        package: "build-essential",
        why: "compiles aws-lc and links",
        present: || runs("c++", &["--version"]) && runs("cc", &["--version"]),
    },
    Need {
        package: "clang",
        why: "compiles RocksDB in three quarters of gcc's time",
        present: || runs("clang++", &["--version"]),
    },
    Need { package: "libclang-dev", why: "makes RocksDB's bindings", present: libclang },
];

const TESTS: &[Need] = &[
    Need {
        package: "python3-venv",
        why: "holds the S3 clients that the tests drive",
        present: || runs("python3", &["-c", "import venv, ensurepip"]),
    },
    Need {
        package: "strace",
        why: "follows what RocksDB writes, for crash images of the metadata",
        present: || runs("strace", &["-V"]),
    },
];

/// Everything that `cargo build` needs.
pub fn for_build() -> Outcome<()> {
    install(BUILD)
}

/// Everything that the tests need beyond the build, rustfmt and clippy among it.
pub fn for_tests() -> Outcome<()> {
    install(TESTS)?;
    for (component, probe) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !runs("cargo", &[probe, "--version"]) {
            say(&format!("adding the toolchain's component {component}"));
            let mut rustup = Command::new("rustup");
            finish(rustup.args(["component", "add", component]), "rustup component add")?;
        }
    }
    Ok(())
}

fn install(needs: &[Need]) -> Outcome<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        let names: Vec<&str> = needs.iter().map(|need| need.package).collect();
        say(&format!("already here: {}", names.join(", ")));
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        say(&format!("missing: {} ({})", need.package, need.why));
    }
    if !runs("apt-get", &["--version"]) {
        return Err(format!(
            "no apt-get here; install what your system calls {} and run this again",
            names.join(", ")
        ));
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&names);
    // Why: a fresh image has no package lists, and an old one has stale lists.
    let listed = Path::new("/var/lib/apt/lists")
        .read_dir()
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|e| e.path().is_file())));
    if !listed || apt(&arguments).is_err() {
        apt(&["update"])?;
        apt(&arguments)?;
    }
    missing.iter().find(|need| !(need.present)()).map_or(Ok(()), |need| {
        Err(format!("{} is installed but does not work; look at it by hand", need.package))
    })
}

/// `apt-get` as root; through sudo where we are not root and sudo exists.
fn apt(arguments: &[&str]) -> Outcome<()> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let mut line = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    if !root && runs("sudo", &["--version"]) {
        line.insert(0, "sudo");
        // Why: CI has nobody to type a password; asking for one would hang.
        if env::var_os("CI").is_some() {
            line.insert(1, "-n");
        }
    }
    line.extend(arguments);
    say(&format!("running: {}", line.join(" ")));
    finish(Command::new(line[0]).args(&line[1..]), "apt-get")
}

/// The library *and* its resource headers: with `libclang1` alone, `stddef.h` is not found.
fn libclang() -> bool {
    let packaged = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", "libclang-dev"])
        .stderr(Stdio::null())
        .output();
    let libraries = ["/usr/lib64", "/usr/lib"];
    match packaged {
        _ if env::var_os("LIBCLANG_PATH").is_some() => true,
        Ok(status) => status.stdout == b"installed",
        Err(_) => libraries.iter().any(|folder| Path::new(folder).join("libclang.so").exists()),
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
