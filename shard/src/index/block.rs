//! The 4 KiB blocks that a table is made of.
//!
//! Every block says of which drive and table it is, and which block of it: one that was written to
//! or read from the wrong place is told as such, as is one whose bytes have changed. The format is
//! raised together with the manifest's, which is read first and tells a newer version.

use super::entry::{Entry, KEY_BYTES, Key, RawEntry};
use crate::wire::{WireReader, WireWriter, checked};
use hamster_core::ids::{DataId, DriveUuid};
use hamster_core::limits::BLOCK_BYTES;
use std::rc::Rc;

const MAGIC: [u8; 4] = *b"HTBL";
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 48;
const BODY_BYTES: usize = BLOCK_BYTES.as_usize() - 8;
/// What a block has room for besides its header and its checksum.
pub(super) const PAYLOAD_BYTES: usize = BODY_BYTES - HEADER_BYTES;
/// The block number of the first child.
const INNER_PREFIX_BYTES: usize = 8;
/// Children of an inner block.
pub(super) const CHILDREN_MAX: usize = (PAYLOAD_BYTES - INNER_PREFIX_BYTES) / KEY_BYTES;
/// Bits of a block of the Bloom filter.
pub(super) const FILTER_BITS: u64 = 8 * PAYLOAD_BYTES as u64;

/// Which block this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockName {
    pub drive: DriveUuid,
    pub table: u64,
    pub block: u64,
}

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Entries, in order.
    Leaf,
    /// The first keys of blocks of the level below, which are neighbours; leaves are level 0.
    Inner { level: u8 },
    /// A part of the Bloom filter.
    Filter,
}

impl Kind {
    fn codes(self) -> [u8; 2] {
        match self {
            Self::Leaf => [1, 0],
            Self::Inner { level } => [2, level],
            Self::Filter => [3, 0],
        }
    }
}

fn encode(name: &BlockName, kind: Kind, count: usize, payload: &[u8]) -> Vec<u8> {
    WireWriter::default()
        .bytes(&MAGIC)
        .u16(FORMAT)
        .bytes(&kind.codes())
        .bytes(&name.drive.bytes())
        .u64(name.table)
        .u64(name.block)
        .u16(u16::try_from(count).expect("fewer than bytes of a block"))
        .pad_to(HEADER_BYTES)
        .bytes(payload)
        .pad_to(BODY_BYTES)
        .checksum()
        .finish()
}

/// A leaf of encoded entries.
pub(crate) fn leaf(name: &BlockName, count: usize, entries: &[u8]) -> Vec<u8> {
    encode(name, Kind::Leaf, count, entries)
}

/// The parent of blocks from `child` on with these first keys.
pub(crate) fn inner(name: &BlockName, level: u8, child: u64, keys: &[Key]) -> Vec<u8> {
    let payload = keys
        .iter()
        .fold(WireWriter::default().u64(child), |payload, key| payload.bytes(&key.to_bytes()));
    encode(name, Kind::Inner { level }, keys.len(), &payload.finish())
}

/// A part of the Bloom filter.
pub(super) fn filter(name: &BlockName, bits: &[u8]) -> Vec<u8> {
    encode(name, Kind::Filter, 0, bits)
}

/// A block that was found to be the one that it should be, and sound throughout. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Block {
    bytes: Rc<[u8]>,
    count: usize,
}

impl Block {
    /// `None`: damaged, or another block.
    pub fn verify(name: &BlockName, kind: Kind, bytes: &[u8]) -> Option<Self> {
        let mut fields = WireReader::new(checked(bytes, BODY_BYTES)?);
        let is_it = fields.array()? == MAGIC
            && fields.u16()? == FORMAT
            && fields.array()? == kind.codes()
            && DriveUuid::from_bytes(fields.array()?) == name.drive
            && fields.u64()? == name.table
            && fields.u64()? == name.block;
        let count = usize::from(fields.u16()?);
        let block = Self { bytes: bytes.into(), count };
        let is_sound = || match kind {
            Kind::Leaf => block.is_leaf_sound(),
            Kind::Inner { .. } => (1..=CHILDREN_MAX).contains(&count),
            Kind::Filter => count == 0,
        };
        (is_it && is_sound()).then_some(block)
    }

    /// Is it of this kind? Asked of a block that comes from the cache.
    pub fn is(&self, kind: Kind) -> bool {
        self.bytes.get(6..8) == Some(&kind.codes()[..])
    }

    fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..BODY_BYTES).unwrap_or_default()
    }

    fn is_leaf_sound(&self) -> bool {
        let mut fields = WireReader::new(self.payload());
        let mut last = None;
        let mut entry = || {
            let entry = RawEntry::read(&mut fields)?.decode()?;
            let last = last.replace(entry.key);
            last.is_none_or(|last| last < entry.key).then_some(())
        };
        self.count > 0 && (0..self.count).all(|_| entry().is_some())
    }

    /// The entries of a leaf.
    pub fn entries(&self) -> impl Iterator<Item = RawEntry<'_>> {
        let mut fields = WireReader::new(self.payload());
        (0..self.count).map_while(move |_| RawEntry::read(&mut fields))
    }

    /// The entries of a leaf from `first` on and below `beyond`.
    pub fn entries_from(&self, first: Key, beyond: Option<Key>) -> Vec<Entry> {
        self.entries()
            .skip_while(|entry| entry.key < first)
            .take_while(|entry| beyond.is_none_or(|beyond| entry.key < beyond))
            .filter_map(RawEntry::decode)
            .collect()
    }

    /// The child of an inner block that holds `key`, if any does.
    pub fn child(&self, key: Key) -> Option<u64> {
        let mut fields = WireReader::new(self.payload());
        let first = fields.u64()?;
        let keys = self.payload().get(INNER_PREFIX_BYTES..)?.as_chunks::<KEY_BYTES>().0;
        let keys = keys.get(..self.count)?;
        let upto = keys.partition_point(|bytes| {
            Key::read(&mut WireReader::new(bytes)).is_some_and(|first| first <= key)
        });
        first.checked_add(u64::try_from(upto.saturating_sub(1)).ok()?)
    }

    /// Is this bit of a block of the filter set?
    pub fn bit(&self, bit: usize) -> bool {
        self.payload().get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }
}

const _: () = assert!(size_of::<DataId>() + 9 == KEY_BYTES);
