//! Every bit of one record of each kind flipped, and its file cut at every length, on one of two
//! drives: the store never panics, never serves a wrong byte, and has every body from the other drive.
//!
//! It is *noticed* if the drive is refused, a corruption is counted, the index is made anew, or the body
//! is not read from there; else it was harmless, which only padding that no checksum covers may be. Of
//! long records (whole blocks) every 13th byte is flipped in one bit, and every 29th length tried:
//! `HAMSTER_EVERY_BIT=1` tries all of it. Each decoder is tried with every bit and every length in its
//! own unit tests.

mod cluster;

use bytes::Bytes;
use cluster::*;
use hamster_core::ids::DriveOrdinal;
use hamster_core::sim::{DiskControl, Image, World};
use hamster_core::{ByteCount, Entropy};
use hamster_shard::{DriveState, Location, ReadMemory};
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// Nothing is cached, and one table is made.
const MEMORY: ReadMemory =
    ReadMemory { cache: ByteCount::ZERO, in_flight: ByteCount::mib(64), stretch_entries: 200 };
const BLOCK: u64 = 4096;
/// Longer records are tried in samples.
const LONG_BYTES: usize = 1000;

/// A place in a file of drive 0.
struct Record {
    name: &'static str,
    file: String,
    /// What the record takes, its padding included.
    range: Range<u64>,
    bytes: Vec<u8>,
    /// What no checksum covers, from the start of the record.
    padding: Vec<Range<u64>>,
}

struct Example {
    image: Image,
    bodies: Vec<(Rc<Location>, Bytes)>,
    records: Vec<Record>,
}

/// All bytes of a file of drive 0.
async fn content(cluster: &Cluster, path_below: &str) -> Vec<u8> {
    let (folder, name) = path_below.rsplit_once('/').unwrap_or(("", path_below));
    let core = cluster.node.core(0);
    let directory = core.disk().directory(&path(0).join(folder)).await.expect("there");
    let file = directory.open(name).await.expect("there");
    let length = file.length().await.expect("told").get().min(MIB);
    let buffer = core.buffers().take(ByteCount::new(length.next_multiple_of(BLOCK))).await;
    let (buffer, read) = file.read_at(0, buffer).await;
    buffer[..read.expect("read")].to_vec()
}

async fn names(cluster: &Cluster, folder: &str, suffix: &str) -> Vec<String> {
    let disk = cluster.node.core(0).disk().clone();
    let directory = disk.directory(&path(0).join(folder)).await.expect("there");
    let entries = directory.list().await.expect("told").into_iter();
    let names = entries.map(|entry| format!("{folder}/{}", entry.name));
    names.filter(|name| name.ends_with(suffix)).collect()
}

fn find_last(bytes: &[u8], magic: &[u8]) -> u64 {
    let at = bytes.windows(magic.len()).rposition(|window| window == magic);
    at.expect("there is one") as u64
}

/// A drive with a record of each kind.
fn example() -> Example {
    let world = World::new(1);
    let cluster = Cluster { node: world.node(1), world: world.clone(), drives: 2 };
    world.run(async move {
        for drive in 0..2 {
            let disk = cluster.node.core(0).disk().clone();
            let directory = disk.create_directory(&path(drive)).await.expect("made");
            hamster_shard::drive::format(&directory, &superblock(drive)).await.expect("empty");
            cluster.disk(drive).set_capacity(ByteCount::mib(256));
        }
        let running = cluster.open_with(MEMORY).await;
        let (shards, entropy) = (&running.shards[0], Entropy::seeded(7));
        let mut written = Vec::new();
        for number in 0..205 {
            let body = body(number, if number == 204 { 301 } else { 40 });
            let plan = Profile::new(1, 1).plan(new_data(shards, &entropy));
            let receipt = shards.write_small(plan, body.clone()).await.expect("written");
            written.push((Rc::new(receipt.into_location()), body));
        }
        // Of the table: its first and its last leaf; of its rest, one.
        written[..200].sort_by_key(|(location, _)| location.data);
        let mut bodies: Vec<_> = [0, 100, 199, 204].map(|at| written[at].clone()).into();
        let large = body(1000, 301);
        let plan = Profile::new(1, 1).plan(new_data(shards, &entropy));
        let receipt = write_large(shards, plan, &large).await.expect("written");
        bodies.push((Rc::new(receipt.into_location()), large));
        cluster.world.clock().sleep(std::time::Duration::from_secs(1)).await;
        let records = records(&cluster).await;
        Example { image: cluster.node.image(), bodies, records }
    })
}

async fn records(cluster: &Cluster) -> Vec<Record> {
    let one = |names: Vec<String>| {
        assert_eq!(names.len(), 1, "{names:?}");
        names.into_iter().next().expect("one")
    };
    let small = one(names(cluster, "segments", ".small").await);
    let bulk = one(names(cluster, "segments", ".bulk").await);
    let table = one(names(cluster, "index", ".table").await);
    let [of_small, of_bulk, of_table] = [
        content(cluster, &small).await,
        content(cluster, &bulk).await,
        content(cluster, &table).await,
    ];
    let superblock = content(cluster, "drive.hamster").await;
    let manifest = content(cluster, "index/manifest").await;
    let small_at = find_last(&of_small, b"HRUN");
    let bulk_at = find_last(&of_bulk, b"HRUN");
    let small_end = 128 + 304 + 64 + 8;
    let record = |name, file: &str, bytes: &[u8], range: Range<u64>, padding: &[(u64, u64)]| {
        let at = |offset: u64| usize::try_from(offset).expect("small");
        let bytes = bytes[at(range.start)..at(range.end)].to_vec();
        Record {
            name,
            file: file.to_owned(),
            range,
            bytes,
            padding: padding.iter().map(|(from, upto)| *from..*upto).collect(),
        }
    };
    let whole = |bytes: &[u8]| 0..bytes.len() as u64;
    // 200 entries: two leaves, the root, the filter.
    let block = |number: u64| number * BLOCK..(number + 1) * BLOCK;
    let kinds: Vec<u8> = (0..4).map(|block| of_table[block * 4096 + 6]).collect();
    assert_eq!(kinds, [1, 1, 2, 3]);
    vec![
        record("superblock", "drive.hamster", &superblock, whole(&superblock), &[]),
        record("manifest", "index/manifest", &manifest, whole(&manifest), &[]),
        record("small segment header", &small, &of_small, block(0), &[(128, BLOCK)]),
        record("bulk segment header", &bulk, &of_bulk, block(0), &[(128, BLOCK)]),
        record("small run", &small, &of_small, small_at..small_at + small_end, &[(429, 432)]),
        record(
            "bulk run",
            &bulk,
            &of_bulk,
            bulk_at..bulk_at + 3 * BLOCK,
            &[(128, BLOCK), (BLOCK + 301, 2 * BLOCK), (2 * BLOCK + 72, 3 * BLOCK)],
        ),
        record("table leaf", &table, &of_table, block(1), &[]),
        record("table root", &table, &of_table, block(2), &[]),
        record("table filter", &table, &of_table, block(3), &[]),
    ]
}

/// What became of a damaged drive.
enum Outcome {
    Noticed,
    Harmless,
}

/// Opens the example with drive 0 damaged, and reads.
fn open_damaged(example: &Example, damage: impl FnOnce(&DiskControl)) -> Outcome {
    let world = World::new(1);
    let node = world.node(1);
    node.load(&example.image);
    damage(&node.disk(path(0)));
    let cluster = Cluster { node, world: world.clone(), drives: 2 };
    let bodies = example.bodies.clone();
    world.run(async move {
        let running = cluster.open_with(MEMORY).await;
        let shards = &running.shards[0];
        check(shards, &bodies).await;
        let mut unread = false;
        for (location, body) in &bodies {
            let mut location = (**location).clone();
            location.pieces[1].checksum = None;
            match read(shards, &Rc::new(location), 0..u64::MAX).await {
                Ok(found) => assert!(found == body[..], "wrong bytes"),
                Err(_) => unread = true,
            }
        }
        let refused = running.table.state(DriveOrdinal::new(0)) != DriveState::Live;
        let corrupt = running.table.status()[0].corruptions > 0;
        let noticed = unread || refused || corrupt || made_anew(&cluster).await;
        if noticed { Outcome::Noticed } else { Outcome::Harmless }
    })
}

/// Whether the index is not the one of the example: its table had the lowest number.
async fn made_anew(cluster: &Cluster) -> bool {
    let disk = cluster.node.core(0).disk().clone();
    let index = disk.directory(&path(0).join("index")).await.expect("there");
    index.open(&format!("{:016x}.table", 0)).await.is_err()
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_short_record_is_noticed() {
    flip_and_cut(false);
}

#[test]
fn flipped_bits_and_cuts_of_long_records_are_noticed() {
    flip_and_cut(true);
}

#[test]
fn a_table_that_a_look_up_finds_damaged_is_made_anew_at_the_next_start() {
    let example = example();
    let leaf = example.records.iter().find(|record| record.name == "table leaf").expect("one");
    let world = World::new(1);
    let node = world.node(1);
    node.load(&example.image);
    node.disk(path(0)).flip(&leaf.file, leaf.range.start + 100, 1);
    let cluster = Cluster { node, world: world.clone(), drives: 2 };
    let on_drive_0 = |(location, body): &(Rc<Location>, Bytes)| {
        let mut location = (**location).clone();
        location.pieces[1].checksum = None;
        (Rc::new(location), body.clone())
    };
    let bodies: Vec<_> = example.bodies.iter().map(on_drive_0).collect();
    world.run(async move {
        let running = cluster.open_with(MEMORY).await;
        let mut unread = 0;
        for (location, _) in &bodies {
            unread += u32::from(read(&running.shards[0], location, 0..u64::MAX).await.is_err());
        }
        assert!(unread > 0, "the damaged leaf is not needed");
        cluster.world.clock().sleep(std::time::Duration::from_secs(1)).await;
        cluster.node.crash();
        cluster.node.start();
        let running = cluster.open_with(MEMORY).await;
        check(&running.shards[0], &bodies).await;
        assert_eq!(running.table.status()[0].corruptions, 0);
    });
}

/// Damages all records of the example that are as long as asked.
fn flip_and_cut(long: bool) {
    let example = example();
    let every = setting("HAMSTER_EVERY_BIT", 0) > 0;
    assert!(matches!(open_damaged(&example, |_| {}), Outcome::Harmless), "as it was written");
    let is_asked = |record: &&Record| (record.bytes.len() > LONG_BYTES) == long;
    let (byte_step, cut_step) = if long && !every { (13, 29) } else { (1, 1) };
    for record in example.records.iter().filter(is_asked) {
        let (mut flips, mut cuts, mut harmless) = (0, 0, BTreeSet::new());
        let is_padding = |at: u64| record.padding.iter().any(|range| range.contains(&at));
        for (at, byte) in (0..).zip(&record.bytes).step_by(byte_step) {
            let bits = match every || (!long && *byte != 0 && !is_padding(at)) {
                true => 0..8,
                false => at % 8..at % 8 + 1,
            };
            for bit in bits {
                let offset = record.range.start + at;
                let flip = |disk: &DiskControl| disk.flip(&record.file, offset, 1 << bit);
                if matches!(open_damaged(&example, flip), Outcome::Harmless) {
                    assert!(is_padding(at), "{}: byte {at} bit {bit} is not noticed", record.name);
                    harmless.insert(at);
                }
                flips += 1;
            }
        }
        for at in (0..record.bytes.len() as u64).step_by(cut_step) {
            let length = ByteCount::new(record.range.start + at);
            open_damaged(&example, |disk| disk.truncate(&record.file, length));
            cuts += 1;
        }
        tell(&format!(
            "{}: {flips} flips and {cuts} cuts in the whole store, none served wrong; harmless in {} \
             bytes of padding",
            record.name,
            harmless.len()
        ));
    }
}
