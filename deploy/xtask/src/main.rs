//! `cargo xtask up|test|tidy|mutants`: the README's two commands, the house rules, and the test of the
//! simulator.
//!
//! Called by people and by `.ci/run`. It is no part of the product: it may use processes, files and
//! the clock, and must never be depended upon by a product crate.
#![expect(clippy::disallowed_methods, reason = "it times its phases and is not behind the seam")]

mod cargo;
mod clients;
mod mutants;
mod packages;
mod rocksdb;
mod test;
mod tidy;
mod up;
mod workspace;

use std::process::ExitCode;

/// What went wrong and how to mend it, in words for the terminal.
type Outcome<T> = Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  up                  install what the build needs, build for release, found ./data, serve it
  test [--only NAME]  set up what the tests need, run them all (or those whose name holds NAME)
  mutants [--only NAME]
                      plant known bugs, and count the seeds that find them
  tidy [--only NAME]  check the house rules: format, lints, arrows, seam, headers, sizes, licences";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["up"] => up::run(),
        ["test"] => test::run(None),
        ["test", "--only", name] => test::run(Some(name)),
        ["mutants"] => mutants::run(None),
        ["mutants", "--only", name] => mutants::run(Some(name)),
        ["tidy"] => tidy::run(None),
        ["tidy", "--only", name] => tidy::run(Some(name)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(exit) => exit,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One line on what happens now. On stdout, so that it stays in order with the tests' output.
fn say(line: &str) {
    println!("xtask: {line}");
}
