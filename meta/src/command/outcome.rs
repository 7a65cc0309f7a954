//! What a command came to. Every outcome is final: it was decided in apply and stays decided.

use crate::record::{Sequence, UploadId, VersionId};
use hamster_core::ids::{BootNumber, BucketId, DriveOrdinal};

/// What a founding found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing: the cluster is founded.
    Founded,
    /// This very cluster: done before.
    Already,
    /// Another cluster: nothing changed.
    Another,
}

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// See [`Found`].
    Found(Found),
    /// The node starts; this is the number of its boot.
    Booted(BootNumber),
    /// There is no such node.
    NoSuchNode,
    /// The drive stands as asked, under this incarnation.
    DriveSet {
        /// Its incarnation from here on.
        incarnation: u64,
    },
    /// There is no such drive, or the command is about a former incarnation.
    NoSuchDrive,
    /// The new drive has the place of the former, under this number.
    DriveReplaced(DriveOrdinal),
    /// The bucket is made.
    BucketCreated(BucketId),
    /// There is a bucket of this name.
    BucketExists {
        /// Its number.
        bucket: BucketId,
        /// Canonical id of its owner.
        owner: String,
    },
    /// The cluster has as many buckets as it may have.
    TooManyBuckets,
    /// The bucket is gone.
    BucketDeleted,
    /// There is no such bucket (any more).
    NoSuchBucket,
    /// The setting of the bucket is as asked.
    SettingSet,
    /// The bucket holds versions or open uploads.
    BucketNotEmpty,
    /// A version is made (PutVersion, CompleteUpload).
    Committed {
        /// Its id.
        version: VersionId,
        /// Its commit sequence.
        sequence: Sequence,
        /// Its ETag, without quotes.
        etag: String,
    },
    /// The key, or the version, is deleted (or was not there: S3 calls that deleted as well).
    Deleted {
        /// The delete marker made or removed, or the version removed; `None` in an unversioned
        /// bucket and where nothing was there.
        version: Option<VersionId>,
        /// That version is a delete marker.
        marker: bool,
    },
    /// A precondition did not hold. S3: 412.
    PreconditionFailed,
    /// `If-Match` on a key that is not there. S3: 404.
    NoSuchKey,
    /// There is no such version of the key. S3: 404.
    NoSuchVersion,
    /// The version has the tags.
    TagsSet {
        /// Which it is.
        version: VersionId,
    },
    /// The upload is begun.
    UploadCreated(UploadId),
    /// The part is committed.
    PartCommitted,
    /// There is no such open upload of this bucket and key.
    NoSuchUpload,
    /// A part that was named is not there, or has another ETag.
    InvalidPart {
        /// The first such part.
        number: u16,
    },
    /// The parts were not named in ascending order.
    InvalidPartOrder,
    /// A part other than the last is below the least size.
    EntityTooSmall {
        /// The first such part.
        number: u16,
        /// Its bytes.
        size: u64,
    },
    /// The object would be larger than an object may be.
    EntityTooLarge,
    /// The upload is given up.
    UploadAborted,
    /// The rows are not in the dead queue (any more).
    Buried,
    /// The data record has the new pieces.
    ShardsMoved,
    /// The data record has other pieces than were expected: nothing changed. Read it again.
    ShardsChanged,
    /// Nothing refers to this data id (any more). If it died, its row in the dead queue has the
    /// pieces that it had then.
    NoSuchData,
    /// The command makes no sense (a body without data, say): a programmer's error at the proposer,
    /// answered rather than applied.
    Refused(String),
    /// The proposal came from a former boot of its node, or too late: not applied.
    Stale,
    /// The user is added.
    UserAdded,
    /// Another user has this id or this name.
    UserExists {
        /// The canonical id of that one.
        id: String,
    },
    /// The cluster has as many users as it may have.
    TooManyUsers,
    /// The user is removed.
    UserRemoved,
    /// There is no such user (any more).
    NoSuchUser,
    /// The user has access keys, which must be revoked first.
    UserHasKeys {
        /// How many.
        count: u64,
    },
    /// The user owns buckets, which must be deleted first.
    UserOwnsBuckets {
        /// The first of them.
        first: String,
    },
    /// The access key is made.
    KeyCreated,
    /// There is an access key of this name.
    KeyExists,
    /// The user has as many access keys as a user may have.
    TooManyKeys,
    /// The access key is taken back.
    KeyRevoked,
    /// There is no such access key (any more).
    NoSuchAccessKey,
}
