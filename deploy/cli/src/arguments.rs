//! The command line as types: one flat set of commands (`shared/CLI.md` fixes names and flags).
//!
//! Called by `main` only. Holds no behaviour beyond parsing; what a command does is in its file.

use clap::{Arg, ArgMatches, Args, CommandFactory as _, Parser, Subcommand};
use hamster_core::ByteCount;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An S3-compatible, erasure-coded object store in one binary.
#[derive(Parser)]
#[command(name = "hamster", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Every command of the product.
#[derive(Subcommand)]
pub enum Command {
    /// Found a one-node cluster on empty data directories.
    Init(Init),
    /// Run the node of these data directories and serve S3.
    Serve(Serve),
    /// Show node, drives, profile, leader and usage.
    Status(Admin),
    /// Print the metrics of the running node in Prometheus's text format.
    Metrics(Admin),
    /// List the node's drives, or replace one that is gone.
    #[command(subcommand)]
    Drive(Drive),
    /// Verify what is stored and rebuild what is missing or rotten; without --now: how far it is.
    Scrub(Scrub),
    /// Add, list or remove users of the cluster.
    #[command(subcommand)]
    User(User),
    /// Create, list or revoke their access keys.
    #[command(subcommand)]
    Key(Key),
    /// Measure: load on any S3 endpoint, or what a device and a core can do.
    Bench(hamster_bench::BenchArgs),
    /// Run the node in a simulated world, with clients and faults that follow from a seed.
    Simulate(hamster_bench::simulate::SimulateArgs),
    /// Print the version.
    Version,
    /// Show every command on one screen.
    Help,
    #[command(flatten)]
    Later(Later),
}

/// Commands whose names are fixed already and that come with later work.
#[derive(Subcommand)]
pub enum Later {
    /// Print a join token (not in this version).
    Token(Rest),
    /// Join a cluster (not in this version).
    Join(Rest),
    /// Report what this machine carries (not in this version).
    Capacity(Rest),
    /// Move everything off a node (not in this version).
    Drain(Rest),
    /// Take a node back into use (not in this version).
    Undrain(Rest),
    /// Remove a node (not in this version).
    Remove(Rest),
    /// Re-encode to the current profile (not in this version).
    Optimize(Rest),
    /// Encrypt what is stored (not in this version).
    Encrypt(Rest),
    /// Rotate the encryption key (not in this version).
    RotateKey(Rest),
    /// Rotate the cluster's certificate authority (not in this version).
    RotateCa(Rest),
    /// May this node stop? (not in this version).
    CanStop(Rest),
    /// Recover a cluster that lost its quorum (not in this version).
    Recover(Rest),
}

impl Later {
    /// Its name, as typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Join(_) => "join",
            Self::Capacity(_) => "capacity",
            Self::Drain(_) => "drain",
            Self::Undrain(_) => "undrain",
            Self::Remove(_) => "remove",
            Self::Optimize(_) => "optimize",
            Self::Encrypt(_) => "encrypt",
            Self::RotateKey(_) => "rotate-key",
            Self::RotateCa(_) => "rotate-ca",
            Self::CanStop(_) => "can-stop",
            Self::Recover(_) => "recover",
        }
    }
}

/// Flags of `serve` whose names are fixed already and that come with later work. Why they are read
/// at all: a script that gives one is told which, not that it cannot write.
const LATER_FLAGS: [&str; 7] =
    ["token", "zone", "host", "capacity", "replaces", "admin", "new-master-key-file"];

/// The command line as it is read: [`Arguments`], and the flags of later work.
pub fn definition() -> clap::Command {
    let later = |flag| Arg::new(flag).long(flag).hide(true).num_args(0..=1);
    Arguments::command().mut_subcommand("serve", |serve| serve.args(LATER_FLAGS.map(later)))
}

/// The first flag of later work that was given.
pub fn later_flag(read: &ArgMatches) -> Option<&'static str> {
    let serve = read.subcommand_matches("serve")?;
    LATER_FLAGS.into_iter().find(|flag| serve.contains_id(flag))
}

/// Whatever stands behind a command that is not in this version.
#[derive(Args)]
pub struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<OsString>,
}

/// `hamster init`.
#[derive(Args)]
pub struct Init {
    /// An empty directory for one drive; repeat it for every drive.
    #[arg(long = "data-dir", required = true, value_name = "DIR")]
    pub data_dirs: Vec<PathBuf>,
    /// Name of the cluster.
    #[arg(long, default_value = "hamster")]
    pub cluster: String,
    /// Name of this node.
    #[arg(long, default_value = "n1")]
    pub node: String,
    /// Where other nodes and commands reach this one.
    #[arg(long, default_value = "127.0.0.1:7946", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Failure zone (default: the host).
    #[arg(long)]
    pub zone: Option<String>,
    /// Name of the machine (default: detected).
    #[arg(long)]
    pub host: Option<String>,
    /// Capacity of each drive for placement, e.g. 4TiB (0: all drives count alike).
    #[arg(long, default_value = "0", value_parser = parse_bytes)]
    pub capacity: ByteCount,
}

/// `hamster serve`.
#[derive(Args)]
pub struct Serve {
    /// A data directory of this node; repeat it for every drive.
    #[arg(long = "data-dir", required = true, value_name = "DIR")]
    pub data_dirs: Vec<PathBuf>,
    /// Name of this node (default: as founded).
    #[arg(long)]
    pub node: Option<String>,
    /// Where other nodes and commands reach this one (default: as founded).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where S3 clients reach this one.
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDRESS")]
    pub s3: SocketAddr,
    /// Serve no S3 here.
    #[arg(long)]
    pub no_s3: bool,
    /// Certificate chain (PEM) for S3 over https.
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Region that clients sign for.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// Domain for virtual-hosted buckets: BUCKET.DOMAIN.
    #[arg(long)]
    pub domain: Option<String>,
    /// Users besides root, as TOML: [[user]] id, name, access_key, secret_key, root.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Master keys that seal the secrets of access keys, a line each: NAME:64-hexadecimal-digits. The
    /// first one seals, all open; NAME:lost for one that is gone. Outside the data directories, mode
    /// 0600.
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// CPU cores to use (default: all that this process may run on).
    #[arg(long)]
    pub cores: Option<u16>,
    /// Bound on the memory of buffers and caches, e.g. 8GiB (default: half of the machine's).
    #[arg(long, value_parser = parse_bytes)]
    pub memory: Option<ByteCount>,
}

/// Commands that ask the running node.
#[derive(Args)]
pub struct Admin {
    /// A data directory of the node: its certificate authenticates the command.
    #[arg(long = "data-dir", required = true, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Ask the node at this address (default: the one of the data directory).
    #[arg(long, value_name = "ADDRESS")]
    pub addr: Option<SocketAddr>,
}

/// `hamster drive`.
#[derive(Subcommand)]
pub enum Drive {
    /// List the node's drives.
    List(Admin),
    /// Have an empty directory take the place of a drive that is gone, while the node serves.
    Replace(ReplaceDrive),
}

/// `hamster drive replace`.
#[derive(Args)]
pub struct ReplaceDrive {
    #[command(flatten)]
    pub admin: Admin,
    /// The drive that is gone: its number, or its directory, in which the new one is mounted
    /// now.
    #[arg(long, value_name = "NUMBER|DIR")]
    pub drive: String,
}

/// `hamster scrub`.
#[derive(Args)]
pub struct Scrub {
    #[command(flatten)]
    pub admin: Admin,
    /// Verify everything now, and wait until that is done.
    #[arg(long)]
    pub now: bool,
    /// Read at most so much per second, e.g. 100MiB (default: no bound).
    #[arg(long, requires = "now", value_parser = parse_rate)]
    pub rate: Option<ByteCount>,
}

/// `hamster user`.
#[derive(Subcommand)]
pub enum User {
    /// Add a user; its canonical id is drawn.
    Add(AddUser),
    /// List the users of the cluster.
    List(Admin),
    /// Remove a user who has no access key and owns no bucket.
    Remove(ChooseUser),
}

/// `hamster user add`.
#[derive(Args)]
pub struct AddUser {
    #[command(flatten)]
    pub admin: Admin,
    /// Its name, as S3 shows it.
    #[arg(long)]
    pub name: String,
}

/// `hamster user remove`, `hamster key create`.
#[derive(Args)]
#[group(skip)]
pub struct ChooseUser {
    #[command(flatten)]
    pub admin: Admin,
    /// The user's name.
    #[arg(long, conflicts_with = "id", required_unless_present = "id")]
    pub name: Option<String>,
    /// The user's canonical id.
    #[arg(long)]
    pub id: Option<String>,
}

/// `hamster key`.
#[derive(Subcommand)]
pub enum Key {
    /// Create an access key of a user. Its secret is shown once.
    Create(ChooseUser),
    /// List access keys.
    List(ListKeys),
    /// Revoke an access key: from then on nobody signs with it.
    Revoke(RevokeKey),
}

/// `hamster key list`.
#[derive(Args)]
pub struct ListKeys {
    #[command(flatten)]
    pub admin: Admin,
    /// Only those of the user of this name.
    #[arg(long, conflicts_with = "id")]
    pub name: Option<String>,
    /// Only those of the user of this canonical id.
    #[arg(long)]
    pub id: Option<String>,
}

/// `hamster key revoke`.
#[derive(Args)]
pub struct RevokeKey {
    #[command(flatten)]
    pub admin: Admin,
    /// The access key.
    #[arg(long, value_name = "ACCESS_KEY")]
    pub id: String,
}

/// Accepts Go-style long flags: `-data-dir` reads as `--data-dir`.
pub fn with_double_dashes(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    arguments
        .map(|argument| match argument.to_str() {
            Some(text) if is_go_flag(text) => OsString::from(format!("-{text}")),
            _ => argument,
        })
        .collect()
}

fn is_go_flag(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else { return false };
    name.len() > 1 && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Bytes per second: no rate at all is no rate.
fn parse_rate(text: &str) -> Result<ByteCount, String> {
    match parse_bytes(text)? {
        ByteCount::ZERO => Err("a rate of 0 never ends: leave --rate out for no bound".into()),
        rate => Ok(rate),
    }
}

/// A number of bytes, with an optional unit: `512`, `64MiB`, `4TB` (decimal), `4T` (binary).
fn parse_bytes(text: &str) -> Result<ByteCount, String> {
    const UNITS: [(&str, u64); 13] = [
        ("", 1),
        ("b", 1),
        ("k", 1 << 10),
        ("kib", 1 << 10),
        ("kb", 1_000),
        ("m", 1 << 20),
        ("mib", 1 << 20),
        ("mb", 1_000_000),
        ("g", 1 << 30),
        ("gib", 1 << 30),
        ("gb", 1_000_000_000),
        ("tib", 1 << 40),
        ("tb", 1_000_000_000_000),
    ];
    let remedy =
        || format!("'{text}' is no size: write a number and a unit, such as 512MiB or 4TiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| remedy())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(remedy)?;
    number.checked_mul(*scale).map(ByteCount::new).ok_or_else(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_style_flags_are_long_flags() {
        let typed = ["serve", "-data-dir", "./data", "--s3", "-h", "-1", "-"];
        let read = with_double_dashes(typed.iter().map(OsString::from));
        assert_eq!(read, ["serve", "--data-dir", "./data", "--s3", "-h", "-1", "-"]);
    }

    #[test]
    fn the_quick_start_of_the_original_parses() {
        let typed = ["hamster", "init", "-data-dir", "./data"];
        let read = with_double_dashes(typed.iter().map(OsString::from));
        let parsed = Arguments::try_parse_from(read).expect("the quick start parses");
        assert!(matches!(parsed.command, Command::Init(init) if init.node == "n1"));
    }

    #[test]
    fn flags_of_later_work_are_read_and_named() {
        let given = |flags: &[&str]| {
            let typed = [&["hamster", "serve", "-data-dir", "d"], flags].concat();
            let read = with_double_dashes(typed.iter().map(OsString::from));
            later_flag(&definition().try_get_matches_from(read).expect("it is read"))
        };
        assert_eq!(given(&["--cores", "1"]), None);
        for flag in LATER_FLAGS {
            assert_eq!(given(&[&format!("--{flag}"), "value"]), Some(flag));
            assert_eq!(given(&[&format!("-{flag}"), "--no-s3"]), Some(flag));
        }
    }

    #[test]
    fn sizes_need_a_known_unit() {
        assert_eq!(parse_bytes("64MiB"), Ok(ByteCount::mib(64)));
        assert_eq!(parse_bytes("0"), Ok(ByteCount::ZERO));
        assert!(parse_rate("0").is_err() && parse_rate("1KiB").is_ok());
        for bad in ["", "MiB", "12parsec", "99999999999TiB", "-1"] {
            assert!(parse_bytes(bad).is_err(), "{bad} was read as a size");
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }
}
