//! The stream: its bytes, and that nothing that happens to them goes unnoticed.

use super::frame::{FRAME_HEAD_BYTES, PREAMBLE_BYTES};
use super::*;
use crate::log::Membership;
use crate::record::Record;
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Write};
use hamster_core::limits;
use std::path::Path;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

const AT: Position = Position { term: 2, node: 1, index: 300 };

fn state(rows: &[(Vec<u8>, Vec<u8>)]) -> Database {
    let twin = TwinWorld::default().open(Path::new("/twin")).expect("memory");
    let state = Database::Twin(twin);
    let rows = rows.iter().cloned().map(|(key, value)| Write::Put(key, value));
    state.write(&Batch(rows.collect()), true).expect("memory");
    state
}

/// The rows that say what was applied, then one of each key.
fn rows(of: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Rows {
    let membership = Membership { voters: vec![vec![1]], nodes: vec![1] };
    let membership = StoredMembership { position: Some(AT), membership };
    let mut rows = vec![(key::applied(), AT.encode()), (key::membership(), membership.encode())];
    rows.extend(of);
    rows
}

/// A state of a record of each kind.
fn small() -> Rows {
    crate::fuzzing::rows().into_iter().filter(|(key, _)| key != b"vote").collect()
}

/// A state of several blocks.
fn large() -> Rows {
    let row = |number: u32| ([&[0x30], number.to_be_bytes().as_slice()].concat(), vec![7; 1000]);
    rows((0..800).map(row))
}

/// The chunks: one frame each, the preamble before the first.
fn chunks(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
    let encoder = Encoder::new(state(rows).moment()).expect("memory");
    let mut encoder = encoder.expect("something was applied");
    std::iter::from_fn(|| encoder.chunk().expect("memory")).collect()
}

fn decode(chunks: &[&[u8]]) -> Result<(Header, Rows), SnapshotError> {
    let mut decoder = Decoder::new();
    let mut rows = Rows::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(section) = decoder.next()? {
            if let Section::Rows(more) = section {
                rows.extend(more);
            }
        }
    }
    Ok((decoder.finish()?, rows))
}

#[test]
fn the_stream_is_pinned() {
    let chunks = chunks(&rows([(b"\x30key".to_vec(), b"value".to_vec())]));
    let golden = [
        "48414d534e41500a00000001010000002685fccdea780487920801120908011002180120ac02\
         1a170801120908011002180120ac021a080a030a0101120101",
        "020000003f146554760557da880801120e0a0101120908011002180120ac02121c0a01021217\
         0801120908011002180120ac021a080a030a0101120101120d0a04306b6579120576616c7565",
        "030000000d92f80d4c5e0c43900801100319d4292b024c30396a",
    ];
    assert!(chunks.iter().map(hex::encode).eq(golden), "{chunks:02x?}");
}

#[test]
fn what_is_written_is_read_however_it_is_cut_into_chunks() {
    for rows in [small(), large()] {
        let stream = chunks(&rows).concat();
        let (header, read) = decode(&[&stream]).expect("whole");
        assert!(read == rows);
        assert_eq!(Header::of(&state(&rows).moment()), Ok(Some(header.clone())));
        for size in [1, 7, 4096, 300_000] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert!(decode(&pieces) == Ok((header.clone(), rows.clone())), "pieces of {size}");
        }
    }
}

#[test]
fn a_block_holds_no_more_than_its_bound() {
    let chunks = chunks(&large());
    assert_eq!(chunks.len(), 2 + 4, "800 rows of 1005 bytes in blocks of 256 KiB");
    let most = limits::SNAPSHOT_BLOCK_BYTES.as_usize() * 21 / 20;
    assert!(chunks.iter().all(|chunk| chunk.len() < most));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let stream = chunks(&small()).concat();
    for bit in 0..stream.len() * 8 {
        let mut flipped = stream.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&[&flipped]).is_err(), "bit {bit}");
    }
    println!("every bit of a snapshot: {} flips, all detected", stream.len() * 8);
    let stream = chunks(&large()).concat();
    for bit in (0..stream.len() * 8).step_by(100_003) {
        let mut flipped = stream.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&[&flipped]).is_err(), "bit {bit}");
    }
}

#[test]
fn every_truncation_is_noticed_and_so_is_anything_behind_the_end() {
    let stream = chunks(&small()).concat();
    for length in 0..stream.len() {
        let cut = decode(&[&stream[..length]]);
        assert!(matches!(cut, Err(SnapshotError::Cut { .. })), "length {length}: {cut:?}");
    }
    assert!(decode(&[&stream, &[0]]).is_err());
    assert!(decode(&[&stream, &stream]).is_err());
}

#[test]
fn frames_that_are_missing_doubled_or_elsewhere_are_noticed() {
    let chunks = chunks(&large());
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    assert!(decode(&chunks).is_ok());
    for one in 0..chunks.len() {
        let without: Vec<&[u8]> = [&chunks[..one], &chunks[one + 1..]].concat();
        assert!(decode(&without).is_err(), "without {one}");
        let twice: Vec<&[u8]> = [&chunks[..=one], &chunks[one..]].concat();
        assert!(decode(&twice).is_err(), "twice {one}");
        for other in 0..one {
            let mut swapped = chunks.clone();
            swapped.swap(one, other);
            assert!(decode(&swapped).is_err(), "{one} and {other} swapped");
        }
    }
}

/// A stream whose frames are sound one by one, of these kinds and payloads.
fn forged(frames: &[(frame::Kind, Vec<u8>)]) -> Vec<u8> {
    let mut stream = frame::preamble();
    for (number, (kind, payload)) in (0..).zip(frames) {
        let payload = match kind {
            frame::Kind::Footer => {
                let rows = u64::from_be_bytes(*payload.first_chunk().expect("a count"));
                let checksum = hamster_core::checksum::Crc64::of(&stream);
                frame::Footer { rows, checksum }.encode()
            }
            _ => payload.clone(),
        };
        stream.extend(frame::frame(number, *kind, &payload));
    }
    stream
}

#[test]
fn sound_frames_that_do_not_make_a_snapshot_are_refused() {
    use frame::Kind::{Footer, Header as Head, Rows as Block};
    let all = rows([(b"\x30a".to_vec(), vec![1]), (b"\x30b".to_vec(), vec![2])]);
    let header = Header::of(&state(&all).moment()).expect("memory").expect("applied");
    let head = (Head, header.encode());
    let block = |rows: &[(Vec<u8>, Vec<u8>)]| (Block, frame::Block(rows.to_vec()).encode());
    let end = |count: u64| (Footer, count.to_be_bytes().to_vec());
    let ok = |frames: &[(frame::Kind, Vec<u8>)]| decode(&[&forged(frames)]).is_ok();
    assert!(ok(&[head.clone(), block(&all), end(4)]));
    assert!(ok(&[head.clone(), block(&all[..2]), block(&all[2..]), end(4)]));
    assert!(!ok(&[head.clone(), block(&all), end(5)]), "a row too few");
    assert!(!ok(&[head.clone(), end(0)]), "no rows");
    assert!(!ok(&[head.clone(), block(&all[2..]), block(&all[..2]), end(4)]), "out of order");
    assert!(!ok(&[head.clone(), block(&all), block(&all[3..]), end(5)]), "a row twice");
    assert!(!ok(&[block(&all), end(4)]), "no header");
    assert!(!ok(&[head.clone(), head.clone(), block(&all), end(4)]), "two headers");
    let later = Header { position: Position { index: 301, ..AT }, ..header };
    assert!(!ok(&[(Head, later.encode()), block(&all), end(4)]), "of another moment");
    let outside = [all.as_slice(), &[(vec![0xff], vec![])]].concat();
    assert!(!ok(&[head, block(&outside), end(5)]), "a row outside of the state");
}

#[test]
fn a_newer_format_and_a_frame_that_is_too_long_are_refused_unread() {
    let stream = chunks(&small()).concat();
    let mut newer = stream.clone();
    newer[PREAMBLE_BYTES - 1] = 2;
    assert_eq!(decode(&[&newer]), Err(SnapshotError::Newer(2)));
    let mut long = stream[..PREAMBLE_BYTES + FRAME_HEAD_BYTES].to_vec();
    long[PREAMBLE_BYTES + 1..PREAMBLE_BYTES + 5].fill(0xff);
    assert!(matches!(decode(&[&long]), Err(SnapshotError::Damaged { frame: 0, .. })));
    assert_eq!(decode(&[b"not a snapshot"]), Err(SnapshotError::NotOne));
}

#[test]
fn a_snapshot_is_of_one_moment() {
    let state = state(&large());
    let mut encoder = Encoder::new(state.moment()).expect("memory").expect("applied");
    let mut stream = encoder.chunk().expect("memory").expect("the header");
    let gone = Write::DeleteRange(vec![0x30], vec![0x31]);
    state.write(&Batch(vec![gone]), true).expect("memory");
    while let Some(chunk) = encoder.chunk().expect("memory") {
        stream.extend(chunk);
    }
    assert!(decode(&[&stream]).expect("whole").1 == large());
}

#[test]
fn a_state_to_which_nothing_was_applied_has_no_snapshot() {
    assert!(Encoder::new(state(&[]).moment()).expect("memory").is_none());
}
