//! The parsers of what lies on a drive, for `bench/fuzz` and its test only: they are private, and
//! stay so. Each takes any bytes and must neither panic nor run for ever.
//!
//! Where a checksum covers the bytes they are also parsed with a right one, or nothing random would
//! get past it.

use crate::drive::local::LocalDrive;
use crate::drive::{self, DriveTable, OpenDrive, Superblock};
use crate::index::block::{self, Block, BlockName, Kind};
use crate::index::manifest::Manifest;
use crate::index::{Covered, Entry, Key, Placement};
use crate::recover::scan::Scan;
use crate::segment::header::{RUNS_START, SegmentHeader};
use crate::segment::run::{
    HEADER_BYTES, HEADER_MAGIC, RunContent, RunHeader, RunPlace, chunk_checksum,
};
use crate::segment::{Class, file_name};
use hamster_core::checksum::Crc64;
use hamster_core::ids::{
    ClusterUuid, CoreIndex, DataId, DriveOrdinal, DriveUuid, NodeId, SegmentNumber, ShardIndex,
};
use hamster_core::limits::BLOCK_BYTES;
use hamster_core::{ByteCount, Core, Directory, sim};
use std::io;
use std::path::Path;
use std::sync::Arc;

const DRIVE: DriveUuid = DriveUuid::from_bytes([2; 16]);
const SEGMENT: SegmentNumber = SegmentNumber::new(7);
const SUPERBLOCK_NAME: &str = "drive.hamster";
/// Longer inputs are cut.
const INPUT_BYTES_MAX: usize = 256 << 10;

/// A name, the parser, and real bytes of the kind that it parses.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub fn targets() -> Vec<Target> {
    vec![
        ("superblock", superblock, superblocks),
        ("manifest", manifest, manifests),
        ("table_block", table_block, table_blocks),
        ("run", run, runs),
        ("segment", segment, segments),
    ]
}

/// `bytes` with the checksum of the first `length` of them behind those.
fn sealed(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let checksum = Crc64::of(bytes.get(..length)?).get().to_le_bytes();
    let mut sealed = bytes.to_vec();
    sealed.get_mut(length..length + checksum.len())?.copy_from_slice(&checksum);
    Some(sealed)
}

/// As [`sealed`], for a file that tells its length itself.
fn sealed_envelope(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = bytes.get(12..)?.first_chunk::<4>()?;
    sealed(bytes, usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// The directory of a drive of the simulator.
async fn directory(core: &Core) -> io::Result<Directory> {
    core.disk().create_directory(Path::new("/d0")).await
}

fn superblock(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), sealed_envelope(bytes)].into_iter().flatten() {
        let inspected = sim::run(1, |core| async move {
            let directory = directory(&core).await?;
            directory.replace_small(SUPERBLOCK_NAME, bytes).await?;
            drive::inspect(&directory).await
        });
        drop(inspected);
    }
}

fn a_superblock() -> Superblock {
    Superblock {
        cluster: ClusterUuid::from_bytes([1; 16]),
        drive: DRIVE,
        ordinal: DriveOrdinal::new(0),
        node: NodeId::new(1),
        incarnation: 1,
        mirrors: drive::MirrorSet { epoch: 3, drives: vec![DriveOrdinal::new(0)] },
    }
}

fn superblocks() -> Vec<Vec<u8>> {
    let bytes = sim::run(1, |core| async move {
        let directory = directory(&core).await.ok()?;
        drive::format(&directory, &a_superblock()).await.ok()?;
        directory.read_small(SUPERBLOCK_NAME, ByteCount::kib(64)).await.ok()?
    });
    bytes.into_iter().collect()
}

fn manifest(bytes: &[u8]) {
    let _damaged = Manifest::decode(bytes);
    let _any = sealed_envelope(bytes).map(|bytes| Manifest::decode(&bytes));
}

fn manifests() -> Vec<Vec<u8>> {
    let covered = |number| Covered {
        segment: SegmentNumber::new(number),
        class: Class::Small,
        generation: 1,
        upto: 8192,
        sealed: true,
        dead_bytes: 100,
    };
    let segments = (0..3).map(covered).collect();
    let full = Manifest { drive: DRIVE, next_table: 2, tables: vec![], segments };
    vec![Manifest::default().encode(), full.encode()]
}

fn table_block(bytes: &[u8]) {
    let mut whole = bytes.to_vec();
    whole.resize(BLOCK_BYTES.as_usize(), 0);
    let Some(whole) = sealed(&whole, BLOCK_BYTES.as_usize() - 8) else { return };
    for kind in [Kind::Leaf, Kind::Inner { level: 1 }, Kind::Filter] {
        let Some(block) = Block::verify(&name(), kind, &whole) else { continue };
        let any = Key { data: DataId::from_bytes([9; 16]), shard_offset: 0, shard: SHARD };
        let entries = block.entries_from(any, None);
        let in_order = entries.is_sorted_by_key(|entry| entry.key);
        // Other blocks are never read as leaves; if they are, it must not panic.
        assert!(kind != Kind::Leaf || in_order, "a sound leaf is in order");
        let _child = block.child(any);
        let _bit = block.bit(bytes.len());
    }
}

const SHARD: ShardIndex = ShardIndex::new(1);

fn name() -> BlockName {
    BlockName { drive: DRIVE, table: 1, block: 0 }
}

fn table_blocks() -> Vec<Vec<u8>> {
    let key = |at| Key { data: DataId::from_bytes([at; 16]), shard_offset: 0, shard: SHARD };
    let entry = |at| Entry {
        key: key(at),
        placement: Placement {
            segment: SEGMENT,
            generation: 1,
            class: Class::Bulk,
            position: 4096,
            payload_bytes: 5,
            writer_epoch: 1,
            chunks: Some([Crc64::new(5)].into()),
        },
    };
    let entries: Vec<u8> = (1..4).flat_map(|at| entry(at).encode()).collect();
    let keys: Vec<Key> = (1..4).map(key).collect();
    vec![block::leaf(&name(), 3, &entries), block::inner(&name(), 1, 0, &keys)]
}

fn run(bytes: &[u8]) {
    let _damaged = RunHeader::decode(bytes);
    let header = sealed(bytes, HEADER_BYTES - 8).and_then(|bytes| RunHeader::decode(&bytes));
    let Some(header) = header else { return };
    for class in Class::ALL {
        let framing = header.content.framing(class);
        assert!(framing.payload < framing.footer + 1 && framing.footer < framing.end);
    }
    let _footer = bytes.get(HEADER_BYTES..).and_then(|bytes| header.decode_footer(bytes));
}

const PAYLOAD: [u8; 300] = [7; 300];

fn a_run(position: u64) -> RunHeader {
    RunHeader {
        content: RunContent {
            data: DataId::from_bytes([9; 16]),
            shard: SHARD,
            run: 0,
            k: 1,
            m: 1,
            slice_bytes: 4096,
            shard_offset: 0,
            payload_bytes: 300,
            last: true,
        },
        place: RunPlace {
            drive: DRIVE,
            segment: SEGMENT,
            generation: 1,
            position,
            watermark: RUNS_START,
            writer_epoch: 1,
        },
    }
}

fn runs() -> Vec<Vec<u8>> {
    let header = a_run(RUNS_START);
    let chunks = [chunk_checksum(header.content.data, SHARD, 0, &PAYLOAD)];
    vec![[header.encode(), header.encode_footer(&chunks)].concat()]
}

/// A segment as a start reads it, with the headers of its runs and its own made right.
fn segment(bytes: &[u8]) {
    let mut bytes = bytes.get(..INPUT_BYTES_MAX).unwrap_or(bytes).to_vec();
    bytes.resize(bytes.len().max(1).next_multiple_of(BLOCK_BYTES.as_usize()), 0);
    bytes = sealed(&bytes, 120).unwrap_or(bytes);
    for at in (0..bytes.len()).step_by(8) {
        if bytes[at..].starts_with(&HEADER_MAGIC)
            && let Some(header) = sealed(&bytes[at..], HEADER_BYTES - 8)
        {
            bytes[at..].copy_from_slice(&header);
        }
    }
    for class in Class::ALL {
        let bytes = bytes.clone();
        let scanned = sim::run(1, |core| async move { scan(&core, class, &bytes).await });
        scanned.expect("the simulated drive answers");
    }
}

async fn scan(core: &Core, class: Class, bytes: &[u8]) -> io::Result<()> {
    let directory = directory(core).await?;
    let name = file_name(SEGMENT, class);
    let length = ByteCount::new(bytes.len() as u64);
    let file = directory.create(&name, length, false).await?;
    let mut buffer = core.buffers().take(length).await;
    buffer.copy_from_slice(bytes);
    file.write_at(0, buffer).await.1?;
    let superblock = a_superblock();
    let table = Arc::new(DriveTable::new([superblock.ordinal], []));
    let identity = OpenDrive { directory: directory.clone(), superblock };
    let drive = LocalDrive::new(core, identity, (directory.clone(), directory), &table, 1);
    let mut scan = Scan::new(&drive, &file, SEGMENT, class, length.get(), RUNS_START);
    while let Some(found) = scan.next().await? {
        let payload = scan.payload(&found).await?;
        if class == Class::Small {
            assert!(found.content.checksum_chunks(&payload) == found.chunks, "it was verified");
        }
    }
    scan.is_clean().await?;
    Ok(())
}

fn segments() -> Vec<Vec<u8>> {
    let a_segment = |class: Class| {
        let header = SegmentHeader {
            class,
            drive: DRIVE,
            number: SEGMENT,
            generation: 1,
            length: 16 << 10,
            core: CoreIndex::new(0),
            writer_epoch: 1,
        };
        let mut bytes = header.encode();
        for _ in 0..2 {
            let start = bytes.len();
            let run = a_run(start as u64);
            let framing = run.content.framing(class);
            let to = |offset: u64| start + usize::try_from(offset).expect("a short run");
            bytes.extend(run.encode());
            bytes.resize(to(framing.payload), 0);
            bytes.extend(PAYLOAD);
            bytes.resize(to(framing.footer), 0);
            bytes.extend(run.encode_footer(&run.content.checksum_chunks(&PAYLOAD)));
            bytes.resize(to(framing.end), 0);
        }
        bytes
    };
    Class::ALL.map(a_segment).into()
}
