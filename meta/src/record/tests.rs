//! The stored bytes of every record, pinned: what one version of Hamster wrote, all later ones read.

use super::*;
use crate::command::Outcome;
use hamster_core::WallTime;
use hamster_core::ids::{
    BootNumber, BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId,
};

fn pin<R: Record + PartialEq + std::fmt::Debug>(record: &R, golden: &str) {
    assert_eq!(hex::encode(record.encode()), golden, "{}", R::NAME);
    let bytes = hex::decode(golden).expect("hexadecimal");
    assert_eq!(R::decode(&bytes).as_ref(), Ok(record), "{}", R::NAME);
}

fn headers() -> Headers {
    Headers {
        system: vec![("content-type".into(), "text/plain".into())],
        user: vec![("a".into(), "b".into())],
        tags: vec![],
    }
}

fn checksums() -> Vec<Checksum> {
    vec![Checksum { algorithm: "crc32".into(), value: "AAAAAA==-2".into(), composite: true }]
}

const AT: Sequence = Sequence::new(300, 2);

#[test]
fn bucket() {
    let bucket = Bucket {
        id: BucketId::new(7),
        name: "photos".into(),
        owner: "alice".into(),
        created: WallTime::from_secs(1),
        versioning: Versioning::Suspended,
    };
    pin(&bucket, "080110071a0670686f746f732205616c696365288094ebdc033002");
    pin(&Setting { document: "<x/>".into() }, "080112043c782f3e");
}

#[test]
fn version() {
    let version = Version {
        id: VersionId::Null,
        sequence: AT,
        kind: VersionKind::Object,
        size: 5,
        etag: "abc".into(),
        modified: WallTime::from_secs(1),
        content: Content::Data(DataId::from_bytes([9; 16])),
        headers: headers(),
        checksums: checksums(),
        owner: "alice".into(),
    };
    pin(
        &version,
        concat!(
            "0801120508ac021002180128053203616263388094ebdc034210090909090909090909090909",
            "0909090952240a1a0a0c636f6e74656e742d74797065120a746578742f706c61696e12060a01",
            "611201625a150a056372633332120a4141414141413d3d2d3218016205616c696365",
        ),
    );
    let tags = vec![("c".into(), "d".into())];
    let tagged = Version {
        content: Content::Nothing,
        headers: Headers { tags, ..Headers::default() },
        checksums: vec![],
        ..version.clone()
    };
    pin(
        &tagged,
        "0801120508ac021002180128053203616263388094ebdc0352081a060a01631201646205616c696365",
    );
    let marker = Version {
        id: VersionId::Of(AT),
        kind: VersionKind::DeleteMarker,
        size: 0,
        etag: String::new(),
        content: Content::Nothing,
        headers: Headers::default(),
        checksums: vec![],
        ..version.clone()
    };
    pin(&marker, "0801120508ac0210022001388094ebdc036205616c696365");
    pin(
        &Version { content: Content::Upload(UploadId(AT)), ..marker },
        "0801120508ac0210022001388094ebdc034a0508ac0210026205616c696365",
    );
}

#[test]
fn data() {
    let data = DataRecord {
        data: DataId::from_bytes([9; 16]),
        k: 4,
        m: 2,
        slice_bytes: 262_144,
        stored_bytes: 1_000_000,
        writer_epoch: 3,
        owner: Owner::Version { bucket: BucketId::new(7), sequence: AT },
        pieces: vec![
            Piece { drive: DriveOrdinal::new(0), checksum: Some(0x0102_0304_0506_0708) },
            Piece { drive: DriveOrdinal::new(5), checksum: None },
        ],
    };
    pin(
        &data,
        concat!(
            "0801121009090909090909090909090909090909180420022880801030c0843d380342090807",
            "120508ac021002520911080706050403020152020805",
        ),
    );
    let owner = Owner::Part { upload: UploadId(AT), number: 10_000 };
    pin(
        &DataRecord { owner, pieces: vec![], ..data.clone() },
        concat!(
            "0801121009090909090909090909090909090909180420022880801030c0843d38034a0a0a05",
            "08ac02100210904e",
        ),
    );
    pin(
        &DataRecord { owner: Owner::Nobody, pieces: vec![], ..data },
        "0801121009090909090909090909090909090909180420022880801030c0843d3803",
    );
}

#[test]
fn upload_and_parts() {
    let upload = Upload {
        id: UploadId(AT),
        bucket: BucketId::new(7),
        key: "a/b".into(),
        owner: "alice".into(),
        initiated: WallTime::from_secs(1),
        headers: headers(),
        checksum_algorithm: "crc32".into(),
        checksum_composite: true,
    };
    pin(
        &upload,
        concat!(
            "0801120508ac02100218072203612f622a05616c696365308094ebdc033a240a1a0a0c636f6e",
            "74656e742d74797065120a746578742f706c61696e12060a0161120162420563726333324801",
        ),
    );
    let part = Part {
        number: 3,
        size: 5,
        etag: "abc".into(),
        modified: WallTime::from_secs(1),
        data: Some(DataId::from_bytes([9; 16])),
        checksums: checksums(),
    };
    pin(
        &part,
        concat!(
            "0801100318052203616263288094ebdc033210090909090909090909090909090909093a150a",
            "056372633332120a4141414141413d3d2d321801",
        ),
    );
    pin(&Part { data: None, checksums: vec![], ..part }, "0801100318052203616263288094ebdc03");
    let completed = Completed {
        bucket: BucketId::new(7),
        key: "a/b".into(),
        version: VersionId::Null,
        sequence: AT,
        etag: "abc-1".into(),
    };
    pin(&completed, "080110071a03612f62220508ac021002280132056162632d31");
    pin(&Outlived { upload: UploadId(AT) }, "0801120508ac021002");
}

#[test]
fn key_rows() {
    pin(&Head { current: AT, null: None }, "0801120508ac021002");
    pin(&Head { current: AT, null: Some(Sequence::new(1, 0)) }, "0801120508ac0210021a020801");
    let row = ListedRow {
        version: VersionId::Of(AT),
        sequence: AT,
        size: 5,
        etag: "abc".into(),
        modified: WallTime::from_secs(1),
        checksum_algorithms: vec!["crc32".into()],
    };
    pin(&row, "0801120508ac02100220052a03616263308094ebdc033a056372633332");
}

#[test]
fn layout() {
    let layout = LayoutRecord {
        version: 2,
        cluster: ClusterUuid::from_bytes([1; 16]),
        name: "hamster".into(),
        profile: ProfileChoice::Pinned(Profile::new(4, 2)),
        nodes: vec![Node {
            id: NodeId::new(1),
            name: "n1".into(),
            host: "h1".into(),
            zone: "z1".into(),
            address: "127.0.0.1:7946".into(),
            boot: BootNumber::new(3),
        }],
        drives: vec![Drive {
            ordinal: DriveOrdinal::new(5),
            uuid: DriveUuid::from_bytes([2; 16]),
            node: NodeId::new(1),
            weight: 1,
            state: DriveState::Poisoned,
            incarnation: 1,
        }],
        // As it was written before root had an id of its own.
        root_id: String::new(),
    };
    pin(
        &layout,
        concat!(
            "080110021a1001010101010101010101010101010101220768616d737465722a040804100232",
            "20080112026e311a02683122027a312a0e3132372e302e302e313a3739343630033a1c080512",
            "10020202020202020202020202020202021801200128013001",
        ),
    );
    pin(
        &LayoutRecord {
            profile: ProfileChoice::Auto,
            nodes: vec![],
            drives: vec![],
            ..layout.clone()
        },
        "080110021a1001010101010101010101010101010101220768616d73746572",
    );
    let root_id = "ab".to_owned();
    let bare = LayoutRecord { nodes: vec![], drives: vec![], root_id, ..layout };
    pin(
        &bare,
        "080110021a1001010101010101010101010101010101220768616d737465722a040804100242026162",
    );
}

#[test]
fn users_and_access_keys() {
    let user = User {
        id: "ab".into(),
        name: "alice".into(),
        created: WallTime::from_secs(1),
        root: false,
    };
    pin(&user, "0801120261621a05616c696365208094ebdc03");
    pin(&User { root: true, ..user }, "0801120261621a05616c696365208094ebdc032801");
    let key = AccessKey {
        id: "HK".into(),
        user: "ab".into(),
        secret: SealedSecret { master_key: "k1".into(), bytes: vec![1, 2] },
        created: WallTime::from_secs(1),
    };
    pin(&key, "08011202484b1a02616222026b312a020102308094ebdc03");
    assert_eq!(format!("{:?}", key.secret), "SealedSecret(2 bytes by k1)");
}

#[test]
fn counters_and_sessions() {
    pin(&Counters { last_bucket: 9, buckets: 2, outlived: 0 }, "080110091802");
    pin(&Counters { last_bucket: 9, buckets: 2, outlived: 3 }, "0801100918022003");
    pin(&Boots { boot: BootNumber::new(3) }, "08011003");
    let committed =
        Outcome::Committed { version: VersionId::Null, sequence: AT, etag: "abc".into() };
    let outcomes = vec![Outcome::NoSuchBucket, committed];
    pin(
        &SessionSlot { boot: BootNumber::new(3), number: 17, outcomes },
        "0801100318112202080c2210080e1a03616263220508ac0210022801",
    );
}

#[test]
fn what_a_newer_version_wrote_is_refused() {
    assert_eq!(Counters::decode(&[0x08, 0x02]), Err(Malformed::Newer(2)));
    assert_eq!(Counters::decode(&[]), Err(Malformed::Not("counters")));
    assert_eq!(Counters::decode(&[0xff]), Err(Malformed::Not("counters")));
}
