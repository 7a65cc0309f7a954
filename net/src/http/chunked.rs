//! The chunked transfer coding (RFC 9112 section 7.1), read strictly. Pure: it never copies and
//! never waits; the caller brings bytes as they come and skips what the decoder has read.
//!
//! Chunk extensions and trailers are passed over within `CHUNK_OVERHEAD_BYTES_MAX`.

use hamster_core::limits::CHUNK_OVERHEAD_BYTES_MAX;

/// How many hexadecimal digits a chunk's size may have: 60 bits, so that nothing overflows.
const SIZE_DIGITS_MAX: u8 = 15;

/// Where in a chunked body the reader stands.
#[derive(Debug)]
pub struct ChunkDecoder {
    state: State,
    /// Bytes of extensions and trailers so far.
    overhead: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeLineFeed { size: u64 },
    Payload { left: u64 },
    PayloadReturn,
    PayloadLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

/// What comes after the bytes to skip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chunked {
    /// This many bytes of payload, at least one.
    Payload(usize),
    /// Nothing yet: bring more bytes.
    More,
    /// The body has ended; what follows belongs to the next message.
    End,
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self { state: State::Size { digits: 0, size: 0 }, overhead: 0 }
    }
}

impl ChunkDecoder {
    /// Reads framing at the start of `bytes`: how many bytes to skip, and what comes then. Payload
    /// counts as read only by [`take`](Self::take).
    ///
    /// # Errors
    /// Not a chunked body, or too much overhead. The reason is for people.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, Chunked), &'static str> {
        for (skip, byte) in bytes.iter().copied().enumerate() {
            match self.state {
                State::Payload { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - skip);
                    return Ok((skip, Chunked::Payload(here)));
                }
                State::End => return Ok((skip, Chunked::End)),
                state => self.state = self.step(state, byte)?,
            }
        }
        let found = if self.state == State::End { Chunked::End } else { Chunked::More };
        Ok((bytes.len(), found))
    }

    /// Counts `count` bytes of payload as read.
    ///
    /// # Panics
    /// If that is more than the chunk has left.
    pub fn take(&mut self, count: usize) {
        let State::Payload { left } = &mut self.state else {
            assert!(count == 0, "no payload to take from");
            return;
        };
        *left = left.checked_sub(count as u64).expect("no more than the chunk has left");
        if *left == 0 {
            self.state = State::PayloadReturn;
        }
    }

    fn step(&mut self, state: State, byte: u8) -> Result<State, &'static str> {
        Ok(match (state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => State::SizeLineFeed { size },
            (State::Size { digits: 1.., size }, b';') => {
                self.pass_over(State::Extension { size })?
            }
            (State::Size { digits, size }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or("a chunk's size is malformed")?;
                if digits == SIZE_DIGITS_MAX {
                    return Err("a chunk's size is too large");
                }
                State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (State::Extension { size }, b'\r') => State::SizeLineFeed { size },
            (State::Extension { .. } | State::Trailer, _) if is_text(byte) => {
                self.pass_over(state)?
            }
            (State::SizeLineFeed { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLineFeed { size }, b'\n') => State::Payload { left: size },
            (State::PayloadReturn, b'\r') => State::PayloadLineFeed,
            (State::PayloadLineFeed, b'\n') => State::Size { digits: 0, size: 0 },
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::TrailerStart, b'!'..=b'~') => self.pass_over(State::Trailer)?,
            (State::Trailer, b'\r') => State::TrailerLineFeed,
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::LastLineFeed, b'\n') => State::End,
            _ => return Err("the chunked coding is malformed"),
        })
    }

    fn pass_over(&mut self, next: State) -> Result<State, &'static str> {
        self.overhead += 1;
        match self.overhead <= CHUNK_OVERHEAD_BYTES_MAX {
            true => Ok(next),
            false => Err("too many chunk extensions or trailers"),
        }
    }
}

/// What extensions and trailers are made of: no control characters but the tab.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}
