//! The bytes on the drive.

use super::super::block::{self, Block, BlockName, Kind, PAYLOAD_BYTES};
use super::super::entry::{ENTRY_BYTES_MAX, RawEntry};
use super::super::filter::Filter;
use super::super::manifest::Decoded;
use super::*;
use crate::wire::WireReader;
use hamster_core::limits::TABLE_ENTRY_CHUNKS_MAX;
use hamster_core::sim;

const NAME: BlockName = BlockName { drive: DRIVE, table: NUMBER, block: 6 };

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(bytes: &[u8]) -> Option<Entry> {
    RawEntry::read(&mut WireReader::new(bytes))?.decode()
}

fn leaf() -> Vec<u8> {
    block::leaf(&NAME, 2, &[small().encode(), bulk(4).encode()].concat())
}

fn inner() -> Vec<u8> {
    block::inner(&NAME, 1, 0x0203, &[small().key, bulk(4).key])
}

fn filter() -> Vec<u8> {
    let mut filter = Filter::new(1);
    filter.insert(small().key.data);
    block::filter(&NAME, filter.payloads().next().expect("one block"))
}

fn manifest() -> Manifest {
    let table = |number| TableInfo {
        number,
        entries: 1000,
        first: small().key,
        last: bulk(4).key,
        blocks: 12,
        leaves: 10,
        root: 10,
        height: 2,
        bloom_start: 11,
        bloom_blocks: 1,
    };
    let covered = |class, sealed| Covered {
        segment: SegmentNumber::new(7),
        class,
        generation: 2,
        upto: 0x1_0000,
        sealed,
        dead_bytes: 0x333,
    };
    Manifest {
        drive: DRIVE,
        next_table: 0x18,
        tables: vec![table(NUMBER), table(3)],
        segments: vec![covered(Class::Small, false), covered(Class::Bulk, true)],
    }
}

#[test]
fn golden_bytes_of_entries() {
    assert_eq!(
        hex(&small().encode()),
        concat!(
            "1d", // length of the rest
            "abababababababababababababababab",
            "05",     // shard
            "00",     // offset in the shard
            "01",     // class
            "8202",   // segment
            "01",     // generation
            "c8e848", // position
            "8020",   // payload
            "09",     // writer epoch
            "00",     // no checksums
        )
    );
    assert_eq!(
        hex(&bulk(2).encode()),
        concat!(
            "31",
            "abababababababababababababababab",
            "05",
            "808020",
            "02",
            "8202",
            "01",
            "8080c055",
            "808010",
            "09",
            "03", // two checksums
            "1111000000000000",
            "2222000000000000",
        )
    );
    println!(
        "an entry: small {}, bulk with 4 chunks {}",
        small().encode().len(),
        bulk(4).encode().len()
    );
}

#[test]
fn entries_of_any_numbers_are_read_back_and_long_lists_of_checksums_left_out() {
    let most = u64::MAX;
    let longest = Placement {
        segment: SegmentNumber::new(most),
        generation: most,
        class: Class::Bulk,
        position: most,
        payload_bytes: 2 << 20,
        writer_epoch: most,
        chunks: bulk(TABLE_ENTRY_CHUNKS_MAX as u64).placement.chunks,
    };
    let longest = Entry { key: key([0xff; 16], most, 0xff), placement: longest };
    assert!(longest.encode().len() <= ENTRY_BYTES_MAX);
    for entry in [small(), bulk(0), bulk(1), longest] {
        assert_eq!(decode(&entry.encode()), Some(entry));
    }
    let long = bulk(TABLE_ENTRY_CHUNKS_MAX as u64 + 1);
    let placement = Placement { chunks: None, ..long.placement.clone() };
    assert_eq!(decode(&long.encode()), Some(Entry { placement, ..long }));
    let mut beyond = small();
    beyond.placement.payload_bytes = (2 << 20) + 1;
    assert_eq!(decode(&beyond.encode()), None, "no run has such a payload");
}

fn check_golden(block: &[u8], header: &str, payload: &str, checksum: &str) {
    let (rest, end) = (48 + payload.len() / 2, 4096 - 8);
    assert_eq!(block.len(), 4096);
    assert_eq!(hex(&block[..48]), header);
    assert_eq!(hex(&block[48..rest]), payload);
    assert!(block[rest..end].iter().all(|&byte| byte == 0));
    assert_eq!(hex(&block[end..]), checksum);
}

#[test]
fn golden_bytes_of_a_leaf() {
    let header = concat!(
        "4854424c", // magic
        "01000100", // format, kind, level
        "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
        "1700000000000000", // table
        "0600000000000000", // block
        "0200000000000000", // count, reserved
    );
    let payload = hex(&[small().encode(), bulk(4).encode()].concat());
    check_golden(&leaf(), header, &payload, "69360669fc193a7d");
}

#[test]
fn golden_bytes_of_an_inner_block() {
    let header = concat!(
        "4854424c",
        "01000201", // format, kind, level
        "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
        "1700000000000000",
        "0600000000000000",
        "0200000000000000",
    );
    let payload = concat!(
        "0302000000000000", // first child
        "abababababababababababababababab",
        "000000000000000005",
        "abababababababababababababababab",
        "000008000000000005",
    );
    check_golden(&inner(), header, payload, "29a4e8eeafd4b7f5");
}

#[test]
fn golden_bytes_of_a_block_of_the_filter() {
    let header = concat!(
        "4854424c",
        "01000300",
        "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
        "1700000000000000",
        "0600000000000000",
        "0000000000000000",
    );
    let block = filter();
    assert_eq!(hex(&block[..48]), header);
    let payload = &block[48..4096 - 8];
    let is_set = |bit: &usize| payload[bit / 8] & (1 << (bit % 8)) != 0;
    let set: Vec<_> = (0..8 * PAYLOAD_BYTES).filter(is_set).collect();
    assert_eq!(set, [4179, 6397, 16431, 18649, 26465, 28683]);
    assert_eq!(hex(&block[4096 - 8..]), "3cc5cd2db1aa0ce6");
}

#[test]
fn golden_bytes_of_a_manifest() {
    assert_eq!(
        hex(&manifest().encode()),
        concat!(
            "48414d494e444558",                                   // magic
            "01000000",                                           // format, reserved
            "4a010000",                                           // length without the checksum
            "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",                   // drive
            "1800000000000000",                                   // next table
            "02000000",                                           // tables
            "02000000",                                           // segments
            "1700000000000000",                                   // number
            "e803000000000000",                                   // entries
            "abababababababababababababababab000000000000000005", // first key
            "abababababababababababababababab000008000000000005", // last key
            "0c00000000000000",                                   // blocks
            "0a00000000000000",                                   // leaves
            "0a00000000000000",                                   // root
            "02",                                                 // height
            "0b00000000000000",                                   // start of the filter
            "0100000000000000",                                   // blocks of the filter
            "0300000000000000",
            "e803000000000000",
            "abababababababababababababababab000000000000000005",
            "abababababababababababababababab000008000000000005",
            "0c00000000000000",
            "0a00000000000000",
            "0a00000000000000",
            "02",
            "0b00000000000000",
            "0100000000000000",
            "0700000000000000", // segment
            "01",               // class
            "0200000000000000", // generation
            "0000010000000000", // upto
            "00",               // sealed
            "3303000000000000", // dead bytes
            "0700000000000000",
            "02",
            "0200000000000000",
            "0000010000000000",
            "01",
            "3303000000000000",
            "398f3fdb9f1b3ab1",
        )
    );
}

#[test]
fn every_flipped_bit_and_every_truncation_of_a_block_is_noticed() {
    let mut noticed = 0;
    let kinds =
        [(Kind::Leaf, leaf()), (Kind::Inner { level: 1 }, inner()), (Kind::Filter, filter())];
    for (kind, block) in &kinds {
        assert!(Block::verify(&NAME, *kind, block).is_some());
        for at in 0..block.len() {
            for bit in 0..8 {
                let mut flipped = block.clone();
                flipped[at] ^= 1 << bit;
                assert!(Block::verify(&NAME, *kind, &flipped).is_none(), "{kind:?} {at} {bit}");
                noticed += 1;
            }
            assert!(Block::verify(&NAME, *kind, &block[..at]).is_none(), "{kind:?} length {at}");
            noticed += 1;
        }
    }
    assert_eq!(noticed, 3 * 4096 * 9);
    println!("{noticed} changes noticed");
}

#[test]
fn a_block_in_the_place_of_another_is_noticed() {
    let elsewhere = [
        BlockName { drive: DriveUuid::from_bytes([0xd3; 16]), ..NAME },
        BlockName { table: NUMBER + 1, ..NAME },
        BlockName { block: 7, ..NAME },
    ];
    for name in elsewhere {
        assert!(Block::verify(&name, Kind::Leaf, &leaf()).is_none(), "{name:?}");
    }
    for kind in [Kind::Leaf, Kind::Inner { level: 2 }, Kind::Filter] {
        assert!(Block::verify(&NAME, kind, &inner()).is_none(), "{kind:?}");
    }
}

#[test]
fn a_leaf_that_no_writer_writes_is_not_followed() {
    let [one, other] = [small().encode(), bulk(4).encode()];
    for (count, entries) in [
        (2, [&*other, &one].concat()),
        (2, [&*one, &one].concat()),
        (3, [&*one, &other].concat()),
        (0, Vec::new()),
    ] {
        assert!(Block::verify(&NAME, Kind::Leaf, &block::leaf(&NAME, count, &entries)).is_none());
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_a_manifest_is_noticed() {
    let bytes = manifest().encode();
    assert_eq!(Manifest::decode(&bytes), Decoded::Valid(manifest()));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let decoded = Manifest::decode(&flipped);
            assert!(!matches!(decoded, Decoded::Valid(_)), "byte {at} bit {bit}");
        }
        assert_eq!(Manifest::decode(&bytes[..at]), Decoded::Damaged, "length {at}");
    }
    println!("{} changes noticed", 9 * bytes.len());
}

#[test]
fn a_newer_manifest_is_named() {
    let mut bytes = manifest().encode();
    bytes[8] = 2;
    assert_eq!(Manifest::decode(&bytes), Decoded::Newer(2));
}

#[test]
fn a_manifest_is_there_after_it_was_put_there() {
    sim::run(1, |core| async move {
        let directory = drive(&core).await;
        assert_eq!(Manifest::read(&directory).await.expect("read"), None);
        for manifest in [Manifest::default(), manifest()] {
            manifest.replace(&directory).await.expect("replaced");
            let read = Manifest::read(&directory).await.expect("read");
            assert_eq!(read, Some(Decoded::Valid(manifest)));
        }
    });
}

#[test]
fn file_names_are_read_back_and_others_are_not() {
    assert_eq!(file_name(0x1f), "000000000000001f.table");
    assert_eq!(parse_file_name(&file_name(0x1f)), Some(FileName::Table(0x1f)));
    assert_eq!(parse_file_name(&table::draft_name(0x1f)), Some(FileName::Draft(0x1f)));
    for other in ["1f.table", "000000000000001F.table", "manifest", "", ".table", ".new"] {
        assert_eq!(parse_file_name(other), None, "{other}");
    }
}
