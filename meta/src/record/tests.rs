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
    pin(&bucket, "BUCKET");
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
    pin(&version, "VERSION");
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
    pin(&marker, "MARKER");
    pin(&Version { content: Content::Upload(UploadId(AT)), ..marker }, "UPLOADED");
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
    pin(&data, "DATA");
    let owner = Owner::Part { upload: UploadId(AT), number: 10_000 };
    pin(&DataRecord { owner, pieces: vec![], ..data.clone() }, "DATAPART");
    pin(&DataRecord { owner: Owner::Nobody, pieces: vec![], ..data }, "DATANOBODY");
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
    pin(&upload, "UPLOAD");
    let part = Part {
        number: 3,
        size: 5,
        etag: "abc".into(),
        modified: WallTime::from_secs(1),
        data: Some(DataId::from_bytes([9; 16])),
        checksums: checksums(),
    };
    pin(&part, "PART");
    pin(&Part { data: None, checksums: vec![], ..part }, "EMPTYPART");
    let completed = Completed {
        bucket: BucketId::new(7),
        key: "a/b".into(),
        version: VersionId::Null,
        sequence: AT,
        etag: "abc-1".into(),
    };
    pin(&completed, "COMPLETED");
}

#[test]
fn key_rows() {
    pin(&Head { current: AT, null: None }, "HEAD");
    pin(&Head { current: AT, null: Some(Sequence::new(1, 0)) }, "HEADNULL");
    let row = ListedRow {
        version: VersionId::Of(AT),
        sequence: AT,
        size: 5,
        etag: "abc".into(),
        modified: WallTime::from_secs(1),
        checksum_algorithms: vec!["crc32".into()],
    };
    pin(&row, "LISTED");
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
    };
    pin(&layout, "LAYOUT");
    pin(
        &LayoutRecord { profile: ProfileChoice::Auto, nodes: vec![], drives: vec![], ..layout },
        "AUTO",
    );
}

#[test]
fn counters_and_sessions() {
    pin(&Counters { last_bucket: 9, buckets: 2 }, "COUNTERS");
    pin(&Boots { boot: BootNumber::new(3) }, "BOOTS");
    let committed =
        Outcome::Committed { version: VersionId::Null, sequence: AT, etag: "abc".into() };
    let outcomes = vec![Outcome::NoSuchBucket, committed];
    pin(&SessionSlot { boot: BootNumber::new(3), number: 17, outcomes }, "SESSION");
}

#[test]
fn what_a_newer_version_wrote_is_refused() {
    assert_eq!(Counters::decode(&[0x08, 0x02]), Err(Malformed::Newer(2)));
    assert_eq!(Counters::decode(&[]), Err(Malformed::Not("counters")));
    assert_eq!(Counters::decode(&[0xff]), Err(Malformed::Not("counters")));
}
