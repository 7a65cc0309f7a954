//! What the replicated state holds, one record type per file: the domain type that callers use, and
//! beside it the protobuf message that is stored. Every stored value carries its format version in
//! field 1; fields are only ever added, and a test per record pins its bytes.
//!
//! Nothing here reads or writes the state: `key` says where a record lies, `apply` changes it.

pub mod bucket;
pub mod data;
pub mod layout;
pub mod part;
pub mod sequence;
pub mod upload;
pub mod version;

pub use bucket::{Bucket, Versioning};
pub use data::{DataRecord, Owner, Piece};
pub use layout::{Drive, DriveState, LayoutRecord, Node, Profile, ProfileChoice};
pub use part::Part;
pub use sequence::{Sequence, UploadId, VersionId};
pub use upload::Upload;
pub use version::{Checksum, Content, Headers, Version, VersionKind};
