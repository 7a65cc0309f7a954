//! What the replicated state holds, one record type per file: the domain type that callers use, and
//! beside it the protobuf message that is stored. Every stored value carries its format version in
//! field 1; fields are only ever added, and a test per record pins its bytes.
//!
//! Nothing here reads or writes the state: `key` says where a record lies, `apply` changes it.

pub mod access_key;
pub mod bucket;
pub(crate) mod completed;
pub(crate) mod counters;
pub mod data;
pub(crate) mod head;
pub mod layout;
pub(crate) mod listed;
pub(crate) mod outlived;
pub mod part;
pub mod sequence;
pub(crate) mod session;
pub mod setting;
pub mod upload;
pub mod user;
pub mod version;

pub use access_key::{AccessKey, SealedSecret};
pub use bucket::{Bucket, Versioning};
pub(crate) use completed::Completed;
pub(crate) use counters::Counters;
pub use data::{DataRecord, Owner, Piece};
pub(crate) use head::Head;
pub use layout::{Drive, DriveState, LayoutRecord, Node, Profile, ProfileChoice};
pub(crate) use listed::ListedRow;
pub(crate) use outlived::Outlived;
pub use part::Part;
pub use sequence::{Sequence, UploadId, VersionId};
pub(crate) use session::{Boots, SessionSlot};
pub(crate) use setting::Setting;
pub use setting::SettingKind;
pub use upload::Upload;
pub use user::User;
pub use version::{Checksum, Content, Headers, Version, VersionKind};

use prost::Message;

/// The format that this version of Hamster writes; it reads this one and older ones.
pub(crate) const FORMAT: u32 = 1;

/// A stored value that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Written by a newer version of Hamster.
    #[error("written in format {0}, newer than this version reads")]
    Newer(u32),
    /// Not what was written.
    #[error("not a {0} record")]
    Not(&'static str),
}

/// A type that is stored as a protobuf message.
pub(crate) trait Record: Sized {
    /// The message.
    type Wire: Message + Default;
    /// What it is called where it cannot be read.
    const NAME: &'static str;

    /// The message of this value.
    fn to_wire(&self) -> Self::Wire;

    /// The value of a message.
    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed>;

    /// The stored bytes.
    fn encode(&self) -> Vec<u8> {
        self.to_wire().encode_to_vec()
    }

    /// The value of stored bytes.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::from_wire(Self::Wire::decode(bytes).map_err(|_| Malformed::Not(Self::NAME))?)
    }
}

/// Refuses what a newer version wrote, and what carries no format at all.
pub(crate) fn check_format(format: u32, name: &'static str) -> Result<(), Malformed> {
    match format {
        0 => Err(Malformed::Not(name)),
        1..=FORMAT => Ok(()),
        newer => Err(Malformed::Newer(newer)),
    }
}

#[cfg(test)]
mod tests;
