//! Which tables a drive's index is made of, and how far each segment is covered by them.
//!
//! One small file, replaced as a whole: the index changes from one state to the next in one step.

use super::entry::Key;
use super::table::TableInfo;
use crate::segment::Class;
use crate::wire::{self, Envelope, WireReader, WireWriter};
use hamster_core::Directory;
use hamster_core::ids::{DriveUuid, SegmentNumber};
use hamster_core::limits::MANIFEST_BYTES_MAX;
use std::io;

const FILE_NAME: &str = "manifest";
const ENVELOPE: Envelope = Envelope { magic: *b"HAMINDEX", format: 1 };

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
pub(crate) type Decoded = wire::Decoded<Manifest>;

impl Manifest {
    /// The manifest of an index; `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is longer than any.
    pub async fn read(directory: &Directory) -> io::Result<Option<Decoded>> {
        let bytes = directory.read_small(FILE_NAME, MANIFEST_BYTES_MAX).await?;
        Ok(bytes.map(|bytes| Self::decode(&bytes)))
    }

    /// Puts this one in the place of the one that is there, durably. Returns its length.
    ///
    /// # Errors
    /// Nothing was replaced, or it is not known to be durable.
    pub async fn replace(&self, directory: &Directory) -> io::Result<u64> {
        let bytes = self.encode();
        let length = bytes.len() as u64;
        if bytes.len() > MANIFEST_BYTES_MAX.as_usize() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        directory.replace_small(FILE_NAME, bytes).await?;
        Ok(length)
    }

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
        ENVELOPE.encode(&fields.finish())
    }

    pub fn decode(bytes: &[u8]) -> Decoded {
        ENVELOPE.decode(bytes, read_fields)
    }
}

fn read_fields(fields: &mut WireReader) -> Option<Manifest> {
    let (drive, next_table) = (DriveUuid::from_bytes(fields.array()?), fields.u64()?);
    let (tables, segments) = (fields.u32()?, fields.u32()?);
    Some(Manifest {
        drive,
        next_table,
        tables: (0..tables).map(|_| read_table(fields)).collect::<Option<_>>()?,
        segments: (0..segments).map(|_| Covered::read(fields)).collect::<Option<_>>()?,
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
