//! Reading a snapshot: bytes in as they come, checked parts out. Memory holds what was pushed last
//! and one frame at most.

use super::frame::{
    Block, FRAME_HEAD_BYTES, Footer, Kind, MAGIC, PREAMBLE_BYTES, STREAM_FORMAT, checksum,
};
use super::{Header, SnapshotError};
use crate::key;
use crate::log::{Position, StoredMembership};
use crate::record::{Malformed, Record};
use hamster_core::checksum::{Crc64, Crc64State};
use hamster_core::limits;

/// A piece of a snapshot that was checked by itself. Whether the whole is one shows in the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    /// What it is a snapshot of.
    Header(Header),
    /// Keys and values, behind all that came before.
    Rows(Vec<(Vec<u8>, Vec<u8>)>),
    /// The footer: all is there.
    End,
}

/// A snapshot that is being read.
pub(crate) struct Decoder {
    /// What was pushed and not read yet.
    bytes: Vec<u8>,
    started: bool,
    ended: bool,
    /// Frames read.
    frames: u64,
    rows: u64,
    covered: Crc64State,
    header: Option<Header>,
    last_key: Vec<u8>,
    /// What the rows say of themselves: the header must say the same.
    applied: Option<Position>,
    membership: StoredMembership,
}

impl Decoder {
    /// Nothing read yet.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            started: false,
            ended: false,
            frames: 0,
            rows: 0,
            covered: Crc64State::new(),
            header: None,
            last_key: Vec::new(),
            applied: None,
            membership: StoredMembership::default(),
        }
    }

    /// More bytes of the stream; to be followed by [`Decoder::next`] until that gives nothing.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next section, if all of it was pushed.
    ///
    /// # Errors
    /// It is not what was written. Nothing of the stream may be used.
    pub(crate) fn next(&mut self) -> Result<Option<Section>, SnapshotError> {
        if !self.started {
            if self.bytes.len() < PREAMBLE_BYTES {
                return Ok(None);
            }
            self.preamble()?;
        }
        if self.ended {
            let nothing = self.bytes.is_empty();
            return nothing.then_some(None).ok_or(self.damaged("something follows the footer"));
        }
        let Some((kind, payload)) = self.frame()? else { return Ok(None) };
        let section = match (kind, self.header.is_some()) {
            (Kind::Header, false) => self.header(&payload)?,
            (Kind::Rows, true) => self.rows(&payload)?,
            (Kind::Footer, true) => self.footer(&payload)?,
            _ => return Err(self.damaged("a frame of another kind is due")),
        };
        self.frames += 1;
        Ok(Some(section))
    }

    /// The header, when the stream has ended.
    ///
    /// # Errors
    /// There should be more of it.
    pub(crate) fn finish(self) -> Result<Header, SnapshotError> {
        let whole = self.ended && self.bytes.is_empty();
        self.header.filter(|_| whole).ok_or(SnapshotError::Cut { frames: self.frames })
    }

    fn damaged(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Damaged { frame: self.frames, what }
    }

    fn unreadable(&self, malformed: Malformed) -> SnapshotError {
        match malformed {
            Malformed::Newer(format) => SnapshotError::Newer(format),
            Malformed::Not(what) => self.damaged(what),
        }
    }

    /// Takes the first `length` bytes, which are there.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(length);
        std::mem::replace(&mut self.bytes, rest)
    }

    fn preamble(&mut self) -> Result<(), SnapshotError> {
        let preamble = self.take(PREAMBLE_BYTES);
        let format = preamble.strip_prefix(&MAGIC).and_then(<[u8]>::first_chunk);
        let format = format.copied().map(u32::from_be_bytes).ok_or(SnapshotError::NotOne)?;
        match format {
            STREAM_FORMAT => {}
            0 => return Err(SnapshotError::NotOne),
            newer => return Err(SnapshotError::Newer(newer)),
        }
        self.covered.update(&preamble);
        self.started = true;
        Ok(())
    }

    /// Takes the next frame, if all of it is there.
    fn frame(&mut self) -> Result<Option<(Kind, Vec<u8>)>, SnapshotError> {
        let Some(head) = self.bytes.first_chunk::<FRAME_HEAD_BYTES>().copied() else {
            return Ok(None);
        };
        let [kind, a, b, c, d, sum @ ..] = head;
        let kind = Kind::of(kind).ok_or(self.damaged("its kind is not known"))?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        if length > limits::SNAPSHOT_FRAME_BYTES_MAX.get() {
            return Err(self.damaged("it is too long"));
        }
        let end = FRAME_HEAD_BYTES + usize::try_from(length).unwrap_or(usize::MAX);
        if self.bytes.len() < end {
            return Ok(None);
        }
        let mut frame = self.take(end);
        let payload = frame.split_off(FRAME_HEAD_BYTES);
        let expected = Crc64::new(u64::from_be_bytes(sum));
        if checksum(self.frames, &head[..FRAME_HEAD_BYTES - sum.len()], &payload) != expected {
            return Err(self.damaged("its checksum is wrong"));
        }
        if kind != Kind::Footer {
            self.covered.update(&frame);
            self.covered.update(&payload);
        }
        Ok(Some((kind, payload)))
    }

    fn header(&mut self, payload: &[u8]) -> Result<Section, SnapshotError> {
        let header = Header::decode(payload).map_err(|malformed| self.unreadable(malformed))?;
        self.header = Some(header.clone());
        Ok(Section::Header(header))
    }

    fn rows(&mut self, payload: &[u8]) -> Result<Section, SnapshotError> {
        let block = Block::decode(payload);
        let Block(rows) = block.map_err(|malformed| self.unreadable(malformed))?;
        let to = key::all().to;
        for (key, value) in &rows {
            if *key <= self.last_key || *key >= to {
                return Err(self.damaged("its rows are out of order"));
            }
            self.last_key.clone_from(key);
            let known = if *key == key::applied() {
                Position::decode(value).map(|applied| self.applied = Some(applied))
            } else if *key == key::membership() {
                StoredMembership::decode(value).map(|membership| self.membership = membership)
            } else {
                Ok(())
            };
            known.map_err(|malformed| self.unreadable(malformed))?;
        }
        self.rows += rows.len() as u64;
        Ok(Section::Rows(rows))
    }

    fn footer(&mut self, payload: &[u8]) -> Result<Section, SnapshotError> {
        let footer = Footer::decode(payload).map_err(|malformed| self.unreadable(malformed))?;
        if footer != (Footer { rows: self.rows, checksum: self.covered.finish() }) {
            return Err(self.damaged("it does not cover what came before"));
        }
        let told = self.header.as_ref().map(|header| (Some(header.position), &header.membership));
        if told != Some((self.applied, &self.membership)) {
            return Err(self.damaged("the rows are of another moment than the header"));
        }
        self.ended = true;
        Ok(Section::End)
    }
}
