//! Questions to the replicated state. Each answer is linearizable and, where it has several parts,
//! of one moment.

pub(crate) mod bucket;
pub(crate) mod data;
pub mod list;
pub(crate) mod object;
pub(crate) mod upload;
pub(crate) mod user;
pub mod version;

pub use user::Users;

use crate::record::{DataRecord, Part, Upload, UploadId, Version};
use std::ops::Range;
use std::rc::Rc;

/// The bytes of an object that one data record holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Where in the object they begin.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
    /// Where they are stored.
    pub record: DataRecord,
}

/// A current version and where its body lies, of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// The version.
    pub version: Version,
    /// The extents that hold the range asked for, in order; empty for a delete marker.
    pub extents: Vec<Extent>,
}

impl Object {
    /// Its extents hold all of the body.
    pub(crate) fn is_whole(&self) -> bool {
        self.extents.iter().map(|extent| extent.size).sum::<u64>() == self.version.size
    }

    /// With only the extents that hold bytes of `range`.
    pub(crate) fn within(self: Rc<Self>, range: &Range<u64>) -> Rc<Self> {
        let wanted = |extent: &&Extent| {
            extent.offset < range.end.min(self.version.size)
                && range.start < extent.offset + extent.size
        };
        if self.extents.iter().all(|extent| wanted(&extent)) {
            return self;
        }
        let extents = self.extents.iter().filter(wanted).cloned().collect();
        Rc::new(Self { version: self.version.clone(), extents })
    }
}

/// A page of a bucket's open uploads, by key, then by upload id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UploadPage {
    /// The uploads, and common prefixes where a delimiter was given.
    pub entries: Vec<UploadEntry>,
    /// There are more behind the last entry.
    pub truncated: bool,
}

/// One entry of an [`UploadPage`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UploadEntry {
    /// An open upload.
    Upload(Upload),
    /// Uploads whose keys share this prefix.
    CommonPrefix(String),
}

/// Which open uploads to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UploadQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Only uploads behind this key; with `after_upload`, behind that upload of this key.
    pub after_key: String,
    /// See `after_key`.
    pub after_upload: Option<UploadId>,
    /// Keys that share what is up to this behind the prefix become one entry.
    pub delimiter: Option<String>,
    /// Entries at most.
    pub limit: usize,
}

/// A part, and where it lies in what its upload makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartSpan {
    /// The part; `None` if the upload has none of this number.
    pub part: Option<Part>,
    /// Where in the object it begins.
    pub offset: u64,
    /// How many parts there are.
    pub count: usize,
}

/// A page of an upload's parts, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartPage {
    /// The parts.
    pub parts: Vec<Part>,
    /// There are more behind the last one.
    pub truncated: bool,
}
