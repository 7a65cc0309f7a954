//! What `serve` says once it serves: what runs, what it survives, what bounds it.

use crate::boot::BootedCore;
use crate::config::ServeConfig;
use crate::memory::Memory;
use crate::serve::out_of_service;
use crate::status::{drives_phrase, of};
use hamster_core::limits::LANES_PER_NODE;

/// Says it on standard output: people's lines, or one line of JSON.
pub fn serving(
    config: &ServeConfig,
    memory: &Memory,
    kernel: &[String],
    cpus: &[usize],
    booted: &BootedCore,
) {
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
        println!("{line}");
        return;
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    println!(
        "hamster {} serves cluster {} as node {}",
        status.version, status.cluster, status.node
    );
    match config.s3 {
        Some(address) => println!("s3       {scheme}://{address} (region {})", config.region),
        None => println!("s3       not served here"),
    }
    println!("cores    {} on CPUs {cpus:?}, {LANES_PER_NODE} lanes", memory.cores);
    println!(
        "drives   {} of this node, out of service: {:?}",
        status.drives.len(),
        out_of_service(booted)
    );
    println!("profile  {}: survives {}", status.profile, drives_phrase(status.survives_drives));
    if status.degraded {
        println!(
            "degraded written before the loss: survives {}",
            drives_phrase(status.survives_drives_old)
        );
    }
    println!(
        "memory   at most {}: per core {} buffers, {} read cache, {} connections; {} metadata",
        memory.total(),
        memory.buffers,
        memory.cache,
        memory.connections,
        memory.metadata
    );
    for line in kernel {
        println!("kernel   {line}");
    }
}
