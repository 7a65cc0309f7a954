//! One run, as a table keeps it.

use crate::segment::Class;
use crate::wire::{WireReader, WireWriter};
use hamster_core::checksum::Crc64;
use hamster_core::ids::{DataId, SegmentNumber, ShardIndex};
use hamster_core::limits::{RUN_PAYLOAD_BYTES_MAX, TABLE_ENTRY_CHUNKS_MAX};

/// Ordered so that all runs of a range of a shard are neighbours; the order of metadata's data
/// records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Key {
    pub data: DataId,
    pub shard_offset: u64,
    pub shard: ShardIndex,
}

/// Where a run stands on its drive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placement {
    pub segment: SegmentNumber,
    pub generation: u64,
    pub class: Class,
    /// Of the header.
    pub position: u64,
    pub payload_bytes: u32,
    pub writer_epoch: u64,
    /// The checksums of the chunks of a bulk run. A table keeps [`TABLE_ENTRY_CHUNKS_MAX`] at most
    /// and none of a run with more: that run, like a packed one, is read with its footer.
    pub chunks: Option<Box<[Crc64]>>,
}

/// A run: what it holds and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub key: Key,
    pub placement: Placement,
}

/// A key wherever all keys are of one length.
pub(super) const KEY_BYTES: usize = 25;
/// A number in as few bytes as it needs, 7 bits in each.
const NUMBER_BYTES_MAX: usize = 10;
/// The longest entry.
pub(crate) const ENTRY_BYTES_MAX: usize =
    1 + 16 + 1 + 1 + 1 + 6 * NUMBER_BYTES_MAX + 8 * TABLE_ENTRY_CHUNKS_MAX;

const _: () = assert!(ENTRY_BYTES_MAX <= 256);

impl Key {
    pub fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        bytes[..16].copy_from_slice(&self.data.bytes());
        bytes[16..24].copy_from_slice(&self.shard_offset.to_le_bytes());
        bytes[24] = self.shard.get();
        bytes
    }

    pub fn read(fields: &mut WireReader) -> Option<Self> {
        Some(Self {
            data: DataId::from_bytes(fields.array()?),
            shard_offset: fields.u64()?,
            shard: ShardIndex::new(fields.u8()?),
        })
    }
}

impl Entry {
    /// The length of the rest; the key; the placement. Numbers are as short as they can be: an
    /// entry of a small run takes some 35 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Self { key, placement } = self;
        let mut bytes = WireWriter::default().u8(0).bytes(&key.data.bytes()).u8(key.shard.get());
        bytes = number(bytes, key.shard_offset).u8(placement.class.code());
        for field in [
            placement.segment.get(),
            placement.generation,
            placement.position,
            u64::from(placement.payload_bytes),
            placement.writer_epoch,
        ] {
            bytes = number(bytes, field);
        }
        let kept = placement.chunks.as_ref().filter(|all| all.len() <= TABLE_ENTRY_CHUNKS_MAX);
        bytes = match kept {
            None => bytes.u8(0),
            Some(chunks) => {
                let count = u8::try_from(chunks.len()).expect("at most TABLE_ENTRY_CHUNKS_MAX");
                let bytes = bytes.u8(count + 1);
                chunks.iter().fold(bytes, |bytes, chunk| bytes.u64(chunk.get()))
            }
        };
        let mut bytes = bytes.finish();
        bytes[0] = u8::try_from(bytes.len() - 1).expect("at most ENTRY_BYTES_MAX");
        bytes
    }
}

/// An entry within a block, of which only the key was decoded.
pub(crate) struct RawEntry<'a> {
    pub key: Key,
    placement: WireReader<'a>,
}

impl<'a> RawEntry<'a> {
    pub fn read(fields: &mut WireReader<'a>) -> Option<Self> {
        let length = fields.u8()?;
        let mut fields = WireReader::new(fields.take(usize::from(length))?);
        let data = DataId::from_bytes(fields.array()?);
        let shard = ShardIndex::new(fields.u8()?);
        let key = Key { data, shard_offset: read_number(&mut fields)?, shard };
        Some(Self { key, placement: fields })
    }

    pub fn decode(self) -> Option<Entry> {
        let mut fields = self.placement;
        let placement = Placement {
            class: Class::from_code(fields.u8()?)?,
            segment: SegmentNumber::new(read_number(&mut fields)?),
            generation: read_number(&mut fields)?,
            position: read_number(&mut fields)?,
            payload_bytes: u32::try_from(read_number(&mut fields)?).ok()?,
            writer_epoch: read_number(&mut fields)?,
            chunks: match fields.u8()? {
                0 => None,
                count => {
                    let chunks = (1..count).map(|_| fields.u64().map(Crc64::new));
                    Some(chunks.collect::<Option<_>>()?)
                }
            },
        };
        // What this version could not have written, it must not follow.
        let sound = fields.is_empty()
            && u64::from(placement.payload_bytes) <= RUN_PAYLOAD_BYTES_MAX.get()
            && placement.chunks.as_ref().is_none_or(|all| all.len() <= TABLE_ENTRY_CHUNKS_MAX);
        sound.then_some(Entry { key: self.key, placement })
    }
}

/// LEB128: 7 bits in each byte, low ones first; the top bit says that more follow.
fn number(mut bytes: WireWriter, mut number: u64) -> WireWriter {
    loop {
        let low = u8::try_from(number & 0x7f).expect("7 bits");
        number >>= 7;
        if number == 0 {
            return bytes.u8(low);
        }
        bytes = bytes.u8(low | 0x80);
    }
}

fn read_number(fields: &mut WireReader) -> Option<u64> {
    let mut number = 0;
    for shift in (0..).step_by(7).take(NUMBER_BYTES_MAX) {
        let byte = fields.u8()?;
        let bits = u64::from(byte & 0x7f);
        number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
