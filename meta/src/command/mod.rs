//! What may be asked of the replicated state, and what it answers. Built by `s3` and the node, given
//! to [`Meta::propose`](crate::Meta::propose), decided by `apply` alone.
//!
//! A command carries all that apply needs: the wall time comes from the proposer; ids and sequences
//! are made in apply. Commands of one proposal share one log entry and one sync.

mod outcome;
pub(crate) mod outcome_wire;
pub(crate) mod proposal;
mod wire;

pub use outcome::{Found, Outcome};

use crate::record::{
    AccessKey, Checksum, DataRecord, Drive, DriveState, Headers, Node, Piece, ProfileChoice,
    Sequence, SettingKind, UploadId, User, VersionId,
};
use hamster_core::WallTime;
use hamster_core::ids::{BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId};

/// A change to the replicated state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Founds the cluster: the first command of all.
    Found(FoundCluster),
    /// A node's process starts. Its earlier proposals are refused from here on.
    Boot {
        /// The node.
        node: NodeId,
    },
    /// Changes a drive's standing.
    SetDrive(SetDrive),
    /// Gives the place of a drive that is gone to a new one.
    ReplaceDrive(ReplaceDrive),
    /// Makes a bucket.
    CreateBucket(CreateBucket),
    /// Removes an empty bucket.
    DeleteBucket {
        /// Its number.
        bucket: BucketId,
    },
    /// Puts a setting of a bucket, or deletes it.
    SetSetting {
        /// The bucket.
        bucket: BucketId,
        /// Which setting.
        kind: SettingKind,
        /// What it is from here on; `None` for none.
        document: Option<String>,
    },
    /// Makes a version of a key: the commit of a PUT.
    PutVersion(PutVersion),
    /// Deletes a key as S3 does without a version id.
    DeleteCurrent(DeleteCurrent),
    /// Deletes one version for good.
    DeleteVersion {
        /// The bucket.
        bucket: BucketId,
        /// The key.
        key: String,
        /// The version.
        version: VersionId,
    },
    /// Replaces the tags of a version.
    SetTags(SetTags),
    /// Begins a multipart upload.
    CreateUpload(CreateUpload),
    /// Commits a part, replacing a former one of its number.
    PutPart(PutPart),
    /// Makes a version of the parts named.
    CompleteUpload(CompleteUpload),
    /// Gives an open upload up.
    AbortUpload {
        /// The bucket.
        bucket: BucketId,
        /// The key.
        key: String,
        /// The upload.
        upload: UploadId,
    },
    /// Removes rows from the dead queue whose bytes are freed. One that is not there is well.
    Bury {
        /// The rows, at most
        /// [`DATA_IDS_PER_CALL_MAX`](hamster_core::limits::DATA_IDS_PER_CALL_MAX).
        rows: Vec<(Sequence, DataId)>,
    },
    /// Replaces the pieces of a data record, if they still are as expected: repair and moves.
    /// What refers to the data id stays as it is, and so does all else of the record.
    ///
    /// A piece that is dropped (another drive is named, or no checksum) gets no row in the dead
    /// queue: whoever moves frees what the move replaced, once no read holds it. What a crash leaves
    /// is a shard on a drive that its data record does not name; scrub tells it by that, since its
    /// data id stays referenced. So is what the mover wrote, if the move does not take effect.
    MoveShards {
        /// The data id.
        data: DataId,
        /// Its pieces, as the mover read them.
        expected: Vec<Piece>,
        /// What they become: as many, and k of them durable at least.
        pieces: Vec<Piece>,
    },
    /// Adds a user, if neither id nor name is taken.
    AddUser(User),
    /// Removes a user who has no key and owns no bucket.
    RemoveUser {
        /// The canonical id.
        id: String,
    },
    /// Makes an access key of a user. Its secret is sealed: the log never holds a clear one.
    CreateKey(AccessKey),
    /// Takes an access key back: whoever signs with it from here on is refused.
    RevokeKey {
        /// The access key.
        id: String,
    },
}

impl Command {
    /// Its encoded size, roughly: for the bound of a proposal.
    pub(crate) fn weight(&self) -> usize {
        const FIXED: usize = 512;
        const ITEM: usize = 48;
        FIXED
            + match self {
                Self::PutVersion(put) => put.key.len() + put.headers.weight(),
                Self::CreateUpload(create) => create.key.len() + create.headers.weight(),
                Self::CompleteUpload(complete) => complete.parts.len() * ITEM,
                Self::Found(found) => found.drives.len() * ITEM,
                Self::Bury { rows } => rows.len() * ITEM,
                Self::SetSetting { document, .. } => document.as_ref().map_or(0, String::len),
                Self::SetTags(set) => {
                    let bytes = |(key, value): &(String, String)| key.len() + value.len();
                    set.key.len() + set.tags.iter().map(bytes).sum::<usize>()
                }
                Self::MoveShards { expected, pieces, .. } => (expected.len() + pieces.len()) * ITEM,
                _ => 0,
            }
    }
}

/// See [`Command::Found`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundCluster {
    /// The cluster's identity.
    pub cluster: ClusterUuid,
    /// Its name.
    pub name: String,
    /// The profile of new writes.
    pub profile: ProfileChoice,
    /// The first node (its boots count from zero).
    pub node: Node,
    /// Its drives.
    pub drives: Vec<Drive>,
    /// The canonical id of root, freshly minted.
    pub root_id: String,
}

/// See [`Command::ReplaceDrive`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplaceDrive {
    /// The drive that is gone.
    pub former: DriveOrdinal,
    /// As the proposer knows it.
    pub incarnation: u64,
    /// The identity of the new one.
    pub uuid: DriveUuid,
}

/// See [`Command::SetDrive`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetDrive {
    /// Which drive.
    pub drive: DriveOrdinal,
    /// The incarnation that this is about: an older one is refused.
    pub incarnation: u64,
    /// Its new standing. `Live` for a drive that was not begins a new incarnation.
    pub state: DriveState,
}

/// See [`Command::CreateBucket`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateBucket {
    /// Its name; its form was checked by the caller.
    pub name: String,
    /// Canonical id of its owner.
    pub owner: String,
    /// The owner is a user of the cluster, who must not have been removed meanwhile; others are known to
    /// single nodes.
    pub owner_is_user: bool,
    /// When it was made.
    pub created: WallTime,
}

/// What must hold of the current version for a write to take effect.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// `If-None-Match: *`: there is no object under the key.
    Absent,
    /// `If-Match: *`: there is an object under the key.
    Present,
    /// `If-Match`: the current object has this ETag (without quotes).
    Etag(String),
}

/// See [`Command::PutVersion`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutVersion {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// Bytes of the body.
    pub size: u64,
    /// The ETag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: WallTime,
    /// What the client said about it.
    pub headers: Headers,
    /// Checksums to keep.
    pub checksums: Vec<Checksum>,
    /// Canonical id of the writer.
    pub owner: String,
    /// Where the body is; `None` only for an empty one. A data id is handed in once, in one
    /// command: whatever that comes to, the id is referred to or dead from then on.
    pub data: Option<DataRecord>,
    /// What must hold of the current version.
    pub precondition: Precondition,
}

/// See [`Command::DeleteCurrent`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteCurrent {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// When, for the delete marker of a versioned bucket.
    pub modified: WallTime,
    /// Canonical id of the user, for the delete marker.
    pub owner: String,
    /// What must hold of the current version.
    pub precondition: Precondition,
}

/// See [`Command::SetTags`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetTags {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// Which version; `None` for the current one.
    pub version: Option<VersionId>,
    /// Its tags from here on.
    pub tags: Vec<(String, String)>,
}

/// See [`Command::CreateUpload`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateUpload {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// Canonical id of the user.
    pub owner: String,
    /// When.
    pub initiated: WallTime,
    /// The object's headers.
    pub headers: Headers,
    /// As [`Upload::checksum_algorithm`](crate::record::Upload::checksum_algorithm).
    pub checksum_algorithm: String,
    /// As [`Upload::checksum_composite`](crate::record::Upload::checksum_composite).
    pub checksum_composite: bool,
}

/// See [`Command::PutPart`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutPart {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload: UploadId,
    /// The part's number: 1 to 10,000, checked by the caller.
    pub number: u16,
    /// Bytes of it.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: WallTime,
    /// Checksums to keep.
    pub checksums: Vec<Checksum>,
    /// Where its bytes are; `None` only for an empty part. As [`PutVersion::data`].
    pub data: Option<DataRecord>,
}

/// A part as a Complete names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedPart {
    /// Its number.
    pub number: u16,
    /// Its ETag, without quotes.
    pub etag: String,
}

/// See [`Command::CompleteUpload`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompleteUpload {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload: UploadId,
    /// The parts in the order named; those not named are given up.
    pub parts: Vec<NamedPart>,
    /// The object's ETag (MD5 over the parts' MD5s, `-N`), computed by the caller from `parts`.
    pub etag: String,
    /// The object's checksums, computed by the caller from the parts' or given by the client.
    pub checksums: Vec<Checksum>,
    /// When.
    pub modified: WallTime,
    /// What must hold of the current version.
    pub precondition: Precondition,
}

#[cfg(test)]
mod tests;
