//! `hamster bench device`: what this drive and one core of this machine can do, so that every
//! figure of the product has its ceiling beside it.
//!
//! Called by people who size machines, and before a load run. Files go into one new file of a given
//! directory, removed at the end; about 20 seconds and 1 GiB in all.

mod drive;
mod processor;
mod windows;

use clap::Args;
use serde::Serialize;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where to measure.
#[derive(Clone, Debug, Args)]
pub struct DeviceArgs {
    /// Directory on the drive to be measured; gets a file of 1 GiB for the time being
    #[arg(long)]
    pub dir: PathBuf,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The directory or its drive.
    #[error("{0}: {1}")]
    Drive(PathBuf, io::Error),
    /// The kernel lacks what Hamster needs.
    #[error(transparent)]
    Runtime(#[from] hamster_core::uring::runtime::RuntimeError),
}

/// Everything measured.
#[derive(Serialize, Debug)]
pub struct DeviceReport {
    /// The processor's own name, and the instructions of it that matter here.
    pub processor: String,
    /// The directory measured.
    pub directory: PathBuf,
    /// In the order of measuring.
    pub lines: Vec<Line>,
}

/// One thing measured.
#[derive(Serialize, Debug)]
pub struct Line {
    /// What was done.
    pub what: String,
    /// Of `best` and `median`: `GB/s` (10^9), `MB/s` (10^6) or `/s`.
    pub unit: &'static str,
    /// In the best window: what the hardware can do.
    pub best: f64,
    /// In the median window: what it did with whatever else went on.
    pub median: f64,
    /// Of single operations, in microseconds, where they were timed.
    pub p50_us: Option<f64>,
    /// See `p50_us`.
    pub p99_us: Option<f64>,
}

/// Measures the processor on the calling thread, then the drive on a core of its own.
///
/// # Errors
/// See [`DeviceError`].
pub fn run(args: &DeviceArgs) -> Result<DeviceReport, DeviceError> {
    let mut lines = processor::measure();
    lines.extend(drive::measure(&args.dir)?);
    Ok(DeviceReport { processor: processor::name(), directory: args.dir.clone(), lines })
}

impl fmt::Display for DeviceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.processor)?;
        writeln!(
            f,
            "{:<42} {:>10} {:>10} {:<5} {:>9} {:>9}",
            self.directory.display(),
            "best",
            "median",
            "",
            "p50 us",
            "p99 us"
        )?;
        for line in &self.lines {
            let Line { what, unit, best, median, .. } = line;
            let digits = if *best < 1000.0 { 2 } else { 0 };
            write!(f, "{what:<42} {best:>10.digits$} {median:>10.digits$} {unit:<5}")?;
            match line.p50_us.zip(line.p99_us) {
                Some((p50, p99)) => writeln!(f, " {p50:>9.0} {p99:>9.0}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
