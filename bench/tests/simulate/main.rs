//! The simulator as `hamster simulate` runs it: seeds that have failed once, fresh ones, and the
//! promise that a seed decides everything. `HAMSTER_SEEDS` sets how many fresh ones there are.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Fresh seeds of a run, unless `HAMSTER_SEEDS` says otherwise.
const FRESH: u64 = 200;
/// Seeds that are run twice.
const TWICE: u64 = 20;

fn hamster() -> PathBuf {
    let beside = || {
        let this = std::env::current_exe().expect("a running program has a path");
        let folder = this.ancestors().nth(2).expect("tests lie in target/release/deps");
        folder.join("hamster")
    };
    std::env::var_os("HAMSTER_BIN").map_or_else(beside, PathBuf::from)
}

fn simulate(arguments: &[&str]) -> Output {
    let mut command = Command::new(hamster());
    command.args(["simulate", "--json"]).args(arguments).stdin(Stdio::null());
    command.output().expect("the binary is built: `cargo build --release`")
}

/// The report, which is the last line; what stands before it is shown.
fn report(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    println!("{before}");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}\n{said}"))
}

#[test]
fn seeds_that_failed_once_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim/seeds");
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .expect("it is there")
        .map(|file| file.expect("readable").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "a corpus that was lost");
    for file in &files {
        let text = std::fs::read_to_string(file).expect("readable");
        let (arguments, story) = text.split_once('\n').expect("arguments, then what happened");
        let output = simulate(&arguments.split_whitespace().collect::<Vec<_>>());
        let wrong = &report(&output)["wrong"];
        assert!(output.status.success(), "{}: {wrong:#}\n{story}", file.display());
    }
    println!("{} seeds of the corpus", files.len());
}

#[test]
fn fresh_seeds_pass() {
    let count = std::env::var("HAMSTER_SEEDS").ok().and_then(|text| text.parse().ok());
    let count = count.unwrap_or(FRESH).to_string();
    let output = simulate(&["--seeds", &count]);
    let summary = report(&output);
    println!("{summary:#}");
    assert!(output.status.success(), "failed: {}", summary["failed"]);
    assert_eq!(summary["seeds"].to_string(), count);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let mut traces = std::collections::BTreeSet::new();
    // Why short: any difference shows in the first minutes.
    for seed in 1..=TWICE {
        let trace = || {
            let seed = seed.to_string();
            report(&simulate(&["--seed", &seed, "--ops", "300"]))["trace"].to_string()
        };
        let first = trace();
        assert_eq!(first, trace(), "seed {seed}");
        traces.insert(first);
    }
    assert_eq!(traces.len() as u64, TWICE, "other seeds, other traces");
}
