//! What the tests share: where things are, and bytes made from seeds.

use hamster_bench::clock;
use hamster_bench::cluster::{Finished, Node, run};
use hamster_core::Entropy;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// On a real disk: direct I/O and syncs mean something here.
pub fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The binary under test.
pub fn binary() -> PathBuf {
    let found = std::env::var_os("HAMSTER_BIN").map_or_else(beside_this_program, PathBuf::from);
    assert!(
        found.is_file(),
        "no hamster binary at {}: run `cargo build --release` first, or set HAMSTER_BIN",
        found.display()
    );
    found
}

/// This program is `target/release/deps/e2e-...`.
fn beside_this_program() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let release = program.parent().and_then(Path::parent).expect("cargo put it two levels deep");
    release.join("hamster")
}

/// A node on `drives` directories that serves.
pub fn serving(drives: usize) -> Node {
    Node::serving(&binary(), scratch(), drives)
}

/// `length` bytes that no other seed gives.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Entropy::seeded(seed).fill(&mut bytes);
    bytes
}

/// Asserts that two bodies are the same, without printing megabytes.
#[track_caller]
pub fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    assert_eq!(differs, None, "{what}: the first byte that differs");
}

/// Empties a directory as a drive that is gone leaves its mount point.
pub fn wipe(drive: &Path) {
    for entry in fs::read_dir(drive).expect("a drive") {
        let path = entry.expect("an entry").path();
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        // A running node makes and removes files of its own at the same time.
        assert!(removed.is_ok() || !path.exists(), "{}: {removed:?}", path.display());
    }
}

/// The status, once `holds` is true of it; a minute is enough for everything a node notices.
#[track_caller]
pub fn wait_for(node: &Node, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = clock::now() + Duration::from_secs(60);
    loop {
        let status = node.status();
        if holds(&status) {
            return status;
        }
        assert!(clock::now() < deadline, "{what}, but status says {status}");
        clock::sleep(Duration::from_millis(200));
    }
}

/// The command refused: exit code 1, and all of `words` in its last line.
#[track_caller]
pub fn assert_refused(finished: &Finished, words: &[&str]) {
    let Finished { code, stderr, .. } = finished;
    assert_eq!(*code, Some(1), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("hamster: "), "{stderr}");
    for word in words {
        assert!(last.contains(word), "'{word}' is not in: {last}");
    }
}

/// `hamster serve`, which is expected to refuse.
pub fn serve(node: &Node) -> Finished {
    run(&mut node.serve_command(), Duration::from_secs(60))
}

/// Says a figure where a test's output is shown only if it fails.
pub fn tell(line: &str) {
    // Why ignored: where nobody reads, the facts are checked all the same.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Alice and Bob, for [`with_users`]: `alice-key` and `alice-secret-alice-secret`, Bob's alike.
pub const USERS: &str = r#"
[[user]]
id = "1111111111111111111111111111111111111111111111111111111111111111"
name = "Alice"
access_key = "alice-key"
secret_key = "alice-secret-alice-secret"
root = false

[[user]]
id = "2222222222222222222222222222222222222222222222222222222222222222"
name = "Bob"
access_key = "bob-key"
secret_key = "bob-secret-bob-secret"
root = false
"#;

/// Gives `node`, before its start, the users of a file of this content. Where that is.
pub fn with_users(node: &mut Node, content: &str) -> PathBuf {
    let file = node.home().join("users.toml");
    std::fs::write(&file, content).expect("a file");
    node.flags = vec!["--credentials".to_owned(), file.display().to_string()];
    file
}
