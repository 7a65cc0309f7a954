//! How much of the world one search covers.

use crate::drive::{Class, Data, Place};

/// A run that is there at the start, written by boot 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stored {
    pub data: Data,
    pub place: Place,
    /// The key whose current version it is; none: it was freed and buried.
    pub key: Option<usize>,
}

/// A PUT that may come; it writes the data id of its position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Upload {
    pub data: Data,
    pub key: usize,
    pub only_if_new: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    pub name: &'static str,
    pub class: Class,
    pub stored: &'static [Stored],
    /// They begin in this order.
    pub uploads: &'static [Upload],
    pub deletes: u8,
    pub gets: u8,
    pub crashes: u8,
    /// Proposals that are delivered twice.
    pub repeats: u8,
}

const fn stored(data: Data, segment: usize, slot: usize, key: Option<usize>) -> Stored {
    Stored { data, place: Place { segment, slot }, key }
}

const fn put(data: Data, key: usize) -> Upload {
    Upload { data, key, only_if_new: false }
}

const fn put_if_new(data: Data, key: usize) -> Upload {
    Upload { data, key, only_if_new: true }
}

const NONE: Scope = Scope {
    name: "",
    class: Class::Small,
    stored: &[],
    uploads: &[],
    deletes: 0,
    gets: 0,
    crashes: 0,
    repeats: 0,
};

pub const ALL: [Scope; 6] =
    [BULK_GET, BULK_WRITERS, SMALL_GET, COMPACTION, TWO_CRASHES, NEARLY_FULL];

pub const BULK_GET: Scope = Scope {
    name: "bulk: overwrite and GET",
    class: Class::Bulk,
    stored: &[stored(0, 0, 0, Some(0))],
    uploads: &[put(1, 0)],
    deletes: 1,
    gets: 2,
    crashes: 1,
    ..NONE
};

pub const BULK_WRITERS: Scope = Scope {
    name: "bulk: writers, a proposal sent twice",
    class: Class::Bulk,
    stored: &[stored(0, 0, 0, Some(0))],
    uploads: &[put(1, 0), put_if_new(2, 0)],
    crashes: 1,
    repeats: 1,
    ..NONE
};

pub const SMALL_GET: Scope = Scope {
    name: "small: overwrite and GET",
    stored: &[stored(0, 0, 0, Some(0))],
    uploads: &[put(1, 0)],
    deletes: 1,
    gets: 2,
    crashes: 1,
    ..NONE
};

pub const COMPACTION: Scope = Scope {
    name: "small: compaction under a GET",
    stored: &[stored(0, 0, 0, Some(0)), stored(1, 0, 1, None)],
    uploads: &[put(2, 1), put(3, 0)],
    gets: 1,
    crashes: 1,
    ..NONE
};

pub const TWO_CRASHES: Scope = Scope {
    name: "small: two crashes",
    stored: &[stored(0, 0, 0, Some(0)), stored(1, 0, 1, Some(1))],
    uploads: &[put(2, 0)],
    deletes: 1,
    crashes: 2,
    ..NONE
};

pub const NEARLY_FULL: Scope = Scope {
    name: "small: nearly full",
    stored: &[
        stored(0, 0, 0, Some(0)),
        stored(1, 0, 1, None),
        stored(2, 1, 0, Some(1)),
        stored(3, 1, 1, None),
    ],
    uploads: &[put(4, 2), put(5, 2)],
    crashes: 1,
    ..NONE
};
