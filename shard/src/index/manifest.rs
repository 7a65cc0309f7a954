//! Which tables a drive's index is made of, and how far each segment is covered by them.
//!
//! One small file, replaced as a whole: the index changes from one state to the next in one step.

use super::entry::Key;
use super::table::TableInfo;
use crate::segment::Class;
use crate::wire::{WireReader, WireWriter, checked};
use hamster_core::Directory;
use hamster_core::ids::{DriveUuid, SegmentNumber};
use hamster_core::limits::MANIFEST_BYTES_MAX;
use std::io;

const FILE_NAME: &str = "manifest";
const MAGIC: [u8; 8] = *b"HAMINDEX";
/// Raised when an older version could misread a manifest or a table of this one.
const FORMAT: u16 = 1;
/// Magic, format, reserved, length: the part that every version can read.
const PREFIX_BYTES: usize = 16;

/// See the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Manifest {
    pub drive: DriveUuid,
    /// The number of the next table.
    pub next_table: u64,
    /// Newest first: of two entries with one key, the first counts.
    pub tables: Vec<TableInfo>,
    pub segments: Vec<Covered>,
}

/// What the tables know of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Covered {
    pub segment: SegmentNumber,
    pub class: Class,
    pub generation: u64,
    /// All runs below are in the tables.
    pub upto: u64,
    /// Nothing is written to it any more.
    pub sealed: bool,
    pub dead_bytes: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        let drive = DriveUuid::from_bytes([0; 16]);
        Self { drive, next_table: 0, tables: Vec::new(), segments: Vec::new() }
    }
}

/// What the bytes of a manifest are.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Decoded {
    Valid(Manifest),
    /// Of a later version, with this format.
    Newer(u16),
    Damaged,
}

impl Manifest {
    /// The manifest of an index; `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is longer than any.
    pub async fn read(directory: &Directory) -> io::Result<Option<Decoded>> {
        let bytes = directory.read_small(FILE_NAME, MANIFEST_BYTES_MAX).await?;
        Ok(bytes.map(|bytes| Self::decode(&bytes)))
    }

    /// Puts this one in the place of the one that is there, durably.
    ///
    /// # Errors
    /// Nothing was replaced, or it is not known to be durable.
    pub async fn replace(&self, directory: &Directory) -> io::Result<()> {
        let bytes = self.encode();
        if bytes.len() > MANIFEST_BYTES_MAX.as_usize() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        directory.replace_small(FILE_NAME, bytes).await
    }

    /// Magic, format, length; the fields in order; CRC-64 of all before it. A later version of the
    /// same format adds fields before the checksum; this one skips them by the length.
    pub fn encode(&self) -> Vec<u8> {
        let count = |count: usize| u32::try_from(count).expect("MANIFEST_BYTES_MAX is far below");
        let mut fields = WireWriter::default()
            .bytes(&self.drive.bytes())
            .u64(self.next_table)
            .u32(count(self.tables.len()))
            .u32(count(self.segments.len()));
        for table in &self.tables {
            fields = write_table(fields, table);
        }
        for covered in &self.segments {
            fields = covered.write(fields);
        }
        let fields = fields.finish();
        WireWriter::default()
            .bytes(&MAGIC)
            .u16(FORMAT)
            .u16(0)
            .u32(count(PREFIX_BYTES + fields.len()))
            .bytes(&fields)
            .checksum()
            .finish()
    }

    pub fn decode(bytes: &[u8]) -> Decoded {
        let mut prefix = WireReader::new(bytes);
        let (magic, format) = (prefix.array(), prefix.u16());
        if magic != Some(MAGIC) {
            return Decoded::Damaged;
        }
        match format {
            Some(format) if format > FORMAT => Decoded::Newer(format),
            _ => decode_fields(bytes).map_or(Decoded::Damaged, Decoded::Valid),
        }
    }
}

fn decode_fields(bytes: &[u8]) -> Option<Manifest> {
    let length = WireReader::new(bytes.get(12..)?).u32()?;
    let body = checked(bytes, usize::try_from(length).ok()?)?;
    let mut fields = WireReader::new(body.get(PREFIX_BYTES..)?);
    let (drive, next_table) = (DriveUuid::from_bytes(fields.array()?), fields.u64()?);
    let (tables, segments) = (fields.u32()?, fields.u32()?);
    Some(Manifest {
        drive,
        next_table,
        tables: (0..tables).map(|_| read_table(&mut fields)).collect::<Option<_>>()?,
        segments: (0..segments).map(|_| Covered::read(&mut fields)).collect::<Option<_>>()?,
    })
}

fn write_table(fields: WireWriter, table: &TableInfo) -> WireWriter {
    fields
        .u64(table.number)
        .u64(table.entries)
        .bytes(&table.first.to_bytes())
        .bytes(&table.last.to_bytes())
        .u64(table.blocks)
        .u64(table.leaves)
        .u64(table.root)
        .u8(table.height)
        .u64(table.bloom_start)
        .u64(table.bloom_blocks)
}

fn read_table(fields: &mut WireReader) -> Option<TableInfo> {
    Some(TableInfo {
        number: fields.u64()?,
        entries: fields.u64()?,
        first: Key::read(fields)?,
        last: Key::read(fields)?,
        blocks: fields.u64()?,
        leaves: fields.u64()?,
        root: fields.u64()?,
        height: fields.u8()?,
        bloom_start: fields.u64()?,
        bloom_blocks: fields.u64()?,
    })
}

impl Covered {
    fn write(&self, fields: WireWriter) -> WireWriter {
        fields
            .u64(self.segment.get())
            .u8(self.class.code())
            .u64(self.generation)
            .u64(self.upto)
            .u8(u8::from(self.sealed))
            .u64(self.dead_bytes)
    }

    fn read(fields: &mut WireReader) -> Option<Self> {
        Some(Self {
            segment: SegmentNumber::new(fields.u64()?),
            class: Class::from_code(fields.u8()?)?,
            generation: fields.u64()?,
            upto: fields.u64()?,
            sealed: match fields.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            dead_bytes: fields.u64()?,
        })
    }
}
