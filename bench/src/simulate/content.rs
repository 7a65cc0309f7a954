//! What is written, and how it is known again: bodies that follow from a number, and values by the
//! ETags that stand for them.

use hamster_core::Map;
use md5::{Digest as _, Md5};
use std::cell::RefCell;

/// A body: one run of bytes for each part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content(pub Vec<Run>);

/// Bytes that follow from a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Run {
    /// Never twice in a world, but for runs that are copied from others.
    pub number: u64,
    /// So many bytes are left out at the start.
    pub from: usize,
    /// How many bytes.
    pub length: usize,
}

impl Run {
    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        let mut state = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = vec![0; self.from + self.length];
        for (place, word) in bytes.chunks_mut(8).enumerate() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let next = if place == 0 { self.number } else { state };
            word.copy_from_slice(&next.to_le_bytes()[..word.len()]);
        }
        bytes.drain(..self.from);
        bytes
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
}

/// What a key holds. Zero: nothing.
pub type Value = usize;

/// No object.
pub const ABSENT: Value = 0;

/// Every value that was ever sent, and the MD5 of every run, which is computed once.
#[derive(Default)]
pub struct Values(RefCell<Known>);

#[derive(Default)]
struct Known {
    digests: Map<Run, [u8; 16]>,
    by_etag: Map<String, Value>,
    contents: Vec<(String, Content)>,
}

impl Values {
    /// The MD5 of a run.
    pub fn md5(&self, run: Run) -> [u8; 16] {
        let known = &mut *self.0.borrow_mut();
        *known.digests.entry(run).or_insert_with(|| Md5::digest(run.bytes()).into())
    }

    /// The ETag of a run that is a part by itself.
    pub fn etag_of_part(&self, run: Run) -> String {
        hex::encode(self.md5(run))
    }

    /// The value of a body that is put whole, and its ETag.
    pub fn of_whole(&self, content: Content) -> (Value, String) {
        let md5 = match content.0.as_slice() {
            [run] => self.md5(*run),
            _ => Md5::digest(content.bytes()).into(),
        };
        self.keep(hex::encode(md5), content)
    }

    /// The value of a body completed of parts, and its ETag.
    pub fn of_parts(&self, content: Content) -> (Value, String) {
        let mut all = Md5::new();
        for run in &content.0 {
            all.update(self.md5(*run));
        }
        let etag = format!("{}-{}", hex::encode(all.finalize()), content.0.len());
        self.keep(etag, content)
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
