//! The seam (DESIGN.md section 2): kernel, files, time, threads and random order come through
//! core's handles, or the simulator runs something other than what ships.
//!
//! Tests, `bench` and this tool drive the product from outside and are exempt.

use super::{Finding, House, source::SourceFile};
use crate::Outcome;

const RULE: &str = "seam";
const BACKEND: &str = "core/src/uring/";

/// The source of what ships.
const PRODUCT: &[&str] = &[
    "core/src/",
    "net/src/",
    "shard/src/",
    "meta/src/",
    "s3/src/",
    "deploy/node/src/",
    "deploy/cli/src/",
];

/// A path that only `allowed` may name, and what to use instead.
struct Ban {
    path: &'static str,
    allowed: &'static [&'static str],
    remedy: &'static str,
}

const KERNEL: &str = "only core/src/uring talks to the kernel: use core's handles";
const FILES: &str = "files go through core's Disk";
const SOCKETS: &str = "connections go through core's Network";
const TIME: &str = "time comes from core's Clock";
const THREADS: &str = "threads come from core's Runtime";
const CHANCE: &str = "randomness comes from core's Entropy";
const ORDER: &str = "its order is random: use core's Map and Set, or a BTreeMap";
const FIXED_HASH: &[&str] = &["core/src/map.rs"];
const ROCKS: &[&str] = &["meta/src/rocks/", "meta/src/rocks.rs"];

/// Generators that are seeded from core's entropy.
const SEEDED: &[&str] = &["core/src/entropy.rs", "meta/src/raft/runtime.rs"];

const BANS: &[Ban] = &[
    Ban { path: "glommio", allowed: &[], remedy: KERNEL },
    Ban { path: "io_uring", allowed: &[], remedy: KERNEL },
    Ban { path: "libc", allowed: &[], remedy: KERNEL },
    Ban { path: "std::fs", allowed: ROCKS, remedy: FILES },
    Ban { path: "std::net::TcpListener", allowed: &[], remedy: SOCKETS },
    Ban { path: "std::net::TcpStream", allowed: &[], remedy: SOCKETS },
    Ban { path: "std::net::UdpSocket", allowed: &[], remedy: SOCKETS },
    Ban { path: "Instant::now", allowed: &[], remedy: TIME },
    Ban { path: "SystemTime::now", allowed: &[], remedy: TIME },
    Ban { path: "thread::sleep", allowed: &[], remedy: TIME },
    Ban { path: "thread::spawn", allowed: &[], remedy: THREADS },
    Ban { path: "thread::scope", allowed: &[], remedy: THREADS },
    Ban { path: "thread::Builder", allowed: &[], remedy: THREADS },
    Ban { path: "rand", allowed: SEEDED, remedy: CHANCE },
    Ban { path: "getrandom", allowed: &[], remedy: CHANCE },
    Ban { path: "HashMap", allowed: FIXED_HASH, remedy: ORDER },
    Ban { path: "HashSet", allowed: FIXED_HASH, remedy: ORDER },
];

/// Every file of the product.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    Ok(house.files.iter().flat_map(file).collect())
}

fn file(file: &SourceFile) -> Vec<Finding> {
    let product = PRODUCT.iter().any(|folder| file.path.starts_with(folder));
    let tests = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    if !file.is_rust() || !product || tests || file.path.starts_with(BACKEND) {
        return Vec::new();
    }
    let imports = file.imports();
    let mut findings = Vec::new();
    for ban in BANS {
        if ban.allowed.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        let mut lines = file.lines_with(ban.path);
        // Why: `use std::{fs, io}` never writes `std::fs`.
        let inside = format!("{}::", ban.path);
        let grouped = imports.iter().filter(|(_, path)| {
            parts(path).ends_with(&parts(ban.path))
                || path.starts_with(&inside)
                || path.contains(&format!("::{inside}"))
        });
        lines.extend(grouped.map(|(line, _)| *line));
        lines.sort_unstable();
        lines.dedup();
        findings.extend(lines.into_iter().map(|line| Finding {
            place: format!("{}:{line}", file.path),
            rule: RULE,
            what: format!("names {}", ban.path),
            remedy: ban.remedy,
        }));
    }
    findings
}

fn parts(path: &str) -> Vec<&str> {
    path.split("::").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        let findings = file(&SourceFile::new(path, text.to_owned()));
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn going_around_the_seam_is_caught() {
        let samples = [
            "use glommio::Task;",
            "fn a() { libc::getpid(); }",
            "use std::{fs, io};",
            "use std::{io, fs::{self, File}};",
            "fn a() { std::fs::read(\"a\"); }",
            "fn a() { std::time::Instant::now(); }",
            "fn a() { SystemTime::now(); }",
            "fn a() { thread::spawn(run); }",
            "fn a() { rand::rng(); }",
            "use std::net::{IpAddr, TcpStream};",
            "use std::collections::{BTreeMap, HashMap};",
        ];
        for sample in samples {
            assert_eq!(places("s3/src/put.rs", sample), ["s3/src/put.rs:1"], "{sample}");
        }
    }

    #[test]
    fn each_place_has_its_own_allowance() {
        let files = "use std::fs;";
        assert!(places("core/src/uring/disk.rs", files).is_empty());
        assert!(places("meta/src/rocks/open.rs", files).is_empty());
        assert_eq!(places("meta/src/apply.rs", files).len(), 1);
        assert_eq!(places("meta/src/rocks/open.rs", "use libc::open;").len(), 1);
        assert!(places("bench/src/device.rs", files).is_empty());
        assert!(places("shard/tests/loss.rs", files).is_empty());
        assert!(places("shard/src/log.rs", "#[cfg(test)]\nmod tests { use std::fs; }").is_empty());
    }

    #[test]
    fn words_about_it_are_not_uses_of_it() {
        assert!(places("core/src/disk.rs", "//! Unlike std::fs, glommio opens.").is_empty());
    }
}
