//! What is written, and how it is known again: bodies that follow from a number, and values by the
//! ETags that stand for them.

use hamster_core::Map;
use md5::{Digest as _, Md5};
use std::cell::RefCell;

/// A body: one run of bytes for each part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content(pub Vec<Run>);

/// Bytes that follow from a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Never twice in a world.
    pub number: u64,
    /// How many bytes.
    pub length: usize,
}

impl Run {
    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        let mut state = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = vec![0; self.length];
        for (place, word) in bytes.chunks_mut(8).enumerate() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let next = if place == 0 { self.number } else { state };
            word.copy_from_slice(&next.to_le_bytes()[..word.len()]);
        }
        bytes
    }

    /// Its MD5: the ETag of a body or part of its own.
    pub fn etag(self) -> String {
        hex::encode(Md5::digest(self.bytes()))
    }
}

impl Content {
    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        match self.0.as_slice() {
            [run] => run.bytes(),
            runs => runs.iter().map(|run| run.bytes()).collect::<Vec<_>>().concat(),
        }
    }

    /// How long it is.
    pub fn length(&self) -> usize {
        self.0.iter().map(|run| run.length).sum()
    }

    /// The ETag of an object that was put whole.
    fn etag_whole(&self) -> String {
        hex::encode(Md5::digest(self.bytes()))
    }

    /// The ETag of an object completed of parts.
    fn etag_of_parts(&self) -> String {
        let mut all = Md5::new();
        for run in &self.0 {
            all.update(Md5::digest(run.bytes()));
        }
        format!("{}-{}", hex::encode(all.finalize()), self.0.len())
    }
}

/// What a key holds. Zero: nothing.
pub type Value = usize;

/// No object.
pub const ABSENT: Value = 0;

/// Every value that was ever sent.
#[derive(Default)]
pub struct Values(RefCell<Known>);

#[derive(Default)]
struct Known {
    by_etag: Map<String, Value>,
    contents: Vec<(String, Content)>,
}

impl Values {
    /// The value of a body that is put whole, and its ETag.
    pub fn of_whole(&self, content: Content) -> (Value, String) {
        self.keep(content.etag_whole(), content)
    }

    /// The value of a body completed of parts, and its ETag.
    pub fn of_parts(&self, content: Content) -> (Value, String) {
        self.keep(content.etag_of_parts(), content)
    }

    fn keep(&self, etag: String, content: Content) -> (Value, String) {
        let known = &mut *self.0.borrow_mut();
        if let Some(value) = known.by_etag.get(&etag) {
            return (*value, etag);
        }
        known.contents.push((etag.clone(), content));
        let value = known.contents.len();
        known.by_etag.insert(etag.clone(), value);
        (value, etag)
    }

    /// The value that an answer's ETag stands for; an error if nobody sent it.
    pub fn with_etag(&self, etag: &str) -> Result<Value, String> {
        let plain = etag.trim_matches('"');
        let known = self.0.borrow();
        known.by_etag.get(plain).copied().ok_or_else(|| format!("ETag {etag}: nobody wrote that"))
    }

    /// What a value is.
    pub fn content(&self, value: Value) -> Option<Content> {
        let known = self.0.borrow();
        value.checked_sub(1).and_then(|at| known.contents.get(at)).map(|(_, it)| it.clone())
    }

    /// As messages name it.
    pub fn name(&self, value: Value) -> String {
        match self.content(value) {
            None => "nothing".into(),
            Some(content) => format!(
                "#{} ({} bytes)",
                content.0.first().map_or(0, |run| run.number),
                content.length()
            ),
        }
    }
}
