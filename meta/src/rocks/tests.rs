//! What is told of a journal that something happened to.

use super::journal::{Verdict, judge};
use super::*;
use std::path::PathBuf;

/// A write-ahead log with records of these sizes, each synced; and where each of them ends.
fn write_ahead_log(sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let database = open(directory.path(), Purpose::Log).expect("made");
    let (path, mut ends) = (log_of(directory.path()), vec![]);
    for (size, number) in sizes.iter().zip(0_u8..) {
        let mut batch = Batch::default();
        batch.put(vec![number], (0..*size).map(|at| at.to_le_bytes()[0] | 1).collect());
        database.write(&batch, true).expect("written");
        ends.push(std::fs::read(&path).expect("readable").len());
    }
    (std::fs::read(&path).expect("readable"), ends)
}

fn log_of(directory: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(directory).expect("there");
    let log = entries.find_map(|entry| {
        let path = entry.expect("readable").path();
        path.extension().is_some_and(|extension| extension == "log").then_some(path)
    });
    log.expect("a write-ahead log")
}

#[test]
fn every_flipped_bit_of_a_journal_is_damage() {
    let (log, _) = write_ahead_log(&[40, 300, 1, 700, 90]);
    assert_eq!(judge(&log), Verdict::Sound);
    for bit in 0..log.len() * 8 {
        let mut flipped = log.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(judge(&flipped), Verdict::Damaged { .. }), "bit {bit}");
    }
    println!("every bit of a write-ahead log: {} flips, all detected", log.len() * 8);
}

#[test]
fn flipped_bits_of_a_journal_of_several_blocks_are_damage() {
    let (log, _) = write_ahead_log(&[70_000, 20_000, 100]);
    // What fills the end of a block has no meaning.
    for bit in (0..log.len() * 8).step_by(4_001).filter(|bit| bit / 8 % 32_768 < 32_761) {
        let mut flipped = log.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(judge(&flipped), Verdict::Damaged { .. }), "bit {bit}");
    }
}

#[test]
fn a_journal_cut_short_anywhere_ends_with_its_last_whole_record() {
    let (log, ends) = write_ahead_log(&[40, 300, 33_000, 700, 90]);
    for length in 0..log.len() {
        let whole = ends.iter().copied().filter(|end| *end <= length).max().unwrap_or(0);
        let expected = match length == whole {
            true => Verdict::Sound,
            false => Verdict::Torn { at: whole },
        };
        let judged = judge(&log[..length]);
        // Between two blocks there may be a few bytes that belong to no record.
        let filled = length % 32_768 > 32_761 && judged == Verdict::Sound;
        assert!(judged == expected || filled, "{length}: {judged:?}, not {expected:?}");
    }
    println!("every length of a write-ahead log: {} cuts, all told", log.len());
}

#[test]
fn a_last_record_with_sectors_unwritten_is_torn_and_any_other_is_damage() {
    let (log, ends) = write_ahead_log(&[40, 3_000, 3_000]);
    for sector in 0..log.len().div_ceil(512) {
        let (from, to) = (sector * 512, (sector * 512 + 512).min(log.len()));
        let mut torn = log.clone();
        torn[from.max(ends[1])..to.max(ends[1])].fill(0);
        if to > ends[1] {
            assert_eq!(judge(&torn), Verdict::Torn { at: ends[1] }, "sector {sector}");
        }
        let mut lost = log.clone();
        lost[from..to].fill(0);
        if from < ends[1] {
            assert!(matches!(judge(&lost), Verdict::Damaged { .. }), "sector {sector}");
        }
    }
}

/// The one file of sorted rows in a directory.
fn sorted_rows_of(directory: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(directory).expect("there");
    let file = entries.find_map(|entry| {
        let path = entry.expect("readable").path();
        path.extension().is_some_and(|extension| extension == "sst").then_some(path)
    });
    file.expect("flushed")
}

/// What of the rows in `directory` cannot be read. None of the others has changed or is gone.
fn unreadable(directory: &Path, rows: &[(Vec<u8>, Vec<u8>)]) -> usize {
    let Ok(database) = open(directory, Purpose::State) else { return rows.len() };
    let view = database.now(Reach::Drive);
    let is_lost = |(key, value): &&(Vec<u8>, Vec<u8>)| match view.get(key) {
        Ok(read) => {
            assert!(read.as_ref() == Some(value), "{key:?} reads as {read:?}");
            false
        }
        Err(_) => true,
    };
    rows.iter().filter(is_lost).count()
}

#[test]
fn records_of_every_kind_are_read_as_they_were_written_or_not_at_all() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rows = crate::fuzzing::rows();
    let database = open(directory.path(), Purpose::State).expect("made");
    let mut batch = Batch::default();
    rows.iter().cloned().for_each(|(key, value)| batch.put(key, value));
    database.write(&batch, false).expect("written");
    database.flush().expect("flushed");
    drop(database);
    let path = sorted_rows_of(directory.path());
    let sound = std::fs::read(&path).expect("readable");
    let trials = sound.len() * 8;
    // Why not each bit: each trial opens a database. `HAMSTER_EVERY_BIT=1` tries them all.
    let step = if std::env::var_os("HAMSTER_EVERY_BIT").is_some() { 1 } else { 41 };
    let (mut flips, mut noticed) = (0, 0);
    for bit in (0..trials).step_by(step) {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &damaged).expect("writable");
        flips += 1;
        noticed += usize::from(unreadable(directory.path(), &rows) > 0);
    }
    for length in (0..sound.len()).step_by(step) {
        std::fs::write(&path, &sound[..length]).expect("writable");
        assert!(unreadable(directory.path(), &rows) > 0, "cut to {length}");
    }
    std::fs::write(&path, &sound).expect("writable");
    assert_eq!(unreadable(directory.path(), &rows), 0);
    println!(
        "{} records by RocksDB's block checksums: {flips} flips, {noticed} noticed, the others in \
         what no row needs; none reads as anything else",
        rows.len()
    );
}

#[test]
fn a_torn_end_is_cut_and_the_database_opens() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let row = |number: u8| Batch(vec![Write::Put(vec![number], vec![7; 2_000])]);
    let database = open(directory.path(), Purpose::Log).expect("made");
    for number in 0..3 {
        database.write(&row(number), true).expect("written");
    }
    drop(database);
    let path = log_of(directory.path());
    let mut log = std::fs::read(&path).expect("readable");
    let at = log.len().next_multiple_of(512) - 1_024;
    log[at..at + 512].fill(0);
    std::fs::write(&path, &log).expect("writable");
    let database = open(directory.path(), Purpose::Log).expect("a torn end is no damage");
    let there = |number: u8| database.now(Reach::Drive).get(&[number]).expect("readable").is_some();
    assert_eq!([0, 1, 2].map(there), [true, true, false]);
}

#[test]
fn a_state_whose_manifest_is_damaged_stands_where_it_stood_at_some_flush() {
    const FLUSHES: u8 = 4;
    let original = tempfile::tempdir().expect("a temporary directory");
    let database = open(original.path(), Purpose::State).expect("made");
    for number in 0..FLUSHES {
        let mut batch = Batch::default();
        batch.put(vec![number], vec![number]);
        database.write(&batch, false).expect("written");
        database.flush().expect("durable");
    }
    drop(database);
    let current = std::fs::read_to_string(original.path().join("CURRENT")).expect("named");
    let manifest = std::fs::read(original.path().join(current.trim_end())).expect("there");
    let (mut refused, mut earlier) = (0, 0);
    for at in (0..manifest.len()).step_by(9) {
        let trial = tempfile::tempdir().expect("a temporary directory");
        for entry in std::fs::read_dir(original.path()).expect("readable") {
            let entry = entry.expect("readable");
            std::fs::copy(entry.path(), trial.path().join(entry.file_name())).expect("copied");
        }
        let mut damaged = manifest.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(trial.path().join(current.trim_end()), damaged).expect("written");
        let Ok(database) = open(trial.path(), Purpose::State) else {
            refused += 1;
            continue;
        };
        let held: Vec<u8> = (0..FLUSHES)
            .filter(|number| database.now(Reach::Drive).get(&[*number]).expect("read").is_some())
            .collect();
        let count = u8::try_from(held.len()).expect("few");
        assert_eq!(held, (0..count).collect::<Vec<u8>>(), "byte {at}");
        earlier += u32::from(count < FLUSHES);
    }
    assert!(earlier > 5, "{earlier} stood earlier, {refused} were refused");
}
