//! Finds the end of a form's file while its bytes stream by: the first boundary. Whatever is behind it
//! is ignored, as S3 does. Called by `body::FormFile`.

use super::delimiter;
use crate::error::{Code, S3Error};

/// What stands at the front of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many bytes of the file.
    Payload(usize),
    /// So many bytes that looked like a boundary and were the file's after all: the first of
    /// [`FileDecoder::delimiter`]. Nothing of the bytes is read.
    Held(usize),
    /// So many bytes of a boundary, or of what may be one.
    Framing(usize),
    /// The file is over.
    End,
}

/// Finds the end of one file.
pub struct FileDecoder {
    delimiter: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// So many bytes of the delimiter have come last.
    File {
        matched: usize,
    },
    /// The delimiter has come; then this.
    Behind {
        first: Option<u8>,
    },
    Ended,
}

impl FileDecoder {
    /// Of a form with this boundary.
    pub fn new(boundary: &str) -> Self {
        Self { delimiter: delimiter(boundary), state: State::File { matched: 0 } }
    }

    /// What [`Step::Held`] gives the first bytes of.
    pub fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// Whether the file is over.
    pub fn is_at_end(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Reads on; `bytes` has at least one, and those that the step tells of are to be dropped.
    ///
    /// # Errors
    /// `MalformedPOSTRequest` if a boundary is followed by neither a line's end nor the form's.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, S3Error> {
        match self.state {
            State::File { matched: 0 } => Ok(self.search(bytes)),
            State::File { matched } => Ok(self.match_on(matched, bytes)),
            State::Behind { first } => {
                let Some(&byte) = bytes.first() else { return Ok(Step::Framing(0)) };
                self.state = match (first, byte) {
                    (None, b'\r' | b'-') => State::Behind { first: Some(byte) },
                    (Some(b'\r'), b'\n') | (Some(b'-'), b'-') => State::Ended,
                    _ => return Err(Code::MalformedPOSTRequest.into()),
                };
                Ok(Step::Framing(1))
            }
            State::Ended => Ok(Step::End),
        }
    }

    /// Looks for the delimiter, which may be cut off at the end of `bytes`.
    fn search(&mut self, bytes: &[u8]) -> Step {
        let mut from = 0;
        while let Some(at) = find(bytes, from, b'\r') {
            let rest = &bytes[at..];
            let count = rest.len().min(self.delimiter.len());
            if rest[..count] != self.delimiter[..count] {
                // Why the next byte: a boundary holds no carriage return, so none begins within it.
                from = at + 1;
                continue;
            }
            if at > 0 {
                return Step::Payload(at);
            }
            self.advance(count);
            return Step::Framing(count);
        }
        Step::Payload(bytes.len())
    }

    /// Goes on with a delimiter of which the beginning has come.
    fn match_on(&mut self, matched: usize, bytes: &[u8]) -> Step {
        let rest = &self.delimiter[matched..];
        let count = rest.len().min(bytes.len());
        if bytes[..count] != rest[..count] {
            self.state = State::File { matched: 0 };
            return Step::Held(matched);
        }
        self.advance(matched + count);
        Step::Framing(count)
    }

    fn advance(&mut self, matched: usize) {
        self.state = match matched == self.delimiter.len() {
            true => State::Behind { first: None },
            false => State::File { matched },
        };
    }
}

fn find(bytes: &[u8], from: usize, what: u8) -> Option<usize> {
    bytes[from..].iter().position(|byte| *byte == what).map(|at| from + at)
}
