//! A run: a contiguous extent of one shard in a segment.
//!
//! `header | payload | footer`, each part padded to the segment class's alignment. The header
//! stands alone (128 bytes with its checksum); the footer (64 bytes) is followed by the checksums of
//! the payload's chunks, which its own checksum covers.

use super::{Class, FORMAT, PACK_BYTES};
use crate::geometry::is_sound;
use crate::wire::{WireReader, WireWriter, checked};
use hamster_core::checksum::{Crc64, Crc64State};
use hamster_core::ids::{DataId, DriveUuid, SegmentNumber, ShardIndex};
use hamster_core::limits::{CHUNK_BYTES_MAX, RUN_PAYLOAD_BYTES_MAX};

/// How every run starts.
pub(crate) const HEADER_MAGIC: [u8; 4] = *b"HRUN";
const FOOTER_MAGIC: [u8; 4] = *b"HEND";
const HEADER_BODY_BYTES: usize = 120;
const FOOTER_BODY_BYTES: usize = 56;
/// A run header with its checksum.
pub(crate) const HEADER_BYTES: usize = HEADER_BODY_BYTES + 8;
/// A footer with its checksum, before the checksums of the chunks.
pub(crate) const FOOTER_BYTES: usize = FOOTER_BODY_BYTES + 8;
/// The only kind of record so far.
const KIND_SHARD: u8 = 1;
const FLAG_LAST: u8 = 1;

/// The checksum unit of a body with slices of this length. Both are powers of two, so that chunks
/// never span slices.
pub(crate) fn chunk_bytes(slice_bytes: u32) -> u64 {
    u64::from(slice_bytes).min(CHUNK_BYTES_MAX.get())
}

/// The checksum of a chunk, seeded with its name. Chunks are counted through the whole shard, so
/// that the name does not change when runs are cut anew.
pub(crate) fn chunk_checksum(data: DataId, shard: ShardIndex, chunk: u64, bytes: &[u8]) -> Crc64 {
    let mut name = [0; 25];
    name[..16].copy_from_slice(&data.bytes());
    name[16] = shard.get();
    name[17..].copy_from_slice(&chunk.to_le_bytes());
    Crc64::of_named(&name, bytes)
}

/// The checksum of a whole shard, under way.
pub(crate) fn shard_checksum(data: DataId, shard: ShardIndex) -> Crc64State {
    let mut state = Crc64State::new();
    state.update(&data.bytes());
    state.update(&[shard.get()]);
    state
}

/// What a run holds, wherever it is put.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RunContent {
    pub data: DataId,
    pub shard: ShardIndex,
    /// Counts the runs of a shard, in order.
    pub run: u32,
    pub k: u8,
    pub m: u8,
    pub slice_bytes: u32,
    /// Where in the shard the payload starts: the start of a slice.
    pub shard_offset: u64,
    pub payload_bytes: u32,
    /// Ends the shard.
    pub last: bool,
}

/// Where a run stands, and as of when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RunPlace {
    pub drive: DriveUuid,
    pub segment: SegmentNumber,
    pub generation: u64,
    /// Of the header, in the segment.
    pub position: u64,
    /// Everything in the segment below this was durable before the run was written: what is bad
    /// there is corruption, what is bad above is a torn tail.
    pub watermark: u64,
    pub writer_epoch: u64,
}

/// A run's header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RunHeader {
    pub content: RunContent,
    pub place: RunPlace,
}

/// Offsets of the parts of a run from its start, and its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Framing {
    pub payload: u64,
    pub footer: u64,
    pub end: u64,
}

/// The parts of a run of so many bytes and chunks.
pub(crate) fn framing(class: Class, payload_bytes: u32, chunk_count: u64) -> Framing {
    let align = |offset: u64| offset.next_multiple_of(class.alignment());
    let payload = align(HEADER_BYTES as u64);
    let footer = align(payload + u64::from(payload_bytes));
    let end = align(footer + FOOTER_BYTES as u64 + 8 * chunk_count);
    Framing { payload, footer, end }
}

impl RunContent {
    pub fn chunk_count(&self) -> u64 {
        u64::from(self.payload_bytes).div_ceil(chunk_bytes(self.slice_bytes))
    }

    pub fn framing(&self, class: Class) -> Framing {
        framing(class, self.payload_bytes, self.chunk_count())
    }

    /// The checksums of the chunks of `payload`.
    pub fn checksum_chunks(&self, payload: &[u8]) -> Vec<Crc64> {
        let chunk_bytes = chunk_bytes(self.slice_bytes);
        let first = self.shard_offset / chunk_bytes;
        let chunk_bytes = usize::try_from(chunk_bytes).expect("at most CHUNK_BYTES_MAX");
        (first..)
            .zip(payload.chunks(chunk_bytes))
            .map(|(chunk, bytes)| chunk_checksum(self.data, self.shard, chunk, bytes))
            .collect()
    }
}

impl RunHeader {
    pub fn encode(&self) -> Vec<u8> {
        let Self { content, place } = self;
        WireWriter::default()
            .bytes(&HEADER_MAGIC)
            .u16(FORMAT)
            .u8(KIND_SHARD)
            .u8(if content.last { FLAG_LAST } else { 0 })
            .bytes(&place.drive.bytes())
            .u64(place.segment.get())
            .u64(place.generation)
            .u64(place.position)
            .u64(place.watermark)
            .u64(place.writer_epoch)
            .bytes(&content.data.bytes())
            .u16(content.data.partition().get())
            .u8(content.shard.get())
            .u8(content.k)
            .u8(content.m)
            .bytes(&[0; 3])
            .u32(content.slice_bytes)
            .u32(content.run)
            .u64(content.shard_offset)
            .u32(content.payload_bytes)
            .pad_to(HEADER_BODY_BYTES)
            .checksum()
            .finish()
    }

    /// `None`: no run header of this format.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(&HEADER_MAGIC) {
            return None;
        }
        let mut fields = WireReader::new(checked(bytes, HEADER_BODY_BYTES)?);
        fields.skip(HEADER_MAGIC.len())?;
        if fields.u16()? != FORMAT || fields.u8()? != KIND_SHARD {
            return None;
        }
        let flags = fields.u8()?;
        let place = RunPlace {
            drive: DriveUuid::from_bytes(fields.array()?),
            segment: SegmentNumber::new(fields.u64()?),
            generation: fields.u64()?,
            position: fields.u64()?,
            watermark: fields.u64()?,
            writer_epoch: fields.u64()?,
        };
        let data = DataId::from_bytes(fields.array()?);
        let partition = fields.u16()?;
        let (shard, k, m) = (ShardIndex::new(fields.u8()?), fields.u8()?, fields.u8()?);
        fields.skip(3)?;
        let content = RunContent {
            data,
            shard,
            k,
            m,
            slice_bytes: fields.u32()?,
            run: fields.u32()?,
            shard_offset: fields.u64()?,
            payload_bytes: fields.u32()?,
            last: flags & FLAG_LAST != 0,
        };
        // Why after a good checksum: what this version could not have written, it must not follow.
        let sound = partition == data.partition().get()
            && is_sound(k, m, content.slice_bytes)
            && u64::from(content.payload_bytes) <= RUN_PAYLOAD_BYTES_MAX.get()
            && u16::from(shard.get()) < u16::from(k) + u16::from(m);
        sound.then_some(Self { content, place })
    }

    pub fn encode_footer(&self, chunks: &[Crc64]) -> Vec<u8> {
        let Self { content, place } = self;
        let body = WireWriter::default()
            .bytes(&FOOTER_MAGIC)
            .u32(u32::try_from(chunks.len()).expect("a run is a few MiB"))
            .bytes(&content.data.bytes())
            .u8(content.shard.get())
            .bytes(&[0; 3])
            .u32(content.run)
            .u64(place.segment.get())
            .u64(place.generation)
            .u64(place.position)
            .finish();
        let table: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.get().to_le_bytes()).collect();
        let checksum = Crc64::of_named(&body, &table);
        WireWriter::default().bytes(&body).u64(checksum.get()).bytes(&table).finish()
    }

    /// The checksums of the chunks, from this run's own footer. `None`: the footer is damaged or
    /// another run's.
    pub fn decode_footer(&self, bytes: &[u8]) -> Option<Box<[Crc64]>> {
        let count = usize::try_from(self.content.chunk_count()).ok()?;
        let (footer, rest) = bytes.split_at_checked(FOOTER_BYTES)?;
        let table = rest.get(..count.checked_mul(8)?)?;
        let mut checksums = table.as_chunks::<8>().0.iter().map(|one| u64::from_le_bytes(*one));
        let chunks: Box<[Crc64]> = checksums.by_ref().map(Crc64::new).collect();
        // Every field is known from the header: the footer is this one or another run's.
        (self.encode_footer(&chunks).get(..FOOTER_BYTES)? == footer).then_some(chunks)
    }
}

const _: () = assert!((HEADER_BYTES as u64).is_multiple_of(PACK_BYTES));
const _: () = assert!((FOOTER_BYTES as u64).is_multiple_of(PACK_BYTES));

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> RunHeader {
        RunHeader {
            content: RunContent {
                data: DataId::from_bytes([0xab; 16]),
                shard: ShardIndex::new(5),
                run: 2,
                k: 4,
                m: 2,
                slice_bytes: 262_144,
                shard_offset: 524_288,
                payload_bytes: 100_000,
                last: true,
            },
            place: RunPlace {
                drive: DriveUuid::from_bytes([0xd2; 16]),
                segment: SegmentNumber::new(7),
                generation: 1,
                position: 0x2000,
                watermark: 0x1000,
                writer_epoch: 9,
            },
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn golden_bytes_of_the_header() {
        assert_eq!(
            hex(&example().encode()),
            concat!(
                "4852554e", // magic
                "01000101", // format, kind, flags
                "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
                "0700000000000000",
                "0100000000000000",
                "0020000000000000",
                "0010000000000000",
                "0900000000000000",
                "abababababababababababababababab",
                "ba0a0504", // partition, shard, k
                "02000000", // m, reserved
                "00000400",
                "02000000",
                "0000080000000000",
                "a0860100",
                "000000000000000000000000", // reserved
                "9a0386091639be28",
            )
        );
    }

    #[test]
    fn golden_bytes_of_the_footer() {
        let chunks = [Crc64::new(0x11), Crc64::new(0x22)];
        assert_eq!(
            hex(&example().encode_footer(&chunks)),
            concat!(
                "48454e44", // magic
                "02000000",
                "abababababababababababababababab",
                "05000000",
                "02000000",
                "0700000000000000",
                "0100000000000000",
                "0020000000000000",
                "bd75569c0ecd35c5",
                "1100000000000000",
                "2200000000000000",
            )
        );
    }

    #[test]
    fn golden_checksums() {
        let (data, shard) = (DataId::from_bytes([0xab; 16]), ShardIndex::new(5));
        let mut state = shard_checksum(data, shard);
        state.update(b"hamster");
        assert_eq!(chunk_checksum(data, shard, 8, b"hamster").get(), 2_286_054_290_094_451_583);
        assert_eq!(state.finish().get(), 12_540_746_627_723_201_044);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let header = example();
        let chunks: Box<[Crc64]> = [Crc64::new(1), Crc64::new(2)].into();
        let (head, foot) = (header.encode(), header.encode_footer(&chunks));
        assert_eq!(RunHeader::decode(&head), Some(header.clone()));
        assert_eq!(header.decode_footer(&foot), Some(chunks));
        for at in 0..head.len() {
            for bit in 0..8 {
                let mut flipped = head.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(RunHeader::decode(&flipped), None, "header byte {at} bit {bit}");
            }
            assert_eq!(RunHeader::decode(&head[..at]), None, "header length {at}");
        }
        for at in 0..foot.len() {
            for bit in 0..8 {
                let mut flipped = foot.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(header.decode_footer(&flipped), None, "footer byte {at} bit {bit}");
            }
            assert_eq!(header.decode_footer(&foot[..at]), None, "footer length {at}");
        }
    }

    #[test]
    fn a_packed_run_of_four_kib_takes_five_percent_more() {
        let content = RunContent { payload_bytes: 4096, k: 1, last: true, ..example().content };
        assert_eq!(content.framing(Class::Small).end, 128 + 4096 + 64 + 8);
        let bulk = content.framing(Class::Bulk);
        assert_eq!((bulk.payload, bulk.footer, bulk.end), (4096, 8192, 12288));
    }
}
