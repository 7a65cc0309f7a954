//! Outcomes as they lie in the sessions, for proposals that are sent again.

use super::{Found, Outcome};
use crate::record::sequence::SequenceWire;
use crate::record::{Malformed, Sequence, UploadId, VersionId};
use hamster_core::ids::{BootNumber, BucketId, DriveOrdinal};

/// One message for all outcomes: the kind, and what the kind needs of the rest.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OutcomeWire {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(string, tag = "3")]
    text: String,
    #[prost(message, optional, tag = "4")]
    sequence: Option<SequenceWire>,
    #[prost(bool, tag = "5")]
    flag: bool,
    #[prost(uint64, tag = "6")]
    size: u64,
}

/// The kinds. Their numbers are on disk.
mod kind {
    pub const FOUNDED: u32 = 1;
    pub const FOUNDED_ALREADY: u32 = 2;
    pub const FOUNDED_ANOTHER: u32 = 3;
    pub const BOOTED: u32 = 4;
    pub const NO_SUCH_NODE: u32 = 5;
    pub const DRIVE_SET: u32 = 6;
    pub const NO_SUCH_DRIVE: u32 = 7;
    pub const BUCKET_CREATED: u32 = 8;
    pub const BUCKET_EXISTS: u32 = 9;
    pub const TOO_MANY_BUCKETS: u32 = 10;
    pub const BUCKET_DELETED: u32 = 11;
    pub const NO_SUCH_BUCKET: u32 = 12;
    pub const BUCKET_NOT_EMPTY: u32 = 13;
    pub const COMMITTED: u32 = 14;
    pub const DELETED_NOTHING: u32 = 15;
    pub const DELETED: u32 = 16;
    pub const DELETED_NULL: u32 = 17;
    pub const PRECONDITION_FAILED: u32 = 18;
    pub const NO_SUCH_KEY: u32 = 19;
    pub const UPLOAD_CREATED: u32 = 20;
    pub const PART_COMMITTED: u32 = 21;
    pub const NO_SUCH_UPLOAD: u32 = 22;
    pub const INVALID_PART: u32 = 23;
    pub const INVALID_PART_ORDER: u32 = 24;
    pub const ENTITY_TOO_SMALL: u32 = 25;
    pub const ENTITY_TOO_LARGE: u32 = 26;
    pub const UPLOAD_ABORTED: u32 = 27;
    pub const REFUSED: u32 = 28;
    pub const STALE: u32 = 29;
    pub const BURIED: u32 = 30;
    pub const SHARDS_MOVED: u32 = 31;
    pub const SHARDS_CHANGED: u32 = 32;
    pub const NO_SUCH_DATA: u32 = 33;
    pub const DRIVE_REPLACED: u32 = 34;
    pub const SETTING_SET: u32 = 35;
    pub const NO_SUCH_VERSION: u32 = 36;
    pub const TAGS_SET: u32 = 37;
    pub const TAGS_SET_NULL: u32 = 38;
    pub const USER_ADDED: u32 = 50;
    pub const USER_EXISTS: u32 = 51;
    pub const TOO_MANY_USERS: u32 = 52;
    pub const USER_REMOVED: u32 = 53;
    pub const NO_SUCH_USER: u32 = 54;
    pub const USER_HAS_KEYS: u32 = 55;
    pub const USER_OWNS_BUCKETS: u32 = 56;
    pub const KEY_CREATED: u32 = 57;
    pub const KEY_EXISTS: u32 = 58;
    pub const TOO_MANY_KEYS: u32 = 59;
    pub const KEY_REVOKED: u32 = 60;
    pub const NO_SUCH_ACCESS_KEY: u32 = 61;
}

impl From<&Outcome> for OutcomeWire {
    fn from(outcome: &Outcome) -> Self {
        let bare = |kind| Self { kind, ..Self::default() };
        let numbered = |kind, number| Self { number, ..bare(kind) };
        let sequenced =
            |kind, sequence: Sequence| Self { sequence: Some(sequence.into()), ..bare(kind) };
        match outcome {
            Outcome::Found(Found::Founded) => bare(kind::FOUNDED),
            Outcome::Found(Found::Already) => bare(kind::FOUNDED_ALREADY),
            Outcome::Found(Found::Another) => bare(kind::FOUNDED_ANOTHER),
            Outcome::Booted(boot) => numbered(kind::BOOTED, boot.get()),
            Outcome::NoSuchNode => bare(kind::NO_SUCH_NODE),
            Outcome::DriveSet { incarnation } => numbered(kind::DRIVE_SET, *incarnation),
            Outcome::NoSuchDrive => bare(kind::NO_SUCH_DRIVE),
            Outcome::DriveReplaced(drive) => numbered(kind::DRIVE_REPLACED, drive.get().into()),
            Outcome::BucketCreated(bucket) => numbered(kind::BUCKET_CREATED, bucket.get()),
            Outcome::BucketExists { bucket, owner } => {
                Self { text: owner.clone(), ..numbered(kind::BUCKET_EXISTS, bucket.get()) }
            }
            Outcome::TooManyBuckets => bare(kind::TOO_MANY_BUCKETS),
            Outcome::BucketDeleted => bare(kind::BUCKET_DELETED),
            Outcome::NoSuchBucket => bare(kind::NO_SUCH_BUCKET),
            Outcome::SettingSet => bare(kind::SETTING_SET),
            Outcome::BucketNotEmpty => bare(kind::BUCKET_NOT_EMPTY),
            Outcome::Committed { version, sequence, etag } => Self {
                flag: *version == VersionId::Null,
                text: etag.clone(),
                ..sequenced(kind::COMMITTED, *sequence)
            },
            Outcome::Deleted { version: None, marker } => {
                Self { flag: *marker, ..bare(kind::DELETED_NOTHING) }
            }
            Outcome::Deleted { version: Some(VersionId::Of(sequence)), marker } => {
                Self { flag: *marker, ..sequenced(kind::DELETED, *sequence) }
            }
            Outcome::Deleted { version: Some(VersionId::Null), marker } => {
                Self { flag: *marker, ..bare(kind::DELETED_NULL) }
            }
            Outcome::PreconditionFailed => bare(kind::PRECONDITION_FAILED),
            Outcome::NoSuchKey => bare(kind::NO_SUCH_KEY),
            Outcome::NoSuchVersion => bare(kind::NO_SUCH_VERSION),
            Outcome::TagsSet { version: VersionId::Null } => bare(kind::TAGS_SET_NULL),
            Outcome::TagsSet { version: VersionId::Of(sequence) } => {
                sequenced(kind::TAGS_SET, *sequence)
            }
            Outcome::UploadCreated(upload) => sequenced(kind::UPLOAD_CREATED, upload.0),
            Outcome::PartCommitted => bare(kind::PART_COMMITTED),
            Outcome::NoSuchUpload => bare(kind::NO_SUCH_UPLOAD),
            Outcome::InvalidPart { number } => numbered(kind::INVALID_PART, (*number).into()),
            Outcome::InvalidPartOrder => bare(kind::INVALID_PART_ORDER),
            Outcome::EntityTooSmall { number, size } => {
                Self { size: *size, ..numbered(kind::ENTITY_TOO_SMALL, (*number).into()) }
            }
            Outcome::EntityTooLarge => bare(kind::ENTITY_TOO_LARGE),
            Outcome::UploadAborted => bare(kind::UPLOAD_ABORTED),
            Outcome::Buried => bare(kind::BURIED),
            Outcome::ShardsMoved => bare(kind::SHARDS_MOVED),
            Outcome::ShardsChanged => bare(kind::SHARDS_CHANGED),
            Outcome::NoSuchData => bare(kind::NO_SUCH_DATA),
            Outcome::Refused(why) => Self { text: why.clone(), ..bare(kind::REFUSED) },
            Outcome::Stale => bare(kind::STALE),
            Outcome::UserAdded => bare(kind::USER_ADDED),
            Outcome::UserExists { id } => Self { text: id.clone(), ..bare(kind::USER_EXISTS) },
            Outcome::TooManyUsers => bare(kind::TOO_MANY_USERS),
            Outcome::UserRemoved => bare(kind::USER_REMOVED),
            Outcome::NoSuchUser => bare(kind::NO_SUCH_USER),
            Outcome::UserHasKeys { count } => numbered(kind::USER_HAS_KEYS, *count),
            Outcome::UserOwnsBuckets { first } => {
                Self { text: first.clone(), ..bare(kind::USER_OWNS_BUCKETS) }
            }
            Outcome::KeyCreated => bare(kind::KEY_CREATED),
            Outcome::KeyExists => bare(kind::KEY_EXISTS),
            Outcome::TooManyKeys => bare(kind::TOO_MANY_KEYS),
            Outcome::KeyRevoked => bare(kind::KEY_REVOKED),
            Outcome::NoSuchAccessKey => bare(kind::NO_SUCH_ACCESS_KEY),
        }
    }
}

impl TryFrom<OutcomeWire> for Outcome {
    type Error = Malformed;

    fn try_from(wire: OutcomeWire) -> Result<Self, Malformed> {
        const NOT: Malformed = Malformed::Not("outcome");
        let OutcomeWire { kind, number, text, sequence, flag, size } = wire;
        let sequence = || sequence.map(Sequence::from).ok_or(NOT);
        let part = || u16::try_from(number).map_err(|_| NOT);
        let marker = flag;
        Ok(match kind {
            kind::FOUNDED => Self::Found(Found::Founded),
            kind::FOUNDED_ALREADY => Self::Found(Found::Already),
            kind::FOUNDED_ANOTHER => Self::Found(Found::Another),
            kind::BOOTED => Self::Booted(BootNumber::new(number)),
            kind::NO_SUCH_NODE => Self::NoSuchNode,
            kind::DRIVE_SET => Self::DriveSet { incarnation: number },
            kind::DRIVE_REPLACED => {
                let ordinal = u32::try_from(wire.number).map_err(|_| Malformed::Not("outcome"))?;
                Self::DriveReplaced(DriveOrdinal::new(ordinal))
            }
            kind::NO_SUCH_DRIVE => Self::NoSuchDrive,
            kind::BUCKET_CREATED => Self::BucketCreated(BucketId::new(number)),
            kind::BUCKET_EXISTS => {
                Self::BucketExists { bucket: BucketId::new(number), owner: text }
            }
            kind::TOO_MANY_BUCKETS => Self::TooManyBuckets,
            kind::BUCKET_DELETED => Self::BucketDeleted,
            kind::NO_SUCH_BUCKET => Self::NoSuchBucket,
            kind::SETTING_SET => Self::SettingSet,
            kind::BUCKET_NOT_EMPTY => Self::BucketNotEmpty,
            kind::COMMITTED => {
                let sequence = sequence()?;
                let version = VersionId::of(sequence, flag);
                Self::Committed { version, sequence, etag: text }
            }
            kind::DELETED_NOTHING => Self::Deleted { version: None, marker },
            kind::DELETED => Self::Deleted { version: Some(VersionId::Of(sequence()?)), marker },
            kind::DELETED_NULL => Self::Deleted { version: Some(VersionId::Null), marker },
            kind::PRECONDITION_FAILED => Self::PreconditionFailed,
            kind::NO_SUCH_KEY => Self::NoSuchKey,
            kind::NO_SUCH_VERSION => Self::NoSuchVersion,
            kind::TAGS_SET_NULL => Self::TagsSet { version: VersionId::Null },
            kind::TAGS_SET => Self::TagsSet { version: VersionId::Of(sequence()?) },
            kind::UPLOAD_CREATED => Self::UploadCreated(UploadId(sequence()?)),
            kind::PART_COMMITTED => Self::PartCommitted,
            kind::NO_SUCH_UPLOAD => Self::NoSuchUpload,
            kind::INVALID_PART => Self::InvalidPart { number: part()? },
            kind::INVALID_PART_ORDER => Self::InvalidPartOrder,
            kind::ENTITY_TOO_SMALL => Self::EntityTooSmall { number: part()?, size },
            kind::ENTITY_TOO_LARGE => Self::EntityTooLarge,
            kind::UPLOAD_ABORTED => Self::UploadAborted,
            kind::BURIED => Self::Buried,
            kind::SHARDS_MOVED => Self::ShardsMoved,
            kind::SHARDS_CHANGED => Self::ShardsChanged,
            kind::NO_SUCH_DATA => Self::NoSuchData,
            kind::REFUSED => Self::Refused(text),
            kind::STALE => Self::Stale,
            kind::USER_ADDED => Self::UserAdded,
            kind::USER_EXISTS => Self::UserExists { id: text },
            kind::TOO_MANY_USERS => Self::TooManyUsers,
            kind::USER_REMOVED => Self::UserRemoved,
            kind::NO_SUCH_USER => Self::NoSuchUser,
            kind::USER_HAS_KEYS => Self::UserHasKeys { count: number },
            kind::USER_OWNS_BUCKETS => Self::UserOwnsBuckets { first: text },
            kind::KEY_CREATED => Self::KeyCreated,
            kind::KEY_EXISTS => Self::KeyExists,
            kind::TOO_MANY_KEYS => Self::TooManyKeys,
            kind::KEY_REVOKED => Self::KeyRevoked,
            kind::NO_SUCH_ACCESS_KEY => Self::NoSuchAccessKey,
            _ => return Err(NOT),
        })
    }
}
