//! What a drive's index keeps, finds and notices.

mod cache;
mod faults;
mod format;
mod merge;
mod model;

use super::cursor::Cursor;
use super::manifest::Manifest;
use super::table::{FileName, TableError, TableInfo, file_name, parse_file_name};
use super::writer::TableWriter;
use super::*;
use crate::segment::Class;
use hamster_core::checksum::Crc64;
use hamster_core::ids::{DataId, DriveOrdinal, DriveUuid, SegmentNumber, ShardIndex};
use hamster_core::{BufferPool, Core, Directory, Entropy};
use std::collections::BTreeMap;
use std::path::Path;

const DRIVE: DriveUuid = DriveUuid::from_bytes([0xd2; 16]);
const ORDINAL: DriveOrdinal = DriveOrdinal::new(3);
const NUMBER: u64 = 0x17;

type Model = BTreeMap<Key, Placement>;

fn key(data: [u8; 16], shard_offset: u64, shard: u8) -> Key {
    Key { data: DataId::from_bytes(data), shard_offset, shard: ShardIndex::new(shard) }
}

fn small() -> Entry {
    let placement = Placement {
        segment: SegmentNumber::new(0x0102),
        generation: 1,
        class: Class::Small,
        position: 0x0012_3448,
        payload_bytes: 4096,
        writer_epoch: 9,
        chunks: None,
    };
    Entry { key: key([0xab; 16], 0, 5), placement }
}

fn bulk(chunks: u64) -> Entry {
    let chunks = (0..chunks).map(|chunk| Crc64::new(0x1111 * (chunk + 1))).collect();
    let placement = Placement {
        class: Class::Bulk,
        position: 0x0ab0_0000,
        payload_bytes: 262_144,
        chunks: Some(chunks),
        ..small().placement
    };
    Entry { key: key([0xab; 16], 524_288, 5), placement }
}

fn random_data(entropy: &Entropy) -> DataId {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    DataId::from_bytes(bytes)
}

/// Runs of `ids` data ids: some far from each other, some neighbours; one or several offsets and
/// shards; small and bulk.
fn random_model(entropy: &Entropy, ids: u64) -> Model {
    let mut model = Model::new();
    let mut data = random_data(entropy);
    for _ in 0..ids {
        data = match entropy.below(3) {
            0 => {
                DataId::from_bytes(u128::from_be_bytes(data.bytes()).wrapping_add(1).to_be_bytes())
            }
            _ => random_data(entropy),
        };
        let offset = entropy.below(3) * (1 << entropy.below(40));
        for run in 0..[1, 1, 2, 9][usize::try_from(entropy.below(4)).expect("below 4")] {
            let shard = ShardIndex::new(u8::try_from(entropy.below(6)).expect("below 6"));
            let key = Key { data, shard_offset: offset + run * 262_144, shard };
            model.insert(key, random_placement(entropy));
        }
    }
    model
}

fn random_placement(entropy: &Entropy) -> Placement {
    let number = || entropy.next_u64() >> entropy.below(64);
    let count = usize::try_from(entropy.below(17)).expect("small");
    let chunks = (0..count).map(|_| Crc64::new(entropy.next_u64())).collect();
    let is_bulk = entropy.below(2) == 0;
    Placement {
        segment: SegmentNumber::new(number()),
        generation: number(),
        class: if is_bulk { Class::Bulk } else { Class::Small },
        position: number(),
        payload_bytes: u32::try_from(entropy.below((2 << 20) + 1)).expect("2 MiB"),
        writer_epoch: number(),
        chunks: is_bulk.then_some(chunks),
    }
}

fn entry((key, placement): (&Key, &Placement)) -> Entry {
    Entry { key: *key, placement: placement.clone() }
}

fn bytes_of(model: &Model) -> u64 {
    model.iter().map(|run| entry(run).encode().len() as u64).sum()
}

async fn drive(core: &Core) -> Directory {
    core.disk().create_directory(Path::new("/d0")).await.expect("made")
}

/// Writes `model` to a table, whose bounds are just large enough.
async fn write(directory: &Directory, pool: &BufferPool, number: u64, model: &Model) -> TableInfo {
    let (entries, bytes) = (model.len() as u64, bytes_of(model));
    let writer = TableWriter::create(directory, pool, DRIVE, number, entries, bytes).await;
    let mut writer = writer.expect("made");
    for run in model {
        writer.push(&entry(run)).await.expect("written");
    }
    writer.finish().await.expect("durable").expect("has entries")
}

async fn table(directory: &Directory, pool: &BufferPool, model: &Model) -> Table {
    let info = write(directory, pool, NUMBER, model).await;
    Table::open(directory, ORDINAL, DRIVE, info).await.expect("opened")
}

/// What a cursor tells up to its end or its first error.
async fn collect(cursor: &mut Cursor) -> Result<Vec<Entry>, TableError> {
    let mut entries = Vec::new();
    while let Some(entry) = cursor.next().await? {
        entries.push(entry);
    }
    Ok(entries)
}
