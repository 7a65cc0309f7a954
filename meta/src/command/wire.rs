//! Commands as they lie in the log.

use super::{
    Command, CompleteUpload, CreateBucket, CreateUpload, DeleteCurrent, FoundCluster, NamedPart,
    Precondition, PutPart, PutVersion, ReplaceDrive, SetDrive, SetTags,
};
use crate::record::access_key::AccessKeyWire;
use crate::record::data::{DataRecordWire, PieceWire};
use crate::record::layout::{DriveWire, NodeWire, ProfileWire};
use crate::record::sequence::SequenceWire;
use crate::record::user::UserWire;
use crate::record::version::{ChecksumWire, HeadersWire, PairWire, pairs_from_wire, pairs_to_wire};
use crate::record::{
    AccessKey, Checksum, DataRecord, DriveState, Headers, Malformed, Piece, ProfileChoice, Record,
    Sequence, SettingKind, UploadId, User, VersionId,
};
use hamster_core::WallTime;
use hamster_core::ids::{BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId};

const NOT: Malformed = Malformed::Not("command");

/// A command.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CommandWire {
    #[prost(
        oneof = "Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23"
    )]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Found(FoundWire),
    #[prost(uint64, tag = "2")]
    Boot(u64),
    #[prost(message, tag = "3")]
    SetDrive(SetDriveWire),
    #[prost(message, tag = "4")]
    CreateBucket(CreateBucketWire),
    #[prost(uint64, tag = "5")]
    DeleteBucket(u64),
    #[prost(message, tag = "6")]
    PutVersion(WriteWire),
    #[prost(message, tag = "7")]
    DeleteCurrent(DeleteWire),
    #[prost(message, tag = "8")]
    DeleteVersion(DeleteWire),
    #[prost(message, tag = "9")]
    CreateUpload(CreateUploadWire),
    #[prost(message, tag = "10")]
    PutPart(WriteWire),
    #[prost(message, tag = "11")]
    CompleteUpload(CompleteWire),
    #[prost(message, tag = "12")]
    AbortUpload(DeleteWire),
    #[prost(message, tag = "13")]
    Bury(BuryWire),
    #[prost(message, tag = "14")]
    MoveShards(MoveShardsWire),
    #[prost(message, tag = "15")]
    ReplaceDrive(ReplaceDriveWire),
    #[prost(message, tag = "16")]
    SetSetting(SetSettingWire),
    #[prost(message, tag = "17")]
    SetTags(SetTagsWire),
    #[prost(message, tag = "20")]
    AddUser(UserWire),
    #[prost(string, tag = "21")]
    RemoveUser(String),
    #[prost(message, tag = "22")]
    CreateKey(AccessKeyWire),
    #[prost(string, tag = "23")]
    RevokeKey(String),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FoundWire {
    #[prost(bytes = "vec", tag = "1")]
    cluster: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, optional, tag = "3")]
    profile: Option<ProfileWire>,
    #[prost(message, optional, tag = "4")]
    node: Option<NodeWire>,
    #[prost(message, repeated, tag = "5")]
    drives: Vec<DriveWire>,
    #[prost(string, tag = "6")]
    root_id: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct SetDriveWire {
    #[prost(uint32, tag = "1")]
    drive: u32,
    #[prost(uint64, tag = "2")]
    incarnation: u64,
    #[prost(uint32, tag = "3")]
    state: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReplaceDriveWire {
    #[prost(uint32, tag = "1")]
    former: u32,
    #[prost(uint64, tag = "2")]
    incarnation: u64,
    #[prost(bytes = "vec", tag = "3")]
    uuid: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CreateBucketWire {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    owner: String,
    #[prost(uint64, tag = "3")]
    created: u64,
    #[prost(bool, tag = "4")]
    owner_is_user: bool,
}

/// A PutVersion, or a PutPart if it names an upload.
#[derive(Clone, PartialEq, prost::Message)]
struct WriteWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(string, tag = "2")]
    key: String,
    #[prost(uint64, tag = "3")]
    size: u64,
    #[prost(string, tag = "4")]
    etag: String,
    #[prost(uint64, tag = "5")]
    modified: u64,
    #[prost(message, optional, tag = "6")]
    headers: Option<HeadersWire>,
    #[prost(message, repeated, tag = "7")]
    checksums: Vec<ChecksumWire>,
    #[prost(string, tag = "8")]
    owner: String,
    #[prost(message, optional, tag = "9")]
    data: Option<DataRecordWire>,
    #[prost(message, optional, tag = "10")]
    precondition: Option<PreconditionWire>,
    #[prost(message, optional, tag = "11")]
    upload: Option<SequenceWire>,
    #[prost(uint32, tag = "12")]
    number: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PreconditionWire {
    #[prost(bool, tag = "1")]
    absent: bool,
    #[prost(string, tag = "2")]
    etag: String,
    #[prost(bool, tag = "3")]
    present: bool,
}

/// A DeleteCurrent, a DeleteVersion or an AbortUpload.
#[derive(Clone, PartialEq, prost::Message)]
struct DeleteWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(string, tag = "2")]
    key: String,
    /// The version's sequence, or the upload's; none for the null version.
    #[prost(message, optional, tag = "3")]
    sequence: Option<SequenceWire>,
    #[prost(uint64, tag = "4")]
    modified: u64,
    #[prost(string, tag = "5")]
    owner: String,
    #[prost(message, optional, tag = "6")]
    precondition: Option<PreconditionWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CreateUploadWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(string, tag = "2")]
    key: String,
    #[prost(string, tag = "3")]
    owner: String,
    #[prost(uint64, tag = "4")]
    initiated: u64,
    #[prost(message, optional, tag = "5")]
    headers: Option<HeadersWire>,
    #[prost(string, tag = "6")]
    checksum_algorithm: String,
    #[prost(bool, tag = "7")]
    checksum_composite: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NamedPartWire {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(string, tag = "2")]
    etag: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CompleteWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(string, tag = "2")]
    key: String,
    #[prost(message, optional, tag = "3")]
    upload: Option<SequenceWire>,
    #[prost(message, repeated, tag = "4")]
    parts: Vec<NamedPartWire>,
    #[prost(string, tag = "5")]
    etag: String,
    #[prost(message, repeated, tag = "6")]
    checksums: Vec<ChecksumWire>,
    #[prost(uint64, tag = "7")]
    modified: u64,
    #[prost(message, optional, tag = "8")]
    precondition: Option<PreconditionWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SetSettingWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(string, optional, tag = "3")]
    document: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SetTagsWire {
    #[prost(uint64, tag = "1")]
    bucket: u64,
    #[prost(string, tag = "2")]
    key: String,
    /// The version's sequence; none for the current version, or for the null version.
    #[prost(message, optional, tag = "3")]
    sequence: Option<SequenceWire>,
    #[prost(bool, tag = "4")]
    null: bool,
    #[prost(message, repeated, tag = "5")]
    tags: Vec<PairWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DeadWire {
    #[prost(message, optional, tag = "1")]
    sequence: Option<SequenceWire>,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BuryWire {
    #[prost(message, repeated, tag = "1")]
    rows: Vec<DeadWire>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MoveShardsWire {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    expected: Vec<PieceWire>,
    #[prost(message, repeated, tag = "3")]
    pieces: Vec<PieceWire>,
}

impl From<&Command> for CommandWire {
    fn from(command: &Command) -> Self {
        let delete = |bucket: &BucketId, key: &String, sequence| DeleteWire {
            bucket: bucket.get(),
            key: key.clone(),
            sequence,
            ..DeleteWire::default()
        };
        let kind = match command {
            Command::Found(found) => Kind::Found(found.into()),
            Command::Boot { node } => Kind::Boot(node.get()),
            Command::SetDrive(set) => Kind::SetDrive(SetDriveWire {
                drive: set.drive.get(),
                incarnation: set.incarnation,
                state: set.state.to_wire(),
            }),
            Command::ReplaceDrive(replace) => Kind::ReplaceDrive(ReplaceDriveWire {
                former: replace.former.get(),
                incarnation: replace.incarnation,
                uuid: replace.uuid.bytes().to_vec(),
            }),
            Command::CreateBucket(create) => Kind::CreateBucket(CreateBucketWire {
                name: create.name.clone(),
                owner: create.owner.clone(),
                created: create.created.nanos(),
                owner_is_user: create.owner_is_user,
            }),
            Command::DeleteBucket { bucket } => Kind::DeleteBucket(bucket.get()),
            Command::PutVersion(put) => Kind::PutVersion(put.into()),
            Command::DeleteCurrent(deletion) => Kind::DeleteCurrent(DeleteWire {
                modified: deletion.modified.nanos(),
                owner: deletion.owner.clone(),
                precondition: (&deletion.precondition).into(),
                ..delete(&deletion.bucket, &deletion.key, None)
            }),
            Command::DeleteVersion { bucket, key, version } => {
                let sequence = match version {
                    VersionId::Null => None,
                    VersionId::Of(sequence) => Some((*sequence).into()),
                };
                Kind::DeleteVersion(delete(bucket, key, sequence))
            }
            Command::SetSetting { bucket, kind, document } => Kind::SetSetting(SetSettingWire {
                bucket: bucket.get(),
                kind: kind.number().into(),
                document: document.clone(),
            }),
            Command::SetTags(set) => Kind::SetTags(set.into()),
            Command::CreateUpload(create) => Kind::CreateUpload(create.into()),
            Command::PutPart(put) => Kind::PutPart(put.into()),
            Command::CompleteUpload(complete) => Kind::CompleteUpload(complete.into()),
            Command::AbortUpload { bucket, key, upload } => {
                Kind::AbortUpload(delete(bucket, key, Some(upload.0.into())))
            }
            Command::Bury { rows } => {
                let row = |(sequence, data): &(Sequence, DataId)| DeadWire {
                    sequence: Some((*sequence).into()),
                    data: data.bytes().to_vec(),
                };
                Kind::Bury(BuryWire { rows: rows.iter().map(row).collect() })
            }
            Command::MoveShards { data, expected, pieces } => {
                let wire = |pieces: &[Piece]| pieces.iter().map(Into::into).collect();
                Kind::MoveShards(MoveShardsWire {
                    data: data.bytes().to_vec(),
                    expected: wire(expected),
                    pieces: wire(pieces),
                })
            }
            Command::AddUser(user) => Kind::AddUser(user.to_wire()),
            Command::RemoveUser { id } => Kind::RemoveUser(id.clone()),
            Command::CreateKey(key) => Kind::CreateKey(key.to_wire()),
            Command::RevokeKey { id } => Kind::RevokeKey(id.clone()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<CommandWire> for Command {
    type Error = Malformed;

    fn try_from(wire: CommandWire) -> Result<Self, Malformed> {
        Ok(match wire.kind.ok_or(NOT)? {
            Kind::Found(found) => Self::Found(found.try_into()?),
            Kind::Boot(node) => Self::Boot { node: NodeId::new(node) },
            Kind::SetDrive(set) => Self::SetDrive(SetDrive {
                drive: DriveOrdinal::new(set.drive),
                incarnation: set.incarnation,
                state: DriveState::from_wire(set.state)?,
            }),
            Kind::CreateBucket(create) => Self::CreateBucket(CreateBucket {
                name: create.name,
                owner: create.owner,
                owner_is_user: create.owner_is_user,
                created: WallTime::from_nanos(create.created),
            }),
            Kind::DeleteBucket(bucket) => Self::DeleteBucket { bucket: BucketId::new(bucket) },
            Kind::PutVersion(put) => Self::PutVersion(put.try_into()?),
            Kind::DeleteCurrent(deletion) => Self::DeleteCurrent(DeleteCurrent {
                bucket: BucketId::new(deletion.bucket),
                key: deletion.key,
                modified: WallTime::from_nanos(deletion.modified),
                owner: deletion.owner,
                precondition: deletion.precondition.into(),
            }),
            Kind::DeleteVersion(deletion) => Self::DeleteVersion {
                bucket: BucketId::new(deletion.bucket),
                key: deletion.key,
                version: match deletion.sequence {
                    None => VersionId::Null,
                    Some(sequence) => VersionId::Of(sequence.into()),
                },
            },
            Kind::SetSetting(set) => Self::SetSetting {
                bucket: BucketId::new(set.bucket),
                kind: SettingKind::of_number(set.kind)?,
                document: set.document,
            },
            Kind::SetTags(set) => Self::SetTags(set.into()),
            Kind::CreateUpload(create) => Self::CreateUpload(create.into()),
            Kind::PutPart(put) => Self::PutPart(put.try_into()?),
            Kind::CompleteUpload(complete) => Self::CompleteUpload(complete.try_into()?),
            Kind::AbortUpload(deletion) => Self::AbortUpload {
                bucket: BucketId::new(deletion.bucket),
                key: deletion.key,
                upload: UploadId(deletion.sequence.ok_or(NOT)?.into()),
            },
            Kind::Bury(bury) => {
                let row = |row: DeadWire| -> Result<(Sequence, DataId), Malformed> {
                    Ok((row.sequence.ok_or(NOT)?.into(), data_id(&row.data)?))
                };
                Self::Bury { rows: bury.rows.into_iter().map(row).collect::<Result<_, _>>()? }
            }
            Kind::ReplaceDrive(replace) => Self::ReplaceDrive(ReplaceDrive {
                former: DriveOrdinal::new(replace.former),
                incarnation: replace.incarnation,
                uuid: DriveUuid::from_bytes(replace.uuid.try_into().map_err(|_| NOT)?),
            }),
            Kind::MoveShards(moving) => {
                let pieces = |wire: Vec<PieceWire>| wire.into_iter().map(Into::into).collect();
                Self::MoveShards {
                    data: data_id(&moving.data)?,
                    expected: pieces(moving.expected),
                    pieces: pieces(moving.pieces),
                }
            }
            Kind::AddUser(user) => Self::AddUser(User::from_wire(user)?),
            Kind::RemoveUser(id) => Self::RemoveUser { id },
            Kind::CreateKey(key) => Self::CreateKey(AccessKey::from_wire(key)?),
            Kind::RevokeKey(id) => Self::RevokeKey { id },
        })
    }
}

fn data_id(bytes: &[u8]) -> Result<DataId, Malformed> {
    Ok(DataId::from_bytes(bytes.try_into().map_err(|_| NOT)?))
}

impl From<&FoundCluster> for FoundWire {
    fn from(found: &FoundCluster) -> Self {
        Self {
            cluster: found.cluster.bytes().to_vec(),
            name: found.name.clone(),
            profile: found.profile.to_wire(),
            node: Some((&found.node).into()),
            drives: found.drives.iter().map(Into::into).collect(),
            root_id: found.root_id.clone(),
        }
    }
}

impl TryFrom<FoundWire> for FoundCluster {
    type Error = Malformed;

    fn try_from(wire: FoundWire) -> Result<Self, Malformed> {
        Ok(Self {
            cluster: ClusterUuid::from_bytes(wire.cluster.as_slice().try_into().map_err(|_| NOT)?),
            name: wire.name,
            profile: ProfileChoice::from_wire(wire.profile)?,
            node: wire.node.ok_or(NOT)?.into(),
            drives: wire.drives.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            root_id: wire.root_id,
        })
    }
}

impl From<&Precondition> for Option<PreconditionWire> {
    fn from(precondition: &Precondition) -> Self {
        let wire = PreconditionWire::default();
        match precondition {
            Precondition::None => None,
            Precondition::Absent => Some(PreconditionWire { absent: true, ..wire }),
            Precondition::Present => Some(PreconditionWire { present: true, ..wire }),
            Precondition::Etag(etag) => Some(PreconditionWire { etag: etag.clone(), ..wire }),
        }
    }
}

impl From<Option<PreconditionWire>> for Precondition {
    fn from(wire: Option<PreconditionWire>) -> Self {
        match wire {
            None => Self::None,
            Some(PreconditionWire { absent: true, .. }) => Self::Absent,
            Some(PreconditionWire { present: true, .. }) => Self::Present,
            Some(PreconditionWire { etag, .. }) => Self::Etag(etag),
        }
    }
}

fn checksums_to_wire(checksums: &[Checksum]) -> Vec<ChecksumWire> {
    checksums.iter().map(Into::into).collect()
}

fn checksums_from_wire(checksums: Vec<ChecksumWire>) -> Vec<Checksum> {
    checksums.into_iter().map(Into::into).collect()
}

impl From<&PutVersion> for WriteWire {
    fn from(put: &PutVersion) -> Self {
        Self {
            bucket: put.bucket.get(),
            key: put.key.clone(),
            size: put.size,
            etag: put.etag.clone(),
            modified: put.modified.nanos(),
            headers: Some((&put.headers).into()),
            checksums: checksums_to_wire(&put.checksums),
            owner: put.owner.clone(),
            data: put.data.as_ref().map(Record::to_wire),
            precondition: (&put.precondition).into(),
            upload: None,
            number: 0,
        }
    }
}

impl TryFrom<WriteWire> for PutVersion {
    type Error = Malformed;

    fn try_from(wire: WriteWire) -> Result<Self, Malformed> {
        Ok(Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            size: wire.size,
            etag: wire.etag,
            modified: WallTime::from_nanos(wire.modified),
            headers: wire.headers.map(Headers::from).unwrap_or_default(),
            checksums: checksums_from_wire(wire.checksums),
            owner: wire.owner,
            data: wire.data.map(DataRecord::from_wire).transpose()?,
            precondition: wire.precondition.into(),
        })
    }
}

impl From<&PutPart> for WriteWire {
    fn from(put: &PutPart) -> Self {
        Self {
            bucket: put.bucket.get(),
            key: put.key.clone(),
            size: put.size,
            etag: put.etag.clone(),
            modified: put.modified.nanos(),
            checksums: checksums_to_wire(&put.checksums),
            data: put.data.as_ref().map(Record::to_wire),
            upload: Some(put.upload.0.into()),
            number: put.number.into(),
            ..Self::default()
        }
    }
}

impl TryFrom<WriteWire> for PutPart {
    type Error = Malformed;

    fn try_from(wire: WriteWire) -> Result<Self, Malformed> {
        Ok(Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            upload: UploadId(wire.upload.ok_or(NOT)?.into()),
            number: u16::try_from(wire.number).map_err(|_| NOT)?,
            size: wire.size,
            etag: wire.etag,
            modified: WallTime::from_nanos(wire.modified),
            checksums: checksums_from_wire(wire.checksums),
            data: wire.data.map(DataRecord::from_wire).transpose()?,
        })
    }
}

impl From<&SetTags> for SetTagsWire {
    fn from(set: &SetTags) -> Self {
        let sequence = match set.version {
            Some(VersionId::Of(sequence)) => Some(sequence.into()),
            Some(VersionId::Null) | None => None,
        };
        Self {
            bucket: set.bucket.get(),
            key: set.key.clone(),
            sequence,
            null: set.version == Some(VersionId::Null),
            tags: pairs_to_wire(&set.tags),
        }
    }
}

impl From<SetTagsWire> for SetTags {
    fn from(wire: SetTagsWire) -> Self {
        let named = wire.sequence.map(|sequence| VersionId::Of(sequence.into()));
        Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            version: named.or(wire.null.then_some(VersionId::Null)),
            tags: pairs_from_wire(wire.tags),
        }
    }
}

impl From<&CreateUpload> for CreateUploadWire {
    fn from(create: &CreateUpload) -> Self {
        Self {
            bucket: create.bucket.get(),
            key: create.key.clone(),
            owner: create.owner.clone(),
            initiated: create.initiated.nanos(),
            headers: Some((&create.headers).into()),
            checksum_algorithm: create.checksum_algorithm.clone(),
            checksum_composite: create.checksum_composite,
        }
    }
}

impl From<CreateUploadWire> for CreateUpload {
    fn from(wire: CreateUploadWire) -> Self {
        Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            owner: wire.owner,
            initiated: WallTime::from_nanos(wire.initiated),
            headers: wire.headers.map(Headers::from).unwrap_or_default(),
            checksum_algorithm: wire.checksum_algorithm,
            checksum_composite: wire.checksum_composite,
        }
    }
}

impl From<&CompleteUpload> for CompleteWire {
    fn from(complete: &CompleteUpload) -> Self {
        let part = |part: &NamedPart| NamedPartWire {
            number: part.number.into(),
            etag: part.etag.clone(),
        };
        Self {
            bucket: complete.bucket.get(),
            key: complete.key.clone(),
            upload: Some(complete.upload.0.into()),
            parts: complete.parts.iter().map(part).collect(),
            etag: complete.etag.clone(),
            checksums: checksums_to_wire(&complete.checksums),
            modified: complete.modified.nanos(),
            precondition: (&complete.precondition).into(),
        }
    }
}

impl TryFrom<CompleteWire> for CompleteUpload {
    type Error = Malformed;

    fn try_from(wire: CompleteWire) -> Result<Self, Malformed> {
        let part = |part: NamedPartWire| -> Result<NamedPart, Malformed> {
            let number = u16::try_from(part.number).map_err(|_| NOT)?;
            Ok(NamedPart { number, etag: part.etag })
        };
        Ok(Self {
            bucket: BucketId::new(wire.bucket),
            key: wire.key,
            upload: UploadId(wire.upload.ok_or(NOT)?.into()),
            parts: wire.parts.into_iter().map(part).collect::<Result<_, _>>()?,
            etag: wire.etag,
            checksums: checksums_from_wire(wire.checksums),
            modified: WallTime::from_nanos(wire.modified),
            precondition: wire.precondition.into(),
        })
    }
}
