//! The house rules, one per file. `cargo xtask tidy` prints what breaks them; `cargo xtask test`
//! counts each as a test. A rule must never change a file.

mod arrows;
mod headers;
mod licences;
mod seam;
mod size;
mod source;
mod tools;
mod top_level;
mod words;

use crate::{Outcome, cargo::Cargo, packages, rocksdb, say, workspace::Workspace};
use source::SourceFile;
use std::fmt;
use std::process::ExitCode;

/// One broken rule, at one place.
#[derive(Debug)]
struct Finding {
    /// Path from the root, and the line where there is one.
    place: String,
    rule: &'static str,
    what: String,
    remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}: {}; {}", self.place, self.rule, self.what, self.remedy)
    }
}

/// All that a rule may look at.
struct House<'a> {
    workspace: &'a Workspace,
    cargo: &'a Cargo<'a>,
    files: Vec<SourceFile>,
}

type Rule = fn(&House) -> Outcome<Vec<Finding>>;

/// Quick ones first: they answer in a second, the lints in minutes.
const RULES: &[(&str, Rule)] = &[
    ("format", tools::format),
    ("arrows", arrows::check),
    ("seam", seam::check),
    ("headers", headers::check),
    ("size", size::check),
    ("words", words::check),
    ("top_level", top_level::check),
    ("licences", licences::check),
    ("lints", tools::lints),
];

/// `cargo xtask tidy`.
pub fn run(only: Option<&str>) -> Outcome<ExitCode> {
    packages::for_build()?;
    packages::for_tests()?;
    let workspace = Workspace::open()?;
    let cargo = Cargo::new(&workspace, rocksdb::ensure(&workspace)?);
    let (passed, failed) = check(&workspace, &cargo, only)?;
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks every rule whose name `tidy::RULE` holds `only`; answers how many hold and how many not.
pub fn check(workspace: &Workspace, cargo: &Cargo, only: Option<&str>) -> Outcome<(u64, u64)> {
    let house = House { workspace, cargo, files: source::load(&workspace.root)? };
    let (mut passed, mut failed) = (0, 0);
    for (name, rule) in RULES {
        let name = format!("tidy::{name}");
        if only.is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let findings = rule(&house)?;
        for finding in &findings {
            println!("{finding}");
        }
        let verdict = if findings.is_empty() { "ok" } else { "FAILED" };
        say(&format!("{name} ... {verdict}"));
        if findings.is_empty() { passed += 1 } else { failed += 1 }
    }
    Ok((passed, failed))
}
