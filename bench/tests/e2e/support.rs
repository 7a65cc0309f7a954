//! What the tests share: where things are, and bytes made from seeds.

use hamster_bench::cluster::Node;
use hamster_core::Entropy;
use std::path::{Path, PathBuf};

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
