//! Many records on a real drive: what of the index is in memory, and how long a start takes.
//!
//! HAMSTER_RECORDS: how many bodies of one byte (default 100,000). HAMSTER_SCALE_DIR: where the drive
//! is made (default: the directory for temporary files).

mod cluster;

use bytes::Bytes;
use cluster::{setting, superblock, tell};
use hamster_core::ids::{DataId, DriveOrdinal};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{ByteCount, Core, Queue, mesh};
use hamster_shard::drive;
use hamster_shard::{DriveTable, Location, OpenDrive, Plan, ReadMemory, Shards, open};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Whatever the number of records: the index in memory, buffers and the program.
const RESIDENT_MAX: ByteCount = ByteCount::mib(512);
const WRITERS: u64 = 512;
/// Bodies that are read back.
const SAMPLES: u64 = 1000;

/// Their data ids follow from their number: none is remembered.
fn plan(number: u64) -> Plan {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    let targets = vec![DriveOrdinal::new(0)];
    Plan { data: DataId::from_bytes(id), k: 1, m: 0, slice_bytes: 16 << 10, targets }
}

fn body(number: u64) -> Bytes {
    Bytes::copy_from_slice(&[number.to_be_bytes()[7] ^ 0x5a])
}

/// Opens the drive; returns how long that took, too.
async fn start(core: &Core, path: &Path) -> (Shards, Duration) {
    let directory = core.disk().directory(path).await.expect("there");
    let drives = vec![OpenDrive { directory, superblock: superblock(0) }];
    let table = Arc::new(DriveTable::new([DriveOrdinal::new(0)], []));
    let begun = core.clock().now();
    let port = mesh::ports(1).remove(0);
    let opened = open(core, drives, table, port, 1, ReadMemory::default()).await;
    (opened.expect("opens"), core.clock().now().since(begun))
}

/// Of this process, now.
fn resident() -> ByteCount {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kib = line.trim().trim_end_matches(" kB").parse().expect("a number");
    ByteCount::kib(kib)
}

/// Bodies that were written, by their numbers.
type Samples = Vec<(u64, Rc<Location>)>;

/// Writes them; returns some of them, spread over all, and what the slowest of all took.
async fn write_all(core: &Core, shards: &Shards, records: u64) -> (Samples, Duration) {
    let step = (records / SAMPLES).max(1);
    let writers = (0..WRITERS).map(|writer| {
        let (shards, clock) = (shards.clone(), core.clock().clone());
        core.spawn(Queue::Requests, async move {
            let (mut samples, mut slowest) = (Samples::new(), Duration::ZERO);
            let mut number = writer;
            while number < records {
                let begun = clock.now();
                let receipt = shards.write_small(plan(number), body(number)).await;
                slowest = slowest.max(clock.now().since(begun));
                let location = receipt.expect("the drive is well").into_location();
                if number.is_multiple_of(step) {
                    samples.push((number, Rc::new(location)));
                }
                number += WRITERS;
            }
            (samples, slowest)
        })
    });
    let (mut samples, mut slowest) = (Samples::new(), Duration::ZERO);
    for writer in writers.collect::<Vec<_>>() {
        let (some, took) = writer.await.expect("runs to its end");
        samples.extend(some);
        slowest = slowest.max(took);
    }
    (samples, slowest)
}

async fn read_back(shards: &Shards, samples: &Samples) {
    for (number, location) in samples {
        let mut reader = shards.read(Rc::clone(location), 0..1);
        let read = reader.next().await.expect("one byte").expect("readable");
        assert_eq!(read[..], body(*number)[..], "body {number}");
    }
}

#[test]
fn memory_does_not_grow_with_the_number_of_records() {
    let records = setting("HAMSTER_RECORDS", 100_000);
    let made = match std::env::var_os("HAMSTER_SCALE_DIR") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = made.expect("a directory");
    let path = folder.path().join("d0");
    let cpus = available_cpus().expect("some");
    let main = move |core: Core| {
        let path = path.clone();
        async move {
            let directory = core.disk().create_directory(&path).await.expect("made");
            drive::format(&directory, &superblock(0)).await.expect("empty");
            let (shards, _) = start(&core, &path).await;
            let begun = core.clock().now();
            let (samples, slowest) = write_all(&core, &shards, records).await;
            let (wrote, holds) = (core.clock().now().since(begun), resident());
            read_back(&shards, &samples).await;
            drop(shards);
            // What a kill would leave: nothing was told to end.
            let (shards, opened) = start(&core, &path).await;
            read_back(&shards, &samples).await;
            let held = resident();
            tell(&format!(
                "{records} records: written in {wrote:.1?} (the slowest took {slowest:.2?}), then {} MiB resident; opened again in \
                 {opened:.2?}, then {} MiB",
                holds.get() >> 20,
                held.get() >> 20
            ));
            assert!(holds.max(held) < RESIDENT_MAX, "{holds:?} {held:?}");
        }
    };
    run(RuntimeConfig::new(cpus[..1].to_vec()), main).expect("runs");
}
