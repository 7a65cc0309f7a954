//! An HTTP answer, as its bytes come in.

use std::ops::ControlFlow;

/// An answer's head is never longer than this.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Headers of an answer.
const HEADERS_MAX: usize = 64;

/// The connection carries no HTTP that could be followed further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garbled;

/// What is read next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Head,
    Body { remaining: usize },
    ChunkSize,
    Chunk { remaining: usize },
    ChunkEnd,
    Trailers,
    Done,
}

/// One answer under way.
pub struct Answer {
    phase: Phase,
    /// A head or a line that has not come in full.
    partial: Vec<u8>,
    /// The HTTP status, once the head is there.
    pub status: u16,
    /// Bytes of the body that came.
    pub body_bytes: usize,
    /// The server closes the connection after this answer.
    pub closes: bool,
}

impl Answer {
    /// Nothing came yet.
    pub fn new() -> Self {
        Self { phase: Phase::Head, partial: Vec::new(), status: 0, body_bytes: 0, closes: false }
    }

    /// Begins anew, keeping memory.
    pub fn clear(&mut self) {
        self.partial.clear();
        let partial = std::mem::take(&mut self.partial);
        *self = Self { partial, ..Self::new() };
    }

    /// Did all of it come?
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Takes what came. `body` is given the pieces of the body: the status, the piece's offset, the
    /// piece.
    ///
    /// # Errors
    /// This is no HTTP, or more came than belongs to the answer.
    pub fn take(
        &mut self,
        mut bytes: &[u8],
        mut body: impl FnMut(u16, usize, &[u8]),
    ) -> Result<(), Garbled> {
        while !bytes.is_empty() {
            match self.phase {
                Phase::Head => match self.take_head(bytes)? {
                    ControlFlow::Continue(used) => bytes = &bytes[used..],
                    ControlFlow::Break(()) => return Ok(()),
                },
                Phase::Body { remaining } | Phase::Chunk { remaining } => {
                    let (piece, rest) = bytes.split_at(remaining.min(bytes.len()));
                    body(self.status, self.body_bytes, piece);
                    self.body_bytes += piece.len();
                    self.advance(remaining - piece.len());
                    bytes = rest;
                }
                Phase::ChunkSize | Phase::ChunkEnd | Phase::Trailers => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    self.partial.extend_from_slice(line);
                    if end.is_some() {
                        self.take_line()?;
                    }
                    bytes = rest;
                }
                Phase::Done => return Err(Garbled),
            }
        }
        Ok(())
    }

    /// A piece of a body came; `remaining` are still to come.
    fn advance(&mut self, remaining: usize) {
        self.phase = match (self.phase, remaining) {
            (Phase::Chunk { .. }, 0) => Phase::ChunkEnd,
            (Phase::Chunk { .. }, _) => Phase::Chunk { remaining },
            (_, 0) => Phase::Done,
            (_, _) => Phase::Body { remaining },
        };
    }

    /// The bytes used of a complete head, or a break if it is not complete.
    fn take_head(&mut self, bytes: &[u8]) -> Result<ControlFlow<(), usize>, Garbled> {
        let before = self.partial.len();
        if before == 0 {
            if let Some(used) = self.parse_head(bytes)? {
                return Ok(ControlFlow::Continue(used));
            }
            self.partial.extend_from_slice(bytes);
            return Ok(ControlFlow::Break(()));
        }
        self.partial.extend_from_slice(bytes);
        let partial = std::mem::take(&mut self.partial);
        let used = self.parse_head(&partial)?;
        self.partial = partial;
        if self.partial.len() > HEAD_BYTES_MAX && used.is_none() {
            return Err(Garbled);
        }
        Ok(match used {
            Some(used) => {
                self.partial.clear();
                ControlFlow::Continue(used - before)
            }
            None => ControlFlow::Break(()),
        })
    }

    /// Reads a head, if it is complete: its length, and what follows it.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Garbled> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let used = match response.parse(bytes).map_err(|_| Garbled)? {
            httparse::Status::Complete(used) => used,
            httparse::Status::Partial => return Ok(None),
        };
        self.status = response.code.ok_or(Garbled)?;
        if self.status == 100 {
            return Ok(Some(used));
        }
        let (mut length, mut chunked) = (None, false);
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).map_err(|_| Garbled)?;
                length = Some(text.trim().parse().map_err(|_| Garbled)?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes = header.value.eq_ignore_ascii_case(b"close");
            }
        }
        self.phase = match (chunked, length, self.status) {
            (_, _, 204 | 304) | (false, Some(0), _) => Phase::Done,
            (true, _, _) => Phase::ChunkSize,
            (false, Some(remaining), _) => Phase::Body { remaining },
            (false, None, _) => return Err(Garbled),
        };
        Ok(Some(used))
    }

    /// A line of the chunked encoding is complete.
    fn take_line(&mut self) -> Result<(), Garbled> {
        let line = self.partial.trim_ascii();
        self.phase = match self.phase {
            Phase::ChunkSize => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = std::str::from_utf8(digits.trim_ascii()).map_err(|_| Garbled)?;
                match usize::from_str_radix(digits, 16).map_err(|_| Garbled)? {
                    0 => Phase::Trailers,
                    remaining => Phase::Chunk { remaining },
                }
            }
            Phase::ChunkEnd => Phase::ChunkSize,
            _ if line.is_empty() => Phase::Done,
            phase => phase,
        };
        self.partial.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of `step` bytes; the status and the body if it was a whole answer.
    fn read(text: &[u8], step: usize) -> Result<Option<(u16, Vec<u8>)>, Garbled> {
        let (mut answer, mut body) = (Answer::new(), Vec::new());
        for piece in text.chunks(step) {
            answer.take(piece, |_, offset, piece| {
                assert_eq!(offset, body.len());
                body.extend_from_slice(piece);
            })?;
        }
        Ok(answer.is_done().then_some((answer.status, body)))
    }

    #[test]
    fn however_it_is_cut_an_answer_reads_the_same() {
        let long = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde".as_slice();
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            .as_slice();
        for text in [long, chunked] {
            for step in 1..=text.len() {
                assert_eq!(read(text, step), Ok(Some((200, b"abcde".to_vec()))), "step {step}");
            }
        }
    }

    #[test]
    fn a_cut_answer_is_not_done_and_surplus_is_garbled() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd", 9), Ok(None));
        assert_eq!(read(b"HTTP/1.1 204 No\r\n\r\nx", 99), Err(Garbled));
        assert_eq!(read(b"SSH-2.0\r\n\r\n", 99), Err(Garbled));
    }
}
