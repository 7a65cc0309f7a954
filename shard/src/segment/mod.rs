//! The on-disk format of a drive's segments. Final: golden bytes pin it, fields are only added.
//!
//! A segment is one append-only file: a header block, then *runs* back to back. A run is a
//! contiguous extent of one shard: header, payload, footer; each part carries the run's name, so
//! that bytes in the wrong place are told as such. In a *small* segment runs are packed at multiples
//! of [`PACK_BYTES`] and a batch of them is padded to a block; in a *bulk* segment each part starts
//! at a block, so that payloads go between disk and memory without a copy.
//!
//! Only encoding, decoding and names are here; nothing here reads or writes a file.

pub(crate) mod header;
pub(crate) mod run;

use hamster_core::ByteCount;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::{BLOCK_BYTES, BULK_SEGMENT_BYTES, SMALL_SEGMENT_BYTES};

/// The subdirectory of a drive that holds its segments.
pub(crate) const DIRECTORY_NAME: &str = "segments";
/// Runs of a small segment start at multiples of this.
pub(crate) const PACK_BYTES: u64 = 8;
/// Raised when an older version could misread a segment of this one.
pub(crate) const FORMAT: u16 = 1;

/// What kind of runs a segment takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Class {
    /// Small bodies. Written once up front, so that a sync never waits for the file system's
    /// journal; its file is used again when nothing in it is needed.
    Small,
    /// Slices of large bodies. Allocated, not written.
    Bulk,
}

impl Class {
    pub const ALL: [Self; 2] = [Self::Small, Self::Bulk];

    pub fn code(self) -> u8 {
        match self {
            Self::Small => 1,
            Self::Bulk => 2,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    /// Length of a new segment.
    pub fn segment_bytes(self) -> ByteCount {
        match self {
            Self::Small => SMALL_SEGMENT_BYTES,
            Self::Bulk => BULK_SEGMENT_BYTES,
        }
    }

    /// What the parts of a run are aligned to.
    pub fn alignment(self) -> u64 {
        match self {
            Self::Small => PACK_BYTES,
            Self::Bulk => BLOCK_BYTES.get(),
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Small => ".small",
            Self::Bulk => ".bulk",
        }
    }
}

/// The file name of a segment in use.
pub(crate) fn file_name(number: SegmentNumber, class: Class) -> String {
    format!("{:016x}{}", number.get(), class.suffix())
}

/// The file name of a segment that is being made; never holds a record.
pub(crate) fn draft_name(number: SegmentNumber, class: Class) -> String {
    format!("{}{DRAFT_SUFFIX}", file_name(number, class))
}

/// The file name of a small segment that was retired; what it holds is needed no more.
pub(crate) fn spare_name(number: SegmentNumber) -> String {
    format!("{}{SPARE_SUFFIX}", file_name(number, Class::Small))
}

const DRAFT_SUFFIX: &str = ".new";
const SPARE_SUFFIX: &str = ".spare";

/// What the name of a file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileName {
    Segment(SegmentNumber, Class),
    Draft(SegmentNumber),
    Spare(SegmentNumber),
}

/// Reads a file name; `None` for one that is not Hamster's.
pub(crate) fn parse_file_name(name: &str) -> Option<FileName> {
    let draft = name.strip_suffix(DRAFT_SUFFIX);
    let spare = name.strip_suffix(SPARE_SUFFIX);
    let segment = draft.or(spare).unwrap_or(name);
    let class = Class::ALL.into_iter().find(|class| segment.ends_with(class.suffix()))?;
    let digits = segment.strip_suffix(class.suffix())?;
    let number = SegmentNumber::new(u64::from_str_radix(digits, 16).ok()?);
    if file_name(number, class) != segment {
        return None;
    }
    match (draft, spare) {
        (Some(_), _) => Some(FileName::Draft(number)),
        (_, Some(_)) => (class == Class::Small).then_some(FileName::Spare(number)),
        (None, None) => Some(FileName::Segment(number, class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_back_and_others_are_not() {
        let number = SegmentNumber::new(0x1f);
        assert_eq!(file_name(number, Class::Small), "000000000000001f.small");
        for class in Class::ALL {
            let segment = FileName::Segment(number, class);
            assert_eq!(parse_file_name(&file_name(number, class)), Some(segment));
            assert_eq!(parse_file_name(&draft_name(number, class)), Some(FileName::Draft(number)));
        }
        assert_eq!(parse_file_name(&spare_name(number)), Some(FileName::Spare(number)));
        let bulk = format!("{}.spare", file_name(number, Class::Bulk));
        assert_eq!(parse_file_name(&bulk), None);
        for other in ["1f.small", "000000000000001F.small", "000000000000001f.other", "", ".bulk"] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }
}
