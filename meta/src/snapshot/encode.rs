//! Writing a snapshot: one chunk after the other, so that memory holds one block of rows at most.

use super::Header;
use super::frame::{Block, Footer, Kind, frame, preamble};
use crate::key::{self, KeyRange};
use crate::record::Record;
use crate::state::{Moment, ReadError, View, Visit};
use hamster_core::checksum::Crc64State;
use hamster_core::limits;

/// A snapshot that is being written. Its calls block.
pub(crate) struct Encoder {
    moment: Moment,
    header: Header,
    next: Next,
    /// Frames written.
    frames: u64,
    rows: u64,
    covered: Crc64State,
}

/// What is written next.
enum Next {
    Header,
    /// Those from this key on.
    Rows(Vec<u8>),
    Footer,
    Nothing,
}

impl Encoder {
    /// A snapshot of `moment`; none of a state to which nothing was applied.
    pub(crate) fn new(moment: Moment) -> Result<Option<Self>, ReadError> {
        let header = Header::of(&moment)?;
        let covered = Crc64State::new();
        let encoder =
            |header| Self { moment, header, next: Next::Header, frames: 0, rows: 0, covered };
        Ok(header.map(encoder))
    }

    /// What it is a snapshot of.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The next bytes of the stream: a frame. `None` at its end.
    ///
    /// # Errors
    /// The state cannot be read; the stream must not be used.
    pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            match &self.next {
                Next::Header => {
                    let preamble = preamble();
                    self.covered.update(&preamble);
                    self.next = Next::Rows(key::all().from);
                    let frame = self.frame(Kind::Header, &self.header.encode())?;
                    return Ok(Some([preamble, frame].concat()));
                }
                Next::Rows(from) => {
                    let (block, next) = self.block(from)?;
                    self.next = next;
                    if !block.0.is_empty() {
                        self.rows += block.0.len() as u64;
                        return self.frame(Kind::Rows, &block.encode()).map(Some);
                    }
                }
                Next::Footer => {
                    let footer = Footer { rows: self.rows, checksum: self.covered.finish() };
                    self.next = Next::Nothing;
                    return self.frame(Kind::Footer, &footer.encode()).map(Some);
                }
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// The rows from a key on that fill a block, and what follows them.
    fn block(&self, from: &[u8]) -> Result<(Block, Next), ReadError> {
        let range = KeyRange { from: from.to_vec(), to: key::all().to };
        let (mut block, mut bytes, mut next) = (Block::default(), 0, Next::Footer);
        self.moment.scan(&range, &mut |key, value| {
            bytes += key.len() + value.len();
            block.0.push((key.to_vec(), value.to_vec()));
            if bytes < limits::SNAPSHOT_BLOCK_BYTES.as_usize() {
                return Ok(Visit::Next);
            }
            next = Next::Rows([key, &[0]].concat());
            Ok(Visit::Stop)
        })?;
        Ok((block, next))
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) -> Result<Vec<u8>, ReadError> {
        if payload.len() > limits::SNAPSHOT_FRAME_BYTES_MAX.as_usize() {
            return Err(ReadError::Failed("a row is too long for a snapshot".into()));
        }
        let frame = frame(self.frames, kind, payload);
        self.frames += 1;
        self.covered.update(&frame);
        Ok(frame)
    }
}
