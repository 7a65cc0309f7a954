//! What `serve` says once it serves: what runs, what it survives, what bounds it.

use crate::boot::BootedCore;
use crate::config::ServeConfig;
use crate::memory::Memory;
use crate::status::{drives_phrase, of};
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::LANES_PER_NODE;
use std::io::{Write as _, stdout};

/// What the node runs on.
pub struct Machine {
    /// What the kernel can do, a line each.
    pub kernel: Vec<String>,
    /// One for each core.
    pub cpus: Vec<usize>,
}

/// Says it on standard output: people's lines, or one line of JSON.
pub fn serving(config: &ServeConfig, memory: &Memory, machine: &Machine, booted: &BootedCore) {
    let Machine { kernel, cpus } = machine;
    let status = of(booted, memory.cores);
    if config.json {
        let line = serde_json::json!({
            "serving": status,
            "s3": config.s3,
            "region": config.region,
            "memory_bytes": memory.total().get(),
            "cpus": cpus,
            "lanes": LANES_PER_NODE,
            "kernel": kernel,
        });
        say(&line.to_string());
        return;
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    say(&format!(
        "hamster {} serves cluster {} as node {}",
        status.version, status.cluster, status.node
    ));
    match config.s3 {
        Some(address) => say(&format!("s3       {scheme}://{address} (region {})", config.region)),
        None => say("s3       not served here"),
    }
    say(&format!("cores    {} on CPUs {cpus:?}, {LANES_PER_NODE} lanes", memory.cores));
    say(&format!(
        "drives   {} of this node, out of service: {:?}",
        status.drives.len(),
        out_of_service(booted)
    ));
    say(&format!(
        "profile  {}: survives {}",
        status.profile,
        drives_phrase(status.survives_drives)
    ));
    if status.degraded {
        say(&format!(
            "degraded written before the loss: survives {}",
            drives_phrase(status.survives_drives_old)
        ));
    }
    say(&format!(
        "memory   at most {}: per core {} buffers, {} reads, {} index, {} connections; {} metadata",
        memory.total(),
        memory.buffers,
        memory.reads.total(),
        memory.index,
        memory.connections,
        memory.metadata
    ));
    for line in kernel {
        say(&format!("kernel   {line}"));
    }
}

fn out_of_service(booted: &BootedCore) -> Vec<DriveOrdinal> {
    let table = &booted.boot.table;
    table.ordinals().filter(|ordinal| !table.in_service(*ordinal)).collect()
}

/// Prints a line. Why errors are ignored: a reader of the output that has gone (`| head`) is no
/// reason to end a storage server.
fn say(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
}
