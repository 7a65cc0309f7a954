//! Everything that drives Hamster from outside: the load generator, the device probe, and the
//! pieces that end-to-end tests are made of.
//!
//! Called by the binary (`hamster bench ...`, `hamster simulate`) and by tests. It speaks to servers through sockets
//! and processes only, and so measures other S3 servers as well. It stands outside of the seam: it
//! reads the system's clock, runs threads and may use libc; nothing in the product may call it.

pub mod client;
pub mod clock;
pub mod cluster;
pub mod device;
pub mod endpoint;
pub mod listing;
pub mod load;
pub mod process;
pub mod sign;
pub mod simulate;

use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Display;
use std::process::ExitCode;

/// `hamster bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum BenchCommand {
    /// Measure what this drive and one core can do
    Device(device::DeviceArgs),
    /// Send S3 requests and report rates and latencies
    Load(load::LoadArgs),
    /// Take pages of listings as a bucket grows to a million keys, and after they were deleted
    List(listing::ListArgs),
}

/// Runs a measurement and prints what it found, as a table or as JSON. Exit code 1: it failed, or requests did.
pub fn run(args: BenchArgs, json: bool) -> ExitCode {
    match args.command {
        BenchCommand::Device(args) => {
            let report = device::run(&args).map(|report| (report, true));
            answer("device", report, json)
        }
        BenchCommand::List(args) => {
            let report = listing::run(&args).map(|report| (report, true));
            answer("list", report, json)
        }
        BenchCommand::Load(args) => {
            let report = load::run(&args).map(|report| {
                let clean = report.is_clean();
                (report, clean)
            });
            answer("load", report, json)
        }
    }
}

/// Prints a report, and whether it is a clean one.
fn answer<R: Serialize + Display, E: Display>(
    command: &str,
    report: Result<(R, bool), E>,
    json: bool,
) -> ExitCode {
    match report {
        Ok((report, clean)) => {
            match json {
                true => println!("{}", serde_json::json!(report)),
                false => print!("{report}"),
            }
            if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("hamster bench {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
