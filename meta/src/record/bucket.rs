//! A bucket.

use hamster_core::WallTime;
use hamster_core::ids::BucketId;

/// Whether a bucket keeps former versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Versioning {
    /// Never switched on: each write replaces the null version.
    #[default]
    Unversioned,
    /// Each write makes a version of its own.
    Enabled,
    /// Switched off again: writes replace the null version, the others stay.
    Suspended,
}

/// A bucket. Its number is never reused, so that keys of a deleted bucket can never show up in one
/// made anew under its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// Its number.
    pub id: BucketId,
    /// Its name, as in URLs.
    pub name: String,
    /// The canonical id of the user who made it.
    pub owner: String,
    /// When it was made.
    pub created: WallTime,
    /// Whether it keeps former versions.
    pub versioning: Versioning,
}
