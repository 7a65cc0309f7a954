//! Reads one segment from its first run to its end.

use super::window::Window;
use crate::drive::local::LocalDrive;
use crate::index::{Entry, Key, Placement};
use crate::segment::Class;
use crate::segment::header::{RUNS_START, SegmentHeader};
use crate::segment::run::{Framing, HEADER_BYTES, HEADER_MAGIC, RunContent, RunHeader};
use bytes::Bytes;
use hamster_core::checksum::Crc64;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::{BLOCK_BYTES, RESYNC_BYTES_MAX};
use hamster_core::{ByteCount, File};
use std::io;

/// Small segments are read as a whole; of bulk ones only what stands between payloads.
const SMALL_STEP: ByteCount = ByteCount::mib(1);
const BULK_STEP: ByteCount = ByteCount::kib(8);
/// What a search for the next run looks at in one go.
const SEARCH_STEP: ByteCount = ByteCount::mib(1);

/// A good run.
pub(crate) struct Found {
    pub content: RunContent,
    pub chunks: Vec<Crc64>,
    pub entry: Entry,
}

pub(crate) struct Scan<'a> {
    drive: &'a LocalDrive,
    window: Window,
    number: SegmentNumber,
    class: Class,
    length: u64,
    /// From the segment's header; if that is damaged, from the first run that is not.
    generation: Option<u64>,
    started: bool,
    position: u64,
    /// Where the last good run ends.
    end: u64,
    /// The highest that any run tells.
    watermark: u64,
    damaged: Vec<u64>,
}

impl<'a> Scan<'a> {
    pub fn new(
        drive: &'a LocalDrive,
        file: &File,
        number: SegmentNumber,
        class: Class,
        length: u64,
        from: u64,
    ) -> Self {
        let step = match class {
            Class::Small => SMALL_STEP,
            Class::Bulk => BULK_STEP,
        };
        Self {
            drive,
            window: Window::new(file, drive.core.buffers(), step),
            number,
            class,
            length,
            generation: None,
            started: false,
            position: from,
            end: from,
            watermark: 0,
            damaged: Vec::new(),
        }
    }

    /// Where the next batch may be written, if the end is clean.
    pub fn end(&self) -> u64 {
        self.end.next_multiple_of(BLOCK_BYTES.get())
    }

    /// Behind the last run that was found.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// Positions of damaged runs that had been durable.
    pub fn corrupt(&self) -> Vec<u64> {
        self.damaged.iter().copied().filter(|position| *position < self.watermark).collect()
    }

    /// Whether everything below `upto` was read, and none of it is damaged.
    pub fn has_read_all(&self, upto: u64) -> bool {
        self.damaged.is_empty() && self.end() >= upto
    }

    /// Whether every run below `upto` that can be read was found, whatever stands between them.
    pub fn has_found_all(&self, upto: u64) -> bool {
        self.position + RESYNC_BYTES_MAX.get() >= upto
    }

    /// Positions of damaged runs.
    pub fn damaged(&self) -> &[u64] {
        &self.damaged
    }

    /// The bytes of the run that was found last.
    pub async fn payload(&mut self, found: &Found) -> io::Result<Bytes> {
        let start = found.entry.placement.position + found.content.framing(self.class).payload;
        let length = u64::from(found.content.payload_bytes);
        Ok(Bytes::copy_from_slice(self.window.bytes(start, length).await?))
    }

    /// Did the scan end at bytes that nobody has written? A torn tail is never written over: it may
    /// be rot that only looks so, with good runs behind it.
    pub async fn is_clean(&mut self) -> io::Result<bool> {
        let end = self.end();
        let rest = self.window.bytes(end, BLOCK_BYTES.get()).await?;
        Ok(!rest.is_empty()
            && rest.iter().all(|&byte| byte == 0)
            && self.damaged.iter().all(|position| *position < self.watermark))
    }

    /// The next good run; `None` at the end.
    pub async fn next(&mut self) -> io::Result<Option<Found>> {
        if !self.started {
            self.started = true;
            self.read_header().await?;
        }
        while self.position + HEADER_BYTES as u64 <= self.length {
            let Some((header, framing)) = self.header_at(self.position).await? else {
                if !self.skip_to_next().await? {
                    break;
                }
                continue;
            };
            let start = self.position;
            self.position += framing.end;
            self.generation.get_or_insert(header.place.generation);
            self.watermark = self.watermark.max(header.place.watermark);
            match self.chunks_of(&header, framing).await? {
                Some(chunks) => {
                    self.end = self.position;
                    let entry = self.entry(&header, start, &chunks);
                    let content = header.content;
                    return Ok(Some(Found { content, chunks: chunks.into(), entry }));
                }
                None if self.is_punched(start, framing).await? => self.end = self.position,
                None => self.damaged.push(start),
            }
        }
        Ok(None)
    }

    async fn read_header(&mut self) -> io::Result<()> {
        let block = self.window.bytes(0, BLOCK_BYTES.get()).await?;
        let header = SegmentHeader::decode(block)
            .filter(|header| header.drive == self.drive.uuid && header.number == self.number);
        self.generation = header.map(|header| header.generation);
        if header.is_none() {
            self.damaged.push(0);
            // A header is durable before anything else is: this is no torn tail.
            self.watermark = RUNS_START;
        }
        Ok(())
    }

    /// The header of a run that was written to this very position.
    async fn header_at(&mut self, position: u64) -> io::Result<Option<(RunHeader, Framing)>> {
        let bytes = self.window.bytes(position, HEADER_BYTES as u64).await?;
        let Some(header) = RunHeader::decode(bytes) else { return Ok(None) };
        let place = header.place;
        let framing = header.content.framing(self.class);
        let is_here = place.drive == self.drive.uuid
            && place.segment == self.number
            && place.position == position
            && self.generation.is_none_or(|generation| generation == place.generation)
            && position + framing.end <= self.length;
        Ok(is_here.then_some((header, framing)))
    }

    /// Whether a bulk run was freed: its header stays, the rest reads as zeroes.
    async fn is_punched(&mut self, start: u64, framing: Framing) -> io::Result<bool> {
        if self.class != Class::Bulk {
            return Ok(false);
        }
        let footer =
            self.window.bytes(start + framing.footer, framing.end - framing.footer).await?;
        Ok(footer.iter().all(|&byte| byte == 0))
    }

    /// The checksums of a run's chunks, if its footer (and, where it is at hand, its payload) is
    /// good.
    async fn chunks_of(
        &mut self,
        header: &RunHeader,
        framing: Framing,
    ) -> io::Result<Option<Box<[Crc64]>>> {
        let start = header.place.position;
        let footer =
            self.window.bytes(start + framing.footer, framing.end - framing.footer).await?;
        let Some(chunks) = header.decode_footer(footer) else { return Ok(None) };
        if self.class == Class::Bulk {
            return Ok(Some(chunks));
        }
        let length = u64::from(header.content.payload_bytes);
        let payload = self.window.bytes(start + framing.payload, length).await?;
        let good = header.content.checksum_chunks(payload)[..] == chunks[..];
        Ok(good.then_some(chunks))
    }

    fn entry(&self, header: &RunHeader, position: u64, chunks: &[Crc64]) -> Entry {
        let RunHeader { content, place } = header;
        Entry {
            key: Key {
                data: content.data,
                shard_offset: content.shard_offset,
                shard: content.shard,
            },
            placement: Placement {
                segment: self.number,
                generation: place.generation,
                class: self.class,
                position,
                payload_bytes: content.payload_bytes,
                writer_epoch: place.writer_epoch,
                chunks: (self.class == Class::Bulk).then(|| chunks.into()),
            },
        }
    }

    /// No run starts here: goes on behind the padding of a batch, or where the next good run is
    /// found. `false`: there is none.
    async fn skip_to_next(&mut self) -> io::Result<bool> {
        let block = BLOCK_BYTES.get();
        let padding = self.position.next_multiple_of(block) - self.position;
        if padding > 0 {
            let rest = self.window.bytes(self.position, padding).await?;
            if rest.iter().all(|&byte| byte == 0) {
                self.position += padding;
                return Ok(true);
            }
        }
        let limit = self.length.min(self.position + RESYNC_BYTES_MAX.get());
        let mut candidate = self.position + self.class.alignment();
        while candidate < limit {
            let Some(found) = self.find_magic(candidate, limit).await? else { break };
            if self.header_at(found).await?.is_some() {
                self.damaged.push(self.position);
                self.position = found;
                return Ok(true);
            }
            candidate = found + self.class.alignment();
        }
        Ok(false)
    }

    /// The first place from `from` on, before `limit`, that looks like the start of a run.
    async fn find_magic(&mut self, mut from: u64, limit: u64) -> io::Result<Option<u64>> {
        let alignment = self.class.alignment();
        let step = usize::try_from(alignment).expect("at most a block");
        while from < limit {
            let bytes = self.window.bytes(from, (limit - from).min(SEARCH_STEP.get())).await?;
            if bytes.is_empty() {
                break;
            }
            let places = (from..).step_by(step).zip(bytes.chunks(step));
            let found = places.into_iter().find(|(_, bytes)| bytes.starts_with(&HEADER_MAGIC));
            if let Some((place, _)) = found {
                return Ok(Some(place));
            }
            from = (from + bytes.len() as u64).next_multiple_of(alignment);
        }
        Ok(None)
    }
}
