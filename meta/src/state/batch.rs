//! Changes that take effect together or not at all.

use std::collections::BTreeMap;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    /// The key has this value.
    Put(Vec<u8>, Vec<u8>),
    /// The key is gone.
    Delete(Vec<u8>),
    /// All keys from the first (inclusive) to the second (exclusive) are gone.
    DeleteRange(Vec<u8>, Vec<u8>),
}

/// Changes in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Batch(pub Vec<Write>);

impl Batch {
    /// The key has this value.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.push(Write::Put(key, value));
    }
}

impl From<BTreeMap<Vec<u8>, Option<Vec<u8>>>> for Batch {
    fn from(changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Self {
        let write = |(key, value)| match value {
            Some(value) => Write::Put(key, value),
            None => Write::Delete(key),
        };
        Self(changes.into_iter().map(write).collect())
    }
}
