//! Everything that drives Hamster from outside: the load generator, the device probe, and the
//! pieces that end-to-end tests are made of.
//!
//! Called by the binary (`hamster bench ...`) and by tests. It speaks to servers through sockets
//! and processes only, and so measures other S3 servers as well. It stands outside of the seam: it
//! reads the system's clock, runs threads and may use libc; nothing in the product may call it.

pub mod client;
pub mod clock;
pub mod load;
pub mod process;
pub mod sign;

use clap::{Args, Subcommand};
use std::process::ExitCode;

/// `hamster bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum BenchCommand {
    /// Send S3 requests and report rates and latencies
    Load(load::LoadArgs),
}

/// Runs a measurement and prints what it found. Exit code 1: it failed, or requests did.
pub fn run(args: BenchArgs) -> ExitCode {
    match args.command {
        BenchCommand::Load(args) => run_load(&args),
    }
}

fn run_load(args: &load::LoadArgs) -> ExitCode {
    match load::run(args) {
        Ok(report) => {
            match args.json {
                true => println!("{}", serde_json::json!(report)),
                false => print!("{report}"),
            }
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("hamster bench load: {error}");
            ExitCode::FAILURE
        }
    }
}
