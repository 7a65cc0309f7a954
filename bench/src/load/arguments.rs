//! The generator's flags.

use super::order::Mix;
use crate::endpoint::Endpoint;
use clap::{Args, ValueEnum};
use hamster_core::ByteCount;

/// Which requests to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// PutObject.
    Put,
    /// GetObject.
    Get,
    /// ListObjectsV2.
    List,
    /// As `--mix` says.
    Mixed,
}

/// How bodies are signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Payload {
    /// By their SHA-256, computed beforehand.
    Signed,
    /// Not at all (`UNSIGNED-PAYLOAD`).
    Unsigned,
}

/// What to send, where and how fast.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// Where, and who signs
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Bucket, made if it is not there; nothing else may use it
    #[arg(long, default_value = "hamster-bench")]
    pub bucket: String,
    /// Requests to send
    #[arg(long, value_enum, default_value = "get")]
    pub operation: Kind,
    /// Percentages for `--operation mixed`
    #[arg(long, default_value = "put=25,get=70,list=5")]
    pub mix: Mix,
    /// Bytes of an object (KiB, MiB and GiB are understood)
    #[arg(long, default_value = "4KiB", value_parser = parse_size)]
    pub size: ByteCount,
    /// Objects of the data set; PUTs go through them in a circle
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub objects: u32,
    /// Connections, over all threads
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// Threads of the generator
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Requests per second, open loop; 0: as fast as the server answers, closed loop
    #[arg(long, default_value_t = 0)]
    pub rate: u32,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub duration: u64,
    /// Seconds before those
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub warm_up: u64,
    /// How PUT bodies are signed
    #[arg(long, value_enum, default_value = "signed")]
    pub payload: Payload,
    /// Keys on a page of a listing
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub list_keys: u16,
    /// Seed of bodies and draws
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Seconds after which a request is given up
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// The data set is there already, from the same seed
    #[arg(long)]
    pub no_prepare: bool,
    /// Process of the server, on this machine: its CPU time is reported
    #[arg(long)]
    pub server_pid: Option<u32>,
}

/// `4096`, `4KiB`, `1MiB`, `2GiB`; K, M and G alone mean the same.
fn parse_size(text: &str) -> Result<ByteCount, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("no size {text}"))?;
    let shift = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return Err(format!("no unit {unit}")),
    };
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes <= 5 << 30);
    bytes.map(ByteCount::new).ok_or_else(|| "a PUT takes 5 GiB at most".to_owned())
}
