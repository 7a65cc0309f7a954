//! `hamster bench list`: what a page of 1,000 entries costs as a bucket grows, flat and with a
//! delimiter, and after most of the bucket was deleted.
//!
//! The story: fill to a hundredth, a tenth and all of the keys, and take pages at random places of
//! each; then delete every key, put a hundredth of them back over the same range, and take pages again.
//! One connection takes the pages, so that a page's time is the server's and the wire's. Every page is
//! counted: one with fewer entries than it must have is an error, not a fast page. The first pages of each
//! measurement are reported apart.

mod bucket;
mod report;

pub use report::Report;

use crate::client::Client;
use crate::endpoint::{Endpoint, NoEndpoint};
use crate::{clock, process};
use bucket::{Bucket, View};
use clap::Args;
use hamster_core::Entropy;
use hdrhistogram::Histogram;
use report::Row;
use std::io;
use std::time::Duration;

/// Entries of a page.
const PAGE: usize = 1000;

/// What to list, and where.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Where, and who signs
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Bucket, made if it is not there; it must be empty
    #[arg(long, default_value = "hamster-list")]
    pub bucket: String,
    /// Keys in the end
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000_000..=10_000_000))]
    pub keys: u32,
    /// Pages of each measurement
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(100..))]
    pub pages: u32,
    /// Connections that fill and empty the bucket
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// Seed of the places
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Process of the server, on this machine: its CPU time is reported
    #[arg(long)]
    pub server_pid: Option<u32>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// See [`NoEndpoint`].
    #[error(transparent)]
    Endpoint(#[from] NoEndpoint),
    /// A request failed.
    #[error("the server: {0}")]
    Server(#[from] io::Error),
    /// A page does not hold what it must.
    #[error(
        "a page of {view} with {keys} keys, behind {after:?}, has {entries} entries, not {PAGE}"
    )]
    ShortPage {
        /// Flat or delimited.
        view: &'static str,
        /// Keys in the bucket.
        keys: usize,
        /// Where the page begins.
        after: String,
        /// What it has.
        entries: usize,
    },
}

/// Fills, lists, empties, lists, and says what it took.
///
/// # Errors
/// A request failed, or a page was not whole.
pub fn run(args: &ListArgs) -> Result<Report, ListError> {
    let (host, endpoint) = (args.endpoint.host()?, &args.endpoint);
    let client = || Client::new(host, endpoint.credentials(), &endpoint.region);
    client().create_bucket(&args.bucket)?;
    let keys = usize::try_from(args.keys).expect("usize has 64 bits");
    let mut bucket = Bucket::new(&args.bucket, usize::from(args.connections));
    let mut report = Report::default();
    let mut measure = |bucket: &Bucket, state: &str| -> Result<(), ListError> {
        for view in View::ALL {
            let client = &mut client();
            // The first pages warm the caches of both sides, and pay for what was deleted.
            let first = pages(args, args.pages / 10, bucket, (view, client), "(the first pages)")?;
            let row = pages(args, args.pages, bucket, (view, client), state)?;
            report.rows.extend([first, row]);
        }
        Ok(())
    };
    for part in [100, 10, 1] {
        bucket.fill(&client, keys / part)?;
        measure(&bucket, "filled")?;
    }
    bucket.empty(&client)?;
    bucket.refill(&client, keys, keys / 100)?;
    measure(&bucket, "after deleting all")?;
    Ok(report)
}

/// Takes so many pages at random places.
fn pages(
    args: &ListArgs,
    count: u32,
    bucket: &Bucket,
    (view, client): (View, &mut Client),
    state: &str,
) -> Result<Row, ListError> {
    let entropy = Entropy::seeded(args.seed);
    let mut latency = Histogram::<u64>::new(3).expect("three digits are fine");
    let cpu = || args.server_pid.and_then(process::cpu_of);
    let (cpu_before, start) = (cpu(), clock::now());
    for _ in 0..count {
        let began = clock::now();
        bucket.page(client, view, &entropy)?;
        let nanos = clock::now().since(began).as_nanos();
        latency += u64::try_from(nanos).unwrap_or(u64::MAX);
    }
    let spent = clock::now().since(start);
    let server_cpu = cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    let entries = f64::from(count) * PAGE as f64;
    let per_second = |duration: Duration| entries / duration.as_secs_f64().max(1e-9);
    Ok(Row {
        state: state.to_owned(),
        view: view.name(),
        keys: bucket.keys(),
        p50_ms: latency.value_at_quantile(0.5) as f64 / 1e6,
        p99_ms: latency.value_at_quantile(0.99) as f64 / 1e6,
        entries_per_second: per_second(spent),
        entries_per_server_cpu_second: server_cpu.map(per_second),
    })
}
