//! Commands and outcomes survive the log, and their bytes are pinned.

use super::outcome_wire::OutcomeWire;
use super::wire::CommandWire;
use super::*;
use crate::record::{Owner, Piece, Profile, SealedSecret, Sequence};
use hamster_core::ids::{BootNumber, DataId, DriveUuid};
use prost::Message;

const AT: Sequence = Sequence::new(300, 2);
const BUCKET: BucketId = BucketId::new(7);

fn commands() -> Vec<Command> {
    let key = String::from("a/b");
    let modified = WallTime::from_secs(1);
    let headers = Headers {
        system: vec![("content-type".into(), "text/plain".into())],
        user: vec![("a".into(), "b".into())],
        tags: vec![],
    };
    let checksums =
        vec![Checksum { algorithm: "crc32".into(), value: "AAAAAA==".into(), composite: false }];
    let data = DataRecord {
        data: DataId::from_bytes([9; 16]),
        k: 4,
        m: 2,
        slice_bytes: 262_144,
        stored_bytes: 5,
        writer_epoch: 3,
        owner: Owner::Nobody,
        pieces: vec![Piece { drive: DriveOrdinal::new(5), checksum: Some(1) }],
    };
    let (upload, owner, etag) = (UploadId(AT), String::from("alice"), String::from("abc"));
    vec![
        Command::Found(FoundCluster {
            cluster: ClusterUuid::from_bytes([1; 16]),
            name: "c".into(),
            profile: ProfileChoice::Pinned(Profile::new(2, 2)),
            node: Node {
                id: NodeId::new(1),
                name: "n1".into(),
                host: "h".into(),
                zone: "z".into(),
                address: "x".into(),
                boot: BootNumber::new(0),
            },
            drives: vec![Drive {
                ordinal: DriveOrdinal::new(1),
                uuid: DriveUuid::from_bytes([3; 16]),
                node: NodeId::new(1),
                weight: 1,
                state: DriveState::Live,
                incarnation: 1,
            }],
            root_id: String::new(),
        }),
        Command::Boot { node: NodeId::new(1) },
        Command::SetDrive(SetDrive {
            drive: DriveOrdinal::new(1),
            incarnation: 2,
            state: DriveState::Lost,
        }),
        Command::CreateBucket(CreateBucket {
            name: "b".into(),
            owner: owner.clone(),
            owner_is_user: false,
            created: modified,
        }),
        Command::DeleteBucket { bucket: BUCKET },
        Command::PutVersion(PutVersion {
            bucket: BUCKET,
            key: key.clone(),
            size: 5,
            etag: etag.clone(),
            modified,
            headers: headers.clone(),
            checksums: checksums.clone(),
            owner: owner.clone(),
            data: Some(data.clone()),
            precondition: Precondition::Absent,
        }),
        Command::DeleteCurrent(DeleteCurrent {
            bucket: BUCKET,
            key: key.clone(),
            modified,
            owner: owner.clone(),
            precondition: Precondition::Etag(etag.clone()),
        }),
        Command::DeleteVersion { bucket: BUCKET, key: key.clone(), version: VersionId::Null },
        Command::DeleteVersion { bucket: BUCKET, key: key.clone(), version: VersionId::Of(AT) },
        Command::CreateUpload(CreateUpload {
            bucket: BUCKET,
            key: key.clone(),
            owner,
            initiated: modified,
            headers,
            checksum_algorithm: "crc32".into(),
            checksum_composite: true,
        }),
        Command::PutPart(PutPart {
            bucket: BUCKET,
            key: key.clone(),
            upload,
            number: 3,
            size: 5,
            etag: etag.clone(),
            modified,
            checksums: checksums.clone(),
            data: Some(data),
        }),
        Command::CompleteUpload(CompleteUpload {
            bucket: BUCKET,
            key: key.clone(),
            upload,
            parts: vec![NamedPart { number: 3, etag: etag.clone() }],
            etag,
            checksums,
            modified,
            precondition: Precondition::None,
        }),
        Command::AbortUpload { bucket: BUCKET, key, upload },
    ]
}

/// Those that came later, each with its bytes.
fn later_commands() -> Vec<(Command, &'static str)> {
    let data = DataId::from_bytes([9; 16]);
    let piece = |drive, checksum| Piece { drive: DriveOrdinal::new(drive), checksum };
    let bury = Command::Bury { rows: vec![(AT, data), (Sequence::default(), data)] };
    let moving = Command::MoveShards {
        data,
        expected: vec![piece(5, Some(1)), piece(6, None)],
        pieces: vec![piece(5, Some(1)), piece(7, Some(2))],
    };
    let replace = Command::ReplaceDrive(ReplaceDrive {
        former: DriveOrdinal::new(2),
        incarnation: 3,
        uuid: DriveUuid::from_bytes([4; 16]),
    });
    let setting =
        |document| Command::SetSetting { bucket: BUCKET, kind: SettingKind::Cors, document };
    let tags = |version| {
        let (key, tags) = ("k".to_owned(), vec![("a".to_owned(), "b".to_owned())]);
        Command::SetTags(SetTags { bucket: BUCKET, key, version, tags })
    };
    let user = User {
        id: "ab".into(),
        name: "alice".into(),
        created: WallTime::from_secs(1),
        root: false,
    };
    let key = AccessKey {
        id: "HK".into(),
        user: "ab".into(),
        secret: SealedSecret { master_key: "k1".into(), bytes: vec![1, 2] },
        created: WallTime::from_secs(1),
    };
    let (id, access_key) = ("ab".into(), "HK".into());
    let deletion = Command::DeleteCurrent(DeleteCurrent {
        bucket: BUCKET,
        key: "k".into(),
        modified: WallTime::from_secs(1),
        owner: String::new(),
        precondition: Precondition::Present,
    });
    let bucket = Command::CreateBucket(CreateBucket {
        name: "b".into(),
        owner: "ab".into(),
        owner_is_user: true,
        created: WallTime::from_secs(1),
    });
    vec![
        (bucket, "220f0a016212026162188094ebdc032001"),
        (deletion, "3a0f080712016b208094ebdc0332021801"),
        (setting(Some("x".into())), "820107080710011a0178"),
        (setting(None), "82010408071001"),
        (tags(None), "8a010d080712016b2a060a0161120162"),
        (tags(Some(VersionId::Null)), "8a010f080712016b20012a060a0161120162"),
        (tags(Some(VersionId::Of(AT))), "8a0114080712016b1a0508ac0210022a060a0161120162"),
        (Command::AddUser(user), "a201130801120261621a05616c696365208094ebdc03"),
        (Command::RemoveUser { id }, "aa01026162"),
        (Command::CreateKey(key), "b2011808011202484b1a02616222026b312a020102308094ebdc03"),
        (Command::RevokeKey { id: access_key }, "ba0102484b"),
        (replace, "7a16080210031a1004040404040404040404040404040404"),
        (
            bury,
            "6a310a190a0508ac0210021210090909090909090909090909090909090a\
             140a00121009090909090909090909090909090909",
        ),
        (
            moving,
            "723d0a1009090909090909090909090909090909120b0805110100000000\
             000000120208061a0b08051101000000000000001a0b0807110200000000000000",
        ),
    ]
}

#[test]
fn commands_survive_the_log() {
    for command in commands().into_iter().chain(later_commands().into_iter().map(|later| later.0)) {
        let bytes = CommandWire::from(&command).encode_to_vec();
        let decoded = CommandWire::decode(bytes.as_slice()).expect("protobuf");
        assert_eq!(Command::try_from(decoded), Ok(command));
    }
}

#[test]
fn the_bytes_of_all_commands_are_pinned() {
    let bytes: Vec<u8> =
        commands().iter().flat_map(|command| CommandWire::from(command).encode_to_vec()).collect();
    let checksum = hamster_core::checksum::Crc64::of(&bytes).get();
    assert_eq!(checksum, 0x8c77_ce33_8cfc_c627, "{}", hex::encode(&bytes));
    for (command, pin) in later_commands() {
        assert_eq!(hex::encode(CommandWire::from(&command).encode_to_vec()), pin);
    }
}

#[test]
fn outcomes_survive_the_session() {
    let (sequence, etag) = (AT, String::from("abc"));
    let outcomes = [
        Outcome::Found(Found::Founded),
        Outcome::Found(Found::Already),
        Outcome::Found(Found::Another),
        Outcome::Booted(BootNumber::new(3)),
        Outcome::NoSuchNode,
        Outcome::DriveSet { incarnation: 2 },
        Outcome::NoSuchDrive,
        Outcome::BucketCreated(BUCKET),
        Outcome::BucketExists { bucket: BUCKET, owner: "alice".into() },
        Outcome::TooManyBuckets,
        Outcome::BucketDeleted,
        Outcome::NoSuchBucket,
        Outcome::BucketNotEmpty,
        Outcome::Committed { version: VersionId::Null, sequence, etag: etag.clone() },
        Outcome::Committed { version: VersionId::Of(AT), sequence, etag },
        Outcome::Deleted { version: None, marker: false },
        Outcome::Deleted { version: Some(VersionId::Null), marker: false },
        Outcome::Deleted { version: Some(VersionId::Of(AT)), marker: true },
        Outcome::PreconditionFailed,
        Outcome::NoSuchKey,
        Outcome::UploadCreated(UploadId(AT)),
        Outcome::PartCommitted,
        Outcome::NoSuchUpload,
        Outcome::InvalidPart { number: 3 },
        Outcome::InvalidPartOrder,
        Outcome::EntityTooSmall { number: 3, size: 5 },
        Outcome::EntityTooLarge,
        Outcome::UploadAborted,
        Outcome::Refused("why".into()),
        Outcome::Stale,
        Outcome::Buried,
        Outcome::ShardsMoved,
        Outcome::ShardsChanged,
        Outcome::NoSuchData,
        Outcome::DriveReplaced(DriveOrdinal::new(6)),
        Outcome::SettingSet,
        Outcome::NoSuchVersion,
        Outcome::TagsSet { version: VersionId::Of(AT) },
        Outcome::TagsSet { version: VersionId::Null },
        Outcome::UserAdded,
        Outcome::UserExists { id: "ab".into() },
        Outcome::TooManyUsers,
        Outcome::UserRemoved,
        Outcome::NoSuchUser,
        Outcome::UserHasKeys { count: 2 },
        Outcome::UserOwnsBuckets { first: "b".into() },
        Outcome::KeyCreated,
        Outcome::KeyExists,
        Outcome::TooManyKeys,
        Outcome::KeyRevoked,
        Outcome::NoSuchAccessKey,
    ];
    let mut kinds: Vec<u8> = Vec::new();
    for outcome in outcomes {
        let bytes = OutcomeWire::from(&outcome).encode_to_vec();
        kinds.extend(bytes.get(1));
        let decoded = OutcomeWire::decode(bytes.as_slice()).expect("protobuf");
        assert_eq!(Outcome::try_from(decoded), Ok(outcome));
    }
    // The kinds in this order, for ever.
    assert_eq!(
        kinds,
        [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15, 17, 16, 18, 19, 20, 21, 22, 23,
            24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 50, 51, 52, 53, 54, 55, 56,
            57, 58, 59, 60, 61,
        ]
    );
}
