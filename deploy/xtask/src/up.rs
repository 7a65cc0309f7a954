//! `cargo xtask up`: from a fresh checkout to a server on one command, telling each step.
//!
//! It must never write credentials anywhere, and never touch a data directory that holds anything.

use crate::{Outcome, cargo, cargo::Cargo, packages, rocksdb, say, workspace::Workspace};
use std::env;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

const KEY: &str = "HAMSTER_ACCESS_KEY_ID";
const SECRET: &str = "HAMSTER_SECRET_ACCESS_KEY";

/// Returns only on failure: success becomes `hamster serve`.
pub fn run() -> Outcome<ExitCode> {
    let credentials = credentials()?;
    packages::for_build()?;
    let workspace = Workspace::open()?;
    let cargo = Cargo::new(&workspace, rocksdb::ensure(&workspace)?);
    say("building for release");
    cargo::finish(&mut cargo.command("build"), "cargo build")?;

    let hamster = workspace.program("hamster");
    let folder = workspace.root.join("data");
    if is_absent_or_empty(&folder) {
        say("founding ./data: hamster init --data-dir ./data");
        let mut init = Command::new(&hamster);
        init.args(["init", "--data-dir", "./data"]).current_dir(&workspace.root);
        cargo::finish(&mut init, "hamster init")?;
    } else {
        say("./data is there already and is served as it is");
    }

    let mut serve = Command::new(&hamster);
    serve.args(["serve", "--data-dir", "./data"]).current_dir(&workspace.root);
    if let Some((key, secret)) = credentials {
        say("root credentials for this run, shown once and kept nowhere; in your other terminal:");
        println!("  export {KEY}={key} {SECRET}={secret}");
        println!("  export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}");
        println!("  aws --endpoint-url http://127.0.0.1:9000 s3 ls");
        serve.env(KEY, key).env(SECRET, secret);
    }
    say("serving: hamster serve --data-dir ./data (Ctrl-C drains and stops)");
    let error = serve.exec();
    Err(format!("cannot start {}: {error}", hamster.display()))
}

/// `None`: the caller has set a pair. `Some`: a fresh one.
fn credentials() -> Outcome<Option<(String, String)>> {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    match (set(KEY), set(SECRET)) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((random_word(20)?, random_word(40)?))),
        _ => Err(format!("only one of {KEY} and {SECRET} is set; set both, or neither")),
    }
}

/// Letters and digits that survive any shell, five random bits each.
fn random_word(letters: usize) -> Outcome<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0; letters];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| format!("cannot read /dev/urandom: {error}"))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

fn is_absent_or_empty(folder: &Path) -> bool {
    match folder.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_long_random_and_shell_safe() {
        let word = random_word(40).expect("urandom");
        assert_eq!(word.len(), 40);
        assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(word, random_word(40).expect("urandom"));
    }
}
