//! Everything of a form before its file: fields, read as their bytes come in, and the headers of the
//! part that holds the file. Called by the gate, which checks the signature in it.
//!
//! Strict where two readers could differ: lines end in CR LF, nothing stands before the first boundary.

use super::{Form, begins_with, delimiter, parameters, too_large};
use crate::error::{Code, S3Error};
use hamster_core::limits::{
    FORM_FIELDS_BYTES_MAX, FORM_FIELDS_MAX, FORM_HEAD_BYTES_MAX, FORM_PART_HEAD_BYTES_MAX,
};
use hamster_net::http::is_token;

/// How far the head has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// More of it is to come.
    More,
    /// The file begins; so many of the bytes fed last are the file's.
    File {
        /// See above.
        surplus: usize,
    },
}

/// Reads one form's head.
pub struct HeadReader {
    delimiter: Vec<u8>,
    /// Everything fed, behind the line's end that the first boundary lacks.
    buffer: Vec<u8>,
    /// What is before it was read.
    at: usize,
    /// No end of the current part's head or value begins before it.
    scanned: usize,
    state: State,
    form: Form,
    fields_bytes: usize,
}

enum State {
    /// Before a boundary.
    Boundary,
    /// Within the headers of a part.
    PartHead,
    /// Within the value of the field of this name.
    Value(String),
    /// Within the file.
    Done,
}

impl HeadReader {
    /// Of a form with this boundary.
    pub fn new(boundary: &str) -> Self {
        Self {
            delimiter: delimiter(boundary),
            buffer: b"\r\n".to_vec(),
            at: 0,
            scanned: 0,
            state: State::Boundary,
            form: Form::default(),
            fields_bytes: 0,
        }
    }

    /// Reads on. Not to be called once the file has begun.
    ///
    /// # Errors
    /// `MalformedPOSTRequest`, `MaxPostPreDataLengthExceeded`, or `InvalidArgument` for a form without
    /// a file, fields that come twice and fields that are not UTF-8.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, S3Error> {
        self.buffer.extend_from_slice(bytes);
        while self.step()? {}
        if matches!(self.state, State::Done) {
            return Ok(Progress::File { surplus: self.buffer.len() - self.at });
        }
        match self.buffer.len() > FORM_HEAD_BYTES_MAX {
            true => Err(too_large()),
            false => Ok(Progress::More),
        }
    }

    /// The fields; behind [`Progress::File`].
    pub fn into_form(self) -> Form {
        self.form
    }

    /// Whether something was read.
    fn step(&mut self) -> Result<bool, S3Error> {
        match &mut self.state {
            State::Done => Ok(false),
            State::Boundary => self.read_boundary(),
            State::PartHead => self.read_part_head(),
            State::Value(name) => {
                let name = std::mem::take(name);
                self.read_value(name)
            }
        }
    }

    fn read_boundary(&mut self) -> Result<bool, S3Error> {
        let (rest, length) = (&self.buffer[self.at..], self.delimiter.len());
        let count = rest.len().min(length);
        if rest[..count] != self.delimiter[..count] {
            return Err(malformed());
        }
        let Some(behind) = rest.get(length..length + 2) else { return Ok(false) };
        match behind {
            b"\r\n" => {
                self.at += length + 2;
                self.scanned = self.at;
                self.state = State::PartHead;
                Ok(true)
            }
            b"--" => Err(super::argument(
                "POST requires exactly one file upload per request.",
                "file",
                "0",
            )),
            _ => Err(malformed()),
        }
    }

    fn read_part_head(&mut self) -> Result<bool, S3Error> {
        const END: &[u8] = b"\r\n\r\n";
        let found = self.find(END);
        if found.unwrap_or(self.buffer.len()) - self.at > FORM_PART_HEAD_BYTES_MAX {
            return Err(malformed());
        }
        let Some(end) = found else { return Ok(false) };
        let part = str::from_utf8(&self.buffer[self.at..end]).map_err(|_| malformed())?;
        let (name, filename) = disposition(part).ok_or_else(malformed)?;
        self.at = end + END.len();
        self.scanned = self.at;
        self.state = if name.eq_ignore_ascii_case("file") {
            self.form.name_file(&filename)?;
            State::Done
        } else {
            State::Value(name)
        };
        Ok(true)
    }

    fn read_value(&mut self, name: String) -> Result<bool, S3Error> {
        let delimiter = std::mem::take(&mut self.delimiter);
        let found = self.find(&delimiter);
        self.delimiter = delimiter;
        let Some(end) = found else {
            self.state = State::Value(name);
            return Ok(false);
        };
        let value = &self.buffer[self.at..end];
        self.at = end;
        self.state = State::Boundary;
        self.fields_bytes += name.len() + value.len();
        if self.fields_bytes > FORM_FIELDS_BYTES_MAX || self.form.fields.len() == FORM_FIELDS_MAX {
            return Err(too_large());
        }
        if begins_with(&name, "x-ignore-") {
            return Ok(true);
        }
        let value = str::from_utf8(value)
            .map_err(|_| super::argument("A field's value is not UTF-8.", &name, ""))?;
        self.form.add(name, value.to_owned())?;
        Ok(true)
    }

    /// Where `what` begins behind `at`. Looks at every byte once.
    fn find(&mut self, what: &[u8]) -> Option<usize> {
        let from = self.scanned.max(self.at);
        let found = self.buffer[from..].windows(what.len()).position(|window| window == what);
        self.scanned = match found {
            Some(at) => from + at,
            None => from.max((self.buffer.len() + 1).saturating_sub(what.len())),
        };
        found.map(|at| from + at)
    }
}

/// Field and file name in the headers of a part. `None` if it is no part of a form.
fn disposition(head: &str) -> Option<(String, String)> {
    let mut found = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if !is_token(name) || value.chars().any(|it| it.is_ascii_control() && it != '\t') {
            return None;
        }
        if name.eq_ignore_ascii_case("content-transfer-encoding") {
            // Why: RFC 7578 forbids it, and another would change the file's bytes.
            let plain = ["binary", "8bit", "7bit"];
            plain.iter().find(|it| value.trim().eq_ignore_ascii_case(it))?;
        }
        if name.eq_ignore_ascii_case("content-disposition") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?.trim_start();
    let (kind, rest) = value.split_at(value.find(';')?);
    if !kind.trim_end().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename) = (None, String::new());
    for (parameter, value) in parameters::parse(rest)? {
        match parameter.as_str() {
            "name" => name = Some(value),
            "filename" => filename = value,
            _ => {}
        }
    }
    Some((name.filter(|name| !name.is_empty())?, filename))
}

fn malformed() -> S3Error {
    Code::MalformedPOSTRequest.into()
}
