//! RocksDB's journals (its write-ahead logs and the manifest), judged before RocksDB reads them:
//! a torn end is cut, damage is an error. Called by [`open`](super::open) only.
//!
//! Why not left to RocksDB: in each of its recovery modes some single flipped bit (of a length, or
//! of a kind) ends a log in silence before acknowledged records, or a torn record keeps it from
//! opening. A write that was cut off by a crash leaves the file short, or whole sectors of the record
//! unwritten, and nothing behind it; all else is damage.
//!
//! The format is that of RocksDB's wiki, "Write Ahead Log File Format": blocks of 32 KiB, in them
//! fragments of `masked CRC-32C, length (2), kind (1), payload`.

use super::Purpose;
use crc_fast::{CrcAlgorithm, checksum};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const BLOCK_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
/// What RocksDB adds to its turned checksums, so that one over others is not weak.
const MASK: u32 = 0xa282_ead8;
/// The least that a drive writes at once.
const SECTOR_BYTES: usize = 512;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// What a journal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Whole.
    Sound,
    /// Its last write was cut off by a crash, so that it was never synced.
    Torn {
        /// Where that write began.
        at: usize,
    },
    /// Something else happened to it.
    Damaged {
        /// Near here.
        at: usize,
        /// Where the record begins that it happened to.
        record: usize,
    },
}

impl Verdict {
    /// Where a torn end is cut off.
    fn torn_end(self) -> Option<usize> {
        match self {
            Self::Torn { at } => Some(at),
            Self::Sound | Self::Damaged { .. } => None,
        }
    }

    /// Where the first record that is not whole is cut off, and all behind it.
    fn first_bad(self) -> Option<usize> {
        match self {
            Self::Torn { at } | Self::Damaged { record: at, .. } => Some(at),
            Self::Sound => None,
        }
    }
}

/// Cuts the torn ends off the journals of the database at `path`, if there is one.
///
/// # Errors
/// A journal is damaged, or the drive refused.
pub(super) fn mend(path: &Path, purpose: Purpose) -> io::Result<()> {
    let mut newer_records = false;
    for log in logs(path)?.iter().rev() {
        // Why not if there are newer ones: then it was synced to its end.
        let cut = if newer_records { |_| None } else { Verdict::torn_end };
        newer_records |= mend_file(log, cut)?;
    }
    if let Ok(current) = fs::read_to_string(path.join("CURRENT")) {
        let cut = match purpose {
            Purpose::Log => Verdict::torn_end,
            // Why more: RocksDB writes the records of a flush and of a compaction one behind the
            // other and syncs once, so that a crash may leave the later one alone. A state that
            // stands where it stood before is made of the log again, or is seen to be too old for it.
            Purpose::State => Verdict::first_bad,
        };
        mend_file(&path.join(current.trim_end()), cut)?;
    }
    Ok(())
}

/// The write-ahead logs, oldest first.
fn logs(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        let number = entry.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), Some("log")) = (number, entry.extension().and_then(|e| e.to_str())) {
            logs.push((number, entry));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, log)| log).collect())
}

/// Mends one file, where `cut` allows it. Whether it holds records then.
fn mend_file(path: &Path, cut: fn(Verdict) -> Option<usize>) -> io::Result<bool> {
    let bytes = fs::read(path)?;
    let verdict = judge(&bytes);
    if let Some(at) = cut(verdict) {
        tracing::warn!("{} is not whole ({verdict:?}): it is cut at {at}", path.display());
        let file = File::options().write(true).open(path)?;
        file.set_len(u64::try_from(at).map_err(io::Error::other)?)?;
        file.sync_all()?;
        return Ok(at > 0);
    }
    match verdict {
        Verdict::Sound => Ok(!bytes.is_empty()),
        Verdict::Torn { at } | Verdict::Damaged { at, .. } => {
            let what = format!("{} is corrupt near byte {at}", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
    }
}

/// Judges the bytes of a journal.
pub(super) fn judge(file: &[u8]) -> Verdict {
    // Where the record that is read begins, and whether some of its fragments were read.
    let (mut record, mut inside) = (0, false);
    let mut at = 0;
    loop {
        if BLOCK_BYTES - at % BLOCK_BYTES < HEADER_BYTES {
            at = at.next_multiple_of(BLOCK_BYTES);
        }
        if at >= file.len() {
            return if inside { Verdict::Torn { at: record } } else { Verdict::Sound };
        }
        let (kind, end) = match fragment(file, at) {
            Ok(fragment) => fragment,
            Err(bad) => return judge_end(file, record, at, bad),
        };
        inside = match (kind, inside) {
            (FULL, false) | (LAST, true) => false,
            (FIRST, false) | (MIDDLE, true) => true,
            _ => return Verdict::Damaged { at, record },
        };
        at = end;
        if !inside {
            record = end;
        }
    }
}

/// Why a fragment cannot be read.
enum Bad {
    /// The file ends before it does.
    Short,
    /// It is not one.
    Wrong,
}

/// The kind and the end of the fragment that begins at `at`.
fn fragment(file: &[u8], at: usize) -> Result<(u8, usize), Bad> {
    let header = file.get(at..).and_then(<[u8]>::first_chunk::<HEADER_BYTES>).ok_or(Bad::Short)?;
    let [.., low, high, kind] = *header;
    let end = at + HEADER_BYTES + usize::from(u16::from_le_bytes([low, high]));
    if end > at - at % BLOCK_BYTES + BLOCK_BYTES {
        return Err(Bad::Wrong);
    }
    if end > file.len() {
        return Err(Bad::Short);
    }
    if is_sound(file, at, end) { Ok((kind, end)) } else { Err(Bad::Wrong) }
}

/// A record that fits in a block, as RocksDB writes it: for `fuzzing`.
pub(crate) fn fragment_of(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("it fits in a block");
    let covered = [&[FULL], payload].concat();
    let checksum = u32::try_from(checksum(CrcAlgorithm::Crc32Iscsi, &covered)).expect("32 bits");
    let masked = checksum.rotate_right(15).wrapping_add(MASK);
    [&masked.to_le_bytes(), length.to_le_bytes().as_slice(), &covered].concat()
}

/// Whether the checksum of the fragment at `at` is that of its kind and of its payload up to `end`.
fn is_sound(file: &[u8], at: usize, end: usize) -> bool {
    let stored = file.get(at..).and_then(<[u8]>::first_chunk::<4>).copied().map(u32::from_le_bytes);
    let covered = file.get(at + 6..end);
    let (Some(stored), Some(covered)) = (stored, covered) else { return false };
    let actual = checksum(CrcAlgorithm::Crc32Iscsi, covered);
    u64::from(stored.wrapping_sub(MASK).rotate_left(15)) == actual
}

/// Judges a journal whose record from `record` on has a bad fragment at `at`.
fn judge_end(file: &[u8], record: usize, at: usize, bad: Bad) -> Verdict {
    let begins_later = |later: usize| {
        let kind = file.get(later + HEADER_BYTES - 1);
        matches!(kind, Some(&FULL | &FIRST)) && fragment(file, later).is_ok()
    };
    // Each record is synced before the next is written: what others stand behind was not torn.
    let one_sector = at / SECTOR_BYTES == (at + HEADER_BYTES - 1) / SECTOR_BYTES;
    let followed = match file.get(at + 4..).and_then(<[u8]>::first_chunk::<3>) {
        // Why in one: of two, the one with the length may be what is missing.
        Some(&[low, high, FULL | LAST]) if one_sector => {
            let end = at + HEADER_BYTES + usize::from(u16::from_le_bytes([low, high]));
            file.get(end..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0))
        }
        _ => false,
    };
    if followed || (at + 1..file.len()).any(begins_later) {
        return Verdict::Damaged { at, record };
    }
    let sectors = (record / SECTOR_BYTES..file.len().div_ceil(SECTOR_BYTES)).map(|sector| {
        let end = ((sector + 1) * SECTOR_BYTES).min(file.len());
        &file[(sector * SECTOR_BYTES).max(record)..end]
    });
    let unwritten = sectors.into_iter().any(|part| part.iter().all(|byte| *byte == 0));
    // Why the checksum: a whole record whose length was damaged seems to be short as well.
    let short = matches!(bad, Bad::Short) && !is_sound(file, at, file.len());
    if unwritten || short { Verdict::Torn { at: record } } else { Verdict::Damaged { at, record } }
}
