//! `cargo xtask mutants`: plants each known bug in the node and counts the seeds that the simulator
//! takes to find it. Called by people: it builds the product a second time, with the feature `plants`.

use crate::workspace::Workspace;
use crate::{Outcome, cargo, cargo::Cargo, packages, rocksdb, say};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// A bug that this many seeds do not find is not found.
const SEEDS_MAX: u64 = 2000;
/// Seeds that must pass without any, or a failure would say nothing of a plant.
const SEEDS_SOUND: u64 = 100;

/// Runs all plants, or those whose name holds `only`.
pub fn run(only: Option<&str>) -> Outcome<ExitCode> {
    packages::for_build()?;
    let workspace = Workspace::open()?;
    let rocksdb = rocksdb::ensure(&workspace)?;
    let mut build = Cargo::new(&workspace, rocksdb).command("build");
    build.args(["--bin", "hamster", "--features", "hamster/plants"]);
    cargo::finish(&mut build, "cargo build")?;
    let program = workspace.program("hamster");
    let sound = simulate(&program, "", SEEDS_SOUND)?;
    if is_failed(&sound) {
        return Err(format!("without any plant: failed {}; mend that first", sound["failed"]));
    }
    let mut missed = 0;
    for plant in plants(&workspace)? {
        if only.is_some_and(|only| !plant.contains(only)) {
            continue;
        }
        let summary = simulate(&program, &plant, SEEDS_MAX)?;
        let found = is_failed(&summary);
        missed += u32::from(!found);
        let verdict = if found { "found after" } else { "NOT FOUND in" };
        say(&format!("{plant:22} {verdict} {} seeds", summary["seeds"]));
    }
    // Why: what is left in the target folder must be what ships.
    let mut ships = Cargo::new(&workspace, rocksdb::ensure(&workspace)?).command("build");
    cargo::finish(ships.args(["--bin", "hamster"]), "cargo build")?;
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs seeds with this plant, or none, until one fails. What came of them.
fn simulate(program: &Path, plant: &str, seeds: u64) -> Outcome<serde_json::Value> {
    let output = Command::new(program)
        .args(["simulate", "--json", "--first", "--base", "1", "--seeds"])
        .arg(seeds.to_string())
        .env("HAMSTER_PLANT", plant)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|error| format!("no summary: {error}: {last}"))
}

fn is_failed(summary: &serde_json::Value) -> bool {
    summary["failed"].as_array().is_some_and(|failed| !failed.is_empty())
}

/// The bugs that can be planted, as `core/src/plant.rs` lists them.
fn plants(workspace: &Workspace) -> Outcome<Vec<String>> {
    let path = workspace.root.join("core/src/plant.rs");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let names = text.lines().filter_map(|line| {
        line.trim().strip_prefix("Self::").and_then(|name| name.strip_suffix(','))
    });
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() { Err(format!("{} lists no plants", path.display())) } else { Ok(names) }
}
