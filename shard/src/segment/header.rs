//! The first block of a segment.

use super::{Class, FORMAT};
use crate::wire::{WireReader, WireWriter, checked};
use hamster_core::ids::{CoreIndex, DriveUuid, SegmentNumber};
use hamster_core::limits::BLOCK_BYTES;

const MAGIC: [u8; 8] = *b"HAMSEGMT";
/// The header without its checksum; the rest of its block is zero.
const BODY_BYTES: usize = 120;
/// Where the first run starts.
pub(crate) const RUNS_START: u64 = BLOCK_BYTES.get();

/// What a segment is. Durable before the first run is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub class: Class,
    pub drive: DriveUuid,
    pub number: SegmentNumber,
    /// Counts how often the file was used. Each time it gets a number higher than all it had, so
    /// that no run of an earlier time passes for one of this.
    pub generation: u64,
    pub length: u64,
    /// The core that made it. For people; any core may go on with it.
    pub core: CoreIndex,
    pub writer_epoch: u64,
}

impl SegmentHeader {
    pub fn encode(&self) -> Vec<u8> {
        WireWriter::default()
            .bytes(&MAGIC)
            .u16(FORMAT)
            .u8(self.class.code())
            .u8(0)
            .u16(self.core.get())
            .u16(0)
            .bytes(&self.drive.bytes())
            .u64(self.number.get())
            .u64(self.generation)
            .u64(self.length)
            .u64(self.writer_epoch)
            .pad_to(BODY_BYTES)
            .checksum()
            .pad_to(BLOCK_BYTES.as_usize())
            .finish()
    }

    /// `None`: not a segment header of this format.
    pub fn decode(block: &[u8]) -> Option<Self> {
        let mut fields = WireReader::new(checked(block, BODY_BYTES)?);
        if fields.array()? != MAGIC || fields.u16()? != FORMAT {
            return None;
        }
        let class = Class::from_code(fields.u8()?)?;
        fields.skip(1)?;
        let core = CoreIndex::new(fields.u16()?);
        fields.skip(2)?;
        Some(Self {
            class,
            core,
            drive: DriveUuid::from_bytes(fields.array()?),
            number: SegmentNumber::new(fields.u64()?),
            generation: fields.u64()?,
            length: fields.u64()?,
            writer_epoch: fields.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> SegmentHeader {
        SegmentHeader {
            class: Class::Bulk,
            drive: DriveUuid::from_bytes([0xd2; 16]),
            number: SegmentNumber::new(0x0102),
            generation: 3,
            length: 256 << 20,
            core: CoreIndex::new(1),
            writer_epoch: 5,
        }
    }

    #[test]
    fn golden_bytes() {
        let bytes = example().encode();
        let hex: String = bytes[..128].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "48414d5345474d54", // magic
                "01000200",         // format, class, reserved
                "01000000",         // core, reserved
                "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
                "0201000000000000",
                "0300000000000000",
                "0000001000000000",
                "0500000000000000",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "000000000000000000000000000000000000000000000000",
                "a4d08b784c9704e3",
            )
        );
        assert_eq!(bytes.len(), 4096);
        assert!(bytes[128..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let bytes = example().encode();
        assert_eq!(SegmentHeader::decode(&bytes), Some(example()));
        for at in 0..128 {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(SegmentHeader::decode(&flipped), None, "byte {at} bit {bit}");
            }
            assert_eq!(SegmentHeader::decode(&bytes[..at]), None, "length {at}");
        }
    }
}
