//! `cargo xtask test`: all set-up, one build, the house rules, every test, one last line.
//!
//! Called by people and by `.ci/run`, which reads nothing but the last line and the exit code: it
//! must never say "0 failed" when anything went wrong.

use crate::workspace::Workspace;
use crate::{Outcome, cargo, cargo::Cargo, clients, packages, rocksdb, say, tidy};
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

/// `only`: run the tests and rules whose name holds it.
pub fn run(only: Option<&str>) -> Outcome<ExitCode> {
    let mut phases = Phases::default();
    let mut tally = Tally::default();
    // Why: what stops the run is a failure too, counted beside what passed before it.
    if let Err(reason) = every_phase(only, &mut phases, &mut tally) {
        say(&format!("FAILED: {reason}"));
        tally.failed += 1;
    }
    for (name, took) in &phases.0 {
        say(&format!("{name}: {:.1} s", took.as_secs_f64()));
    }
    if tally.passed + tally.failed == 0 {
        say(&format!("FAILED: nothing is named like {}", only.unwrap_or("a test")));
        tally.failed += 1;
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn every_phase(only: Option<&str>, phases: &mut Phases, tally: &mut Tally) -> Outcome<()> {
    phases.time("packages", || {
        packages::for_build()?;
        packages::for_tests()
    })?;
    let workspace = phases.time("metadata", Workspace::open)?;
    let programs = phases.time("S3 clients", || clients::ensure(&workspace))?;
    let rocksdb = phases.time("RocksDB", || rocksdb::ensure(&workspace))?;
    let cargo = Cargo::new(&workspace, rocksdb);
    phases.time("build", || {
        let mut build = cargo.command("build");
        cargo::finish(build.arg("--all-targets"), "cargo build")
    })?;
    let (kept, broken) = phases.time("tidy", || tidy::check(&workspace, &cargo, only))?;
    tally.passed += kept;
    tally.failed += broken;
    phases.time("tests", || {
        let mut test = cargo.command("test");
        test.arg("--no-fail-fast")
            .env("HAMSTER_CLIENTS", &programs)
            .env("HAMSTER_BIN", workspace.program("hamster"));
        if let Some(name) = only {
            test.args(["--", name]);
        }
        let failed_before = tally.failed;
        let mut child = test
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start cargo test: {error}"))?;
        // Why bytes: a test may print what is not UTF-8, and its result must still be counted.
        for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).split(b'\n'))
        {
            let line = line.map_err(|error| format!("cannot read cargo test: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.read(&line);
        }
        tally.end_of_program();
        let status = child.wait().map_err(|error| format!("cannot await cargo test: {error}"))?;
        if !status.success() && tally.failed == failed_before {
            return Err(format!("cargo test failed ({status}) and counted no failure"));
        }
        Ok(())
    })
}

/// How long each phase took, in order.
#[derive(Default)]
struct Phases(Vec<(&'static str, Duration)>);

impl Phases {
    fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        say(&format!("== {name}"));
        let start = Instant::now();
        let outcome = work();
        self.0.push((name, start.elapsed()));
        outcome
    }
}

/// What the test programs have said so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    /// A program has announced its tests and not yet its result.
    running: bool,
}

impl Tally {
    fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, "passed");
            self.failed += count(result, "failed");
            self.running = false;
        } else if is_announcement(line) {
            self.end_of_program();
            self.running = true;
        }
    }

    /// A program that ends without a result died in a test: an abort, a signal, an exit.
    fn end_of_program(&mut self) {
        if self.running {
            say("FAILED: a test program died before its result; its last lines are above");
            self.failed += 1;
            self.running = false;
        }
    }
}

/// `running 3 tests`
fn is_announcement(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    matches!(words.as_slice(), ["running", count, "test" | "tests"] if count.parse::<u64>().is_ok())
}

/// The number before `word` in `ok. 3 passed; 0 failed; ...`.
fn count(result: &str, word: &str) -> u64 {
    let words: Vec<&str> = result.split([' ', ';']).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> (u64, u64) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally.end_of_program();
        (tally.passed, tally.failed)
    }

    #[test]
    fn results_of_all_programs_are_added_up() {
        let counted = tally(&[
            "running 2 tests",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
            "running 12 tests",
            "test result: FAILED. 11 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out",
        ]);
        assert_eq!(counted, (13, 1));
    }

    #[test]
    fn a_program_that_dies_counts_as_failed() {
        let ok = "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(tally(&["running 1 test", "running 1 test", ok]), (1, 1));
        assert_eq!(tally(&["running 1 test", ok, "running 1 test"]), (1, 1));
    }
}
