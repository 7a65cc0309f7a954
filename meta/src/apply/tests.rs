//! Facts about apply, one cluster in memory at a time.

use super::*;
use crate::command::{
    CompleteUpload, CreateBucket, CreateUpload, DeleteCurrent, FoundCluster, NamedPart,
    Precondition, PutPart, PutVersion, ReplaceDrive, SetDrive, SetTags,
};
use crate::query;
use crate::record::{
    Bucket, Content, DataRecord, Drive, DriveState, Headers, LayoutRecord, Node, Owner, Piece,
    ProfileChoice, Record, Setting, SettingKind, UploadId, Version, VersionId, VersionKind,
    Versioning,
};
use crate::state::twin::TwinWorld;
use crate::state::{Database, Reach, Visit};
use hamster_core::WallTime;
use hamster_core::ids::{
    BootNumber, BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId,
};
use std::path::Path;

const BUCKET: BucketId = BucketId::new(1);
const MIB: u64 = 1 << 20;
const ROOT_ID: &str = "7007000000000000000000000000000000000000000000000000000000000000";

/// A replica: commands in, outcomes out.
struct Replica {
    state: Database,
    index: u64,
    datas: u8,
}

impl Replica {
    fn empty() -> Self {
        let state = TwinWorld::default().open(Path::new("/state")).expect("memory");
        Self { state: Database::Twin(state), index: 0, datas: 0 }
    }

    fn with_bucket() -> Self {
        let mut replica = Self::empty();
        assert_eq!(replica.apply(create_bucket("b")), Outcome::BucketCreated(BUCKET));
        replica
    }

    fn versioned(versioning: Versioning) -> Self {
        let replica = Self::with_bucket();
        let bucket: Bucket = replica.record(&key::bucket(BUCKET)).expect("made above");
        let mut batch = Batch::default();
        batch.put(key::bucket(BUCKET), Bucket { versioning, ..bucket }.encode());
        replica.state.write(&batch, false).expect("memory");
        replica
    }

    fn view(&self) -> impl View {
        self.state.now(Reach::Drive)
    }

    fn record<R: Record>(&self, key: &[u8]) -> Option<R> {
        crate::state::get_record(&self.view(), key).expect("memory")
    }

    fn propose(&mut self, envelopes: Vec<Envelope>) -> Vec<Outcome> {
        self.index += 1;
        let applied = proposal(&self.view(), self.index, &Proposal { envelopes }).expect("memory");
        self.state.write(&applied.batch, false).expect("memory");
        applied.outcomes
    }

    fn apply(&mut self, command: Command) -> Outcome {
        let envelope = Envelope { session: None, commands: vec![command] };
        self.propose(vec![envelope]).remove(0)
    }

    /// A data record under a new id.
    fn data(&mut self) -> DataRecord {
        self.datas += 1;
        DataRecord {
            data: DataId::from_bytes([self.datas; 16]),
            k: 1,
            m: 1,
            slice_bytes: 4096,
            stored_bytes: 5,
            writer_epoch: 1,
            owner: Owner::Nobody,
            pieces: vec![Piece { drive: DriveOrdinal::new(0), checksum: Some(1) }],
        }
    }

    fn put(&mut self, key: &str, etag: &str, precondition: Precondition) -> Outcome {
        let data = Some(self.data());
        self.apply(Command::PutVersion(PutVersion { data, precondition, ..put_version(key, etag) }))
    }

    fn put_part(&mut self, upload: UploadId, number: u16, size: u64) -> Outcome {
        let data = (size > 0).then(|| self.data());
        self.apply(Command::PutPart(PutPart {
            bucket: BUCKET,
            key: "k".into(),
            upload,
            number,
            size,
            etag: format!("p{number}"),
            modified: WallTime::default(),
            checksums: vec![],
            data,
        }))
    }

    fn create_upload(&mut self) -> UploadId {
        let create = CreateUpload {
            bucket: BUCKET,
            key: "k".into(),
            owner: "alice".into(),
            initiated: WallTime::default(),
            headers: Headers::default(),
            checksum_algorithm: String::new(),
            checksum_composite: false,
        };
        match self.apply(Command::CreateUpload(create)) {
            Outcome::UploadCreated(upload) => upload,
            other => panic!("{other:?}"),
        }
    }

    fn complete(&mut self, upload: UploadId, numbers: &[u16]) -> Outcome {
        let part = |number: &u16| NamedPart { number: *number, etag: format!("p{number}") };
        self.complete_named(upload, numbers.iter().map(part).collect())
    }

    fn complete_named(&mut self, upload: UploadId, parts: Vec<NamedPart>) -> Outcome {
        // As S3's, it follows from those of the parts.
        let etags: Vec<&str> = parts.iter().map(|part| &*part.etag).collect();
        let etag = etags.join("+");
        self.apply(Command::CompleteUpload(CompleteUpload {
            bucket: BUCKET,
            key: "k".into(),
            upload,
            parts,
            etag,
            checksums: vec![],
            modified: WallTime::default(),
            precondition: Precondition::None,
        }))
    }

    fn delete(&mut self, key: &str) -> Outcome {
        self.apply(Command::DeleteCurrent(DeleteCurrent {
            bucket: BUCKET,
            key: key.into(),
            modified: WallTime::default(),
            owner: "alice".into(),
            precondition: Precondition::None,
        }))
    }

    fn delete_version(&mut self, key: &str, version: VersionId) -> Outcome {
        self.apply(Command::DeleteVersion { bucket: BUCKET, key: key.into(), version })
    }

    fn current(&self, key: &str) -> Option<Version> {
        let looked = query::object::object(&self.view(), BUCKET, key, &(0..u64::MAX));
        looked.expect("memory").expect("rows that fit").map(|object| object.version)
    }

    fn listed(&self) -> Vec<String> {
        let query = query::list::ListQuery { limit: 10, ..Default::default() };
        let page = query::list::page(&self.view(), BUCKET, &query).expect("memory");
        page.entries
            .into_iter()
            .map(|entry| match entry {
                query::list::ListEntry::Object(listed) => listed.key,
                query::list::ListEntry::CommonPrefix(shared) => shared,
            })
            .collect()
    }

    fn records<R: Record>(&self, range: &key::KeyRange) -> Vec<R> {
        let mut records = vec![];
        self.view()
            .scan(range, &mut |_, value| {
                records.push(R::decode(value)?);
                Ok(Visit::Next)
            })
            .expect("memory");
        records
    }

    /// The dead queue.
    fn dead(&self) -> Vec<(Sequence, DataRecord)> {
        query::data::dead(&self.view(), None, usize::MAX).expect("memory")
    }

    fn is_referenced(&self, data: DataId) -> bool {
        query::data::referenced(&self.view(), &[data]).expect("memory") == [true]
    }

    /// Everything.
    fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = vec![];
        self.view()
            .scan(&key::all(), &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                Ok(Visit::Next)
            })
            .expect("memory");
        rows
    }

    /// First bytes of the data ids that live, and of those that are dead.
    fn lives_and_dead(&self) -> (Vec<u8>, Vec<u8>) {
        let ids = |range| {
            let records = self.records::<DataRecord>(&range).into_iter();
            let mut ids: Vec<u8> = records.map(|record| record.data.bytes()[0]).collect();
            ids.sort_unstable();
            ids
        };
        (ids(key::data_behind(None)), ids(key::dead_behind(None)))
    }
}

fn create_bucket(name: &str) -> Command {
    let created = WallTime::default();
    Command::CreateBucket(CreateBucket {
        name: name.into(),
        owner: "alice".into(),
        owner_is_user: false,
        created,
    })
}

fn put_version(key: &str, etag: &str) -> PutVersion {
    PutVersion {
        bucket: BUCKET,
        key: key.into(),
        size: 5,
        etag: etag.into(),
        modified: WallTime::default(),
        headers: Headers::default(),
        checksums: vec![],
        owner: "alice".into(),
        data: None,
        precondition: Precondition::None,
    }
}

fn found(cluster: u8) -> Command {
    Command::Found(FoundCluster {
        cluster: ClusterUuid::from_bytes([cluster; 16]),
        name: "c".into(),
        profile: ProfileChoice::Auto,
        node: Node {
            id: NodeId::new(1),
            name: "n1".into(),
            host: "h".into(),
            zone: "z".into(),
            address: String::new(),
            boot: BootNumber::new(0),
        },
        drives: vec![Drive {
            ordinal: DriveOrdinal::new(0),
            uuid: DriveUuid::from_bytes([3; 16]),
            node: NodeId::new(1),
            weight: 1,
            state: DriveState::Live,
            incarnation: 1,
        }],
        root_id: ROOT_ID.into(),
    })
}

#[test]
fn a_cluster_is_founded_once() {
    let mut replica = Replica::empty();
    assert_eq!(replica.apply(Command::Boot { node: NodeId::new(1) }), Outcome::NoSuchNode);
    assert_eq!(replica.apply(found(1)), Outcome::Found(crate::command::Found::Founded));
    assert_eq!(replica.apply(found(1)), Outcome::Found(crate::command::Found::Already));
    assert_eq!(replica.apply(found(2)), Outcome::Found(crate::command::Found::Another));
    for boot in 1..3 {
        let outcome = replica.apply(Command::Boot { node: NodeId::new(1) });
        assert_eq!(outcome, Outcome::Booted(BootNumber::new(boot)));
    }
}

#[test]
fn a_drive_that_comes_back_is_a_new_incarnation() {
    let mut replica = Replica::empty();
    replica.apply(found(1));
    let set = |incarnation, state| {
        let drive = DriveOrdinal::new(0);
        Command::SetDrive(crate::command::SetDrive { drive, incarnation, state })
    };
    let now = |incarnation| Outcome::DriveSet { incarnation };
    assert_eq!(replica.apply(set(1, DriveState::Poisoned)), now(1));
    assert_eq!(replica.apply(set(1, DriveState::Poisoned)), now(1));
    assert_eq!(replica.apply(set(1, DriveState::Live)), now(2));
    assert_eq!(replica.apply(set(1, DriveState::Lost)), Outcome::NoSuchDrive);
    let layout: LayoutRecord = replica.record(&key::layout()).expect("founded");
    assert_eq!((layout.version, layout.drives[0].state), (3, DriveState::Live));
}

#[test]
fn a_replaced_drive_never_comes_back_and_its_number_is_not_given_again() {
    let mut replica = Replica::empty();
    replica.apply(found(1));
    let layout = |replica: &Replica| replica.record::<LayoutRecord>(&key::layout()).expect("it is");
    let replace = |former, incarnation| {
        let (former, uuid) = (DriveOrdinal::new(former), DriveUuid::from_bytes([9; 16]));
        Command::ReplaceDrive(ReplaceDrive { former, incarnation, uuid })
    };
    let before = layout(&replica);
    let last = before.drives.last().expect("it has drives").ordinal.get();
    let first = before.drives[0].ordinal.get();
    assert_eq!(replica.apply(replace(first, 2)), Outcome::NoSuchDrive);
    let next = |number| Outcome::DriveReplaced(DriveOrdinal::new(number));
    assert_eq!(replica.apply(replace(first, 1)), next(last + 1));
    assert_eq!(replica.apply(replace(first, 1)), Outcome::NoSuchDrive);
    assert_eq!(replica.apply(replace(last + 1, 1)), next(last + 2));
    let set = |drive, state| {
        Command::SetDrive(SetDrive { drive: DriveOrdinal::new(drive), incarnation: 1, state })
    };
    assert_eq!(replica.apply(set(first, DriveState::Live)), Outcome::NoSuchDrive);
    let removed = Outcome::DriveSet { incarnation: 1 };
    assert_eq!(replica.apply(set(first, DriveState::Removed)), removed);
    assert_eq!(replica.apply(set(first, DriveState::Lost)), Outcome::NoSuchDrive);
    let after = layout(&replica);
    assert_eq!(after.drives.len(), before.drives.len() + 2);
    let newest = after.drives.last().expect("it has drives");
    assert_eq!((newest.state, newest.incarnation), (DriveState::Live, 1));
    assert_eq!((newest.node, newest.weight), (before.drives[0].node, before.drives[0].weight));
}

#[test]
fn a_bucket_made_anew_has_another_number() {
    let mut replica = Replica::with_bucket();
    let exists = Outcome::BucketExists { bucket: BUCKET, owner: "alice".into() };
    assert_eq!(replica.apply(create_bucket("b")), exists);
    let delete = |bucket| Command::DeleteBucket { bucket };
    assert_eq!(replica.apply(delete(BUCKET)), Outcome::BucketDeleted);
    assert_eq!(replica.apply(delete(BUCKET)), Outcome::NoSuchBucket);
    assert_eq!(replica.apply(create_bucket("b")), Outcome::BucketCreated(BucketId::new(2)));
    assert_eq!(replica.put("k", "e", Precondition::None), Outcome::NoSuchBucket);
    assert_eq!(replica.lives_and_dead(), (vec![], vec![1]));
}

#[test]
fn a_bucket_with_versions_or_uploads_stays() {
    let mut replica = Replica::with_bucket();
    let delete = || Command::DeleteBucket { bucket: BUCKET };
    replica.put("k", "e", Precondition::None);
    assert_eq!(replica.apply(delete()), Outcome::BucketNotEmpty);
    replica.delete("k");
    let upload = replica.create_upload();
    assert_eq!(replica.apply(delete()), Outcome::BucketNotEmpty);
    replica.apply(Command::AbortUpload { bucket: BUCKET, key: "k".into(), upload });
    assert_eq!(replica.apply(delete()), Outcome::BucketDeleted);
}

#[test]
fn a_bucket_s_settings_go_with_it() {
    let mut replica = Replica::with_bucket();
    let set = |kind, document: Option<&str>| {
        let document = document.map(str::to_owned);
        Command::SetSetting { bucket: BUCKET, kind, document }
    };
    let document = |replica: &Replica, kind| {
        let setting: Option<Setting> = replica.record(&key::setting(BUCKET, kind));
        setting.map(|setting| setting.document)
    };
    for kind in SettingKind::ALL {
        assert_eq!(replica.apply(set(kind, Some("first"))), Outcome::SettingSet);
        assert_eq!(replica.apply(set(kind, Some("second"))), Outcome::SettingSet);
        assert_eq!(document(&replica, kind), Some("second".into()));
    }
    assert_eq!(replica.apply(set(SettingKind::Cors, None)), Outcome::SettingSet);
    assert_eq!(document(&replica, SettingKind::Cors), None);
    assert_eq!(document(&replica, SettingKind::Tagging), Some("second".into()));
    assert_eq!(replica.apply(Command::DeleteBucket { bucket: BUCKET }), Outcome::BucketDeleted);
    assert_eq!(document(&replica, SettingKind::Tagging), None);
    let late = replica.apply(set(SettingKind::Cors, Some("late")));
    assert_eq!((late, document(&replica, SettingKind::Cors)), (Outcome::NoSuchBucket, None));
}

#[test]
fn tags_change_and_nothing_else_of_a_version() {
    let mut replica = Replica::versioned(Versioning::Enabled);
    let Outcome::Committed { version: former, .. } = replica.put("k", "e1", Precondition::None)
    else {
        panic!("a new key");
    };
    replica.put("k", "e2", Precondition::None);
    let set = |version, value: &str| {
        let tags = vec![("a".to_owned(), value.to_owned())];
        Command::SetTags(SetTags { bucket: BUCKET, key: "k".into(), version, tags })
    };
    let before = replica.current("k").expect("there");
    assert_eq!(replica.apply(set(None, "1")), Outcome::TagsSet { version: before.id });
    assert_eq!(replica.apply(set(Some(former), "2")), Outcome::TagsSet { version: former });
    let tags = |value: &str| vec![("a".to_owned(), value.to_owned())];
    let after = replica.current("k").expect("there");
    assert_eq!(after.headers.tags, tags("1"));
    let headers = before.headers.clone();
    assert_eq!(Version { headers, ..after }, before);
    let listed = query::object::version(&replica.view(), BUCKET, "k", former).expect("memory");
    assert_eq!(listed.map(|version| version.headers.tags), Some(tags("2")));
    replica.delete("k");
    assert_eq!(replica.apply(set(None, "3")), Outcome::NoSuchKey);
    assert_eq!(replica.apply(set(Some(VersionId::Null), "3")), Outcome::NoSuchVersion);
    let elsewhere =
        SetTags { bucket: BucketId::new(9), key: "k".into(), version: None, tags: vec![] };
    assert_eq!(replica.apply(Command::SetTags(elsewhere)), Outcome::NoSuchBucket);
}

#[test]
fn an_overwritten_body_dies_and_keeps_its_places() {
    let mut replica = Replica::with_bucket();
    replica.put("k", "one", Precondition::None);
    let outcome = replica.put("k", "two", Precondition::None);
    let sequence = Sequence::new(3, 0);
    let version = VersionId::Null;
    assert_eq!(outcome, Outcome::Committed { version, sequence, etag: "two".into() });
    assert_eq!(replica.lives_and_dead(), (vec![2], vec![1]));
    assert_eq!(replica.current("k").expect("put").etag, "two");
    assert_eq!(replica.delete("k"), Outcome::Deleted { version: None, marker: false });
    assert_eq!(replica.delete("k"), Outcome::Deleted { version: None, marker: false });
    assert_eq!(replica.lives_and_dead(), (vec![], vec![1, 2]));
    assert_eq!((replica.current("k"), replica.listed()), (None, vec![]));
}

#[test]
fn commands_of_one_proposal_see_one_another() {
    let mut replica = Replica::with_bucket();
    let puts = ["one", "two", "three"].map(|etag| {
        let data = Some(replica.data());
        Command::PutVersion(PutVersion { data, ..put_version("k", etag) })
    });
    replica.propose(vec![Envelope { session: None, commands: puts.into() }]);
    assert_eq!(replica.lives_and_dead(), (vec![3], vec![1, 2]));
    let current = replica.current("k").expect("put");
    assert_eq!((current.etag.as_str(), current.sequence), ("three", Sequence::new(2, 2)));
}

#[test]
fn preconditions_are_decided_on_the_current_object() {
    let mut replica = Replica::with_bucket();
    let etag = |etag: &str| Precondition::Etag(etag.into());
    assert_eq!(replica.put("k", "one", etag("x")), Outcome::NoSuchKey);
    assert_eq!(replica.put("k", "one", Precondition::Present), Outcome::NoSuchKey);
    assert!(matches!(replica.put("k", "one", Precondition::Absent), Outcome::Committed { .. }));
    assert_eq!(replica.put("k", "two", Precondition::Absent), Outcome::PreconditionFailed);
    assert_eq!(replica.put("k", "two", etag("x")), Outcome::PreconditionFailed);
    assert!(matches!(replica.put("k", "two", etag("one")), Outcome::Committed { .. }));
    assert!(matches!(replica.put("k", "three", Precondition::Present), Outcome::Committed { .. }));
    // What was refused was never visible, and its bytes are not forgotten.
    assert_eq!(replica.lives_and_dead(), (vec![7], vec![1, 2, 3, 4, 5, 6]));
}

#[test]
fn a_data_id_is_committed_once() {
    let mut replica = Replica::with_bucket();
    replica.put("k", "one", Precondition::None);
    replica.datas = 0;
    assert!(matches!(replica.put("other", "two", Precondition::None), Outcome::Refused(_)));
    assert_eq!(replica.lives_and_dead(), (vec![1], vec![]));
}

#[test]
fn a_versioned_bucket_keeps_what_was_there() {
    let mut replica = Replica::versioned(Versioning::Enabled);
    replica.put("k", "one", Precondition::None);
    replica.put("k", "two", Precondition::None);
    let marker = VersionId::Of(Sequence::new(4, 0));
    assert_eq!(replica.delete("k"), Outcome::Deleted { version: Some(marker), marker: true });
    assert_eq!(replica.current("k").expect("a marker").kind, VersionKind::DeleteMarker);
    assert_eq!(replica.listed(), Vec::<String>::new());
    assert_eq!(replica.lives_and_dead(), (vec![1, 2], vec![]));
    replica.delete_version("k", marker);
    assert_eq!(replica.current("k").expect("older").etag, "two");
    assert_eq!(replica.listed(), ["k"]);
    let one = VersionId::Of(Sequence::new(2, 0));
    replica.delete_version("k", one);
    assert_eq!(replica.current("k").expect("newer").etag, "two");
    assert_eq!(replica.lives_and_dead(), (vec![2], vec![1]));
    replica.delete_version("k", VersionId::Of(Sequence::new(3, 0)));
    assert_eq!((replica.current("k"), replica.listed()), (None, vec![]));
    let nothing = Outcome::Deleted { version: None, marker: false };
    assert_eq!(replica.delete_version("k", one), nothing);
}

#[test]
fn a_suspended_bucket_replaces_only_its_null_version() {
    let mut replica = Replica::versioned(Versioning::Suspended);
    replica.put("k", "one", Precondition::None);
    let bucket: Bucket = replica.record(&key::bucket(BUCKET)).expect("made");
    for versioning in [Versioning::Enabled, Versioning::Suspended] {
        let mut batch = Batch::default();
        batch.put(key::bucket(BUCKET), Bucket { versioning, ..bucket.clone() }.encode());
        replica.state.write(&batch, false).expect("memory");
        replica.put("k", "next", Precondition::None);
    }
    assert_eq!(replica.lives_and_dead(), (vec![2, 3], vec![1]));
    // By its sequence, the null version has no name.
    let null = replica.current("k").expect("put").sequence;
    replica.delete_version("k", VersionId::Of(null));
    assert_eq!(replica.lives_and_dead().0, [2, 3]);
    let removed = Outcome::Deleted { version: Some(VersionId::Null), marker: false };
    assert_eq!(replica.delete_version("k", VersionId::Null), removed);
    assert_eq!(replica.lives_and_dead(), (vec![2], vec![1, 3]));
}

#[test]
fn a_completed_upload_is_a_version_and_its_parts_stay() {
    let mut replica = Replica::with_bucket();
    let upload = replica.create_upload();
    for (number, size) in [(1, 5 * MIB), (2, 6 * MIB), (4, 7), (5, 8)] {
        assert_eq!(replica.put_part(upload, number, size), Outcome::PartCommitted);
    }
    replica.put_part(upload, 2, 5 * MIB);
    let first = replica.complete(upload, &[1, 2, 5]);
    assert!(matches!(first, Outcome::Committed { .. }));
    // Replaced: 2. Not named: 3 (part 4).
    assert_eq!(replica.lives_and_dead(), (vec![1, 4, 5], vec![2, 3]));
    let version = replica.current("k").expect("completed");
    assert_eq!((version.size, version.content), (10 * MIB + 8, Content::Upload(upload)));
    let range = 5 * MIB - 1..10 * MIB;
    let extents = query::object::extents(&replica.view(), version.content, version.size, &range);
    let extents = extents.expect("memory").expect("there");
    let places: Vec<_> = extents.iter().map(|extent| (extent.offset, extent.size)).collect();
    assert_eq!(places, [(0, 5 * MIB), (5 * MIB, 5 * MIB)]);

    assert_eq!(replica.complete(upload, &[1, 2, 5]), first);
    assert_eq!(replica.complete(upload, &[1, 2]), Outcome::NoSuchUpload);
    assert_eq!(replica.put_part(upload, 1, 5), Outcome::NoSuchUpload);
    replica.delete("k");
    assert_eq!(replica.lives_and_dead(), (vec![], vec![1, 2, 3, 4, 5, 6]));
}

#[test]
fn a_complete_is_answered_as_the_first_time_though_its_version_is_gone() {
    let mut replica = Replica::with_bucket();
    let completed = |replica: &mut Replica| {
        let upload = replica.create_upload();
        replica.put_part(upload, 1, 5);
        let outcome = replica.complete(upload, &[1]);
        assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
        (upload, outcome)
    };
    // Each takes the place of the one before.
    let (first, outcome) = completed(&mut replica);
    let (second, of_second) = completed(&mut replica);
    assert_eq!(replica.complete(first, &[1]), outcome);
    assert_eq!(replica.complete(first, &[2]), Outcome::NoSuchUpload);
    let before = replica.current("k");
    for _ in 1..limits::UPLOADS_OUTLIVED_MAX {
        completed(&mut replica);
    }
    assert_eq!(replica.complete(first, &[1]), outcome);
    assert_ne!(replica.current("k"), before, "a repeated Complete changes nothing");
    completed(&mut replica);
    assert_eq!(replica.complete(first, &[1]), Outcome::NoSuchUpload);
    assert_eq!(replica.complete(second, &[1]), of_second);
}

#[test]
fn a_complete_that_does_not_fit_changes_nothing() {
    let mut replica = Replica::with_bucket();
    let upload = replica.create_upload();
    replica.put_part(upload, 1, 5 * MIB - 1);
    replica.put_part(upload, 2, 1);
    let small = Outcome::EntityTooSmall { number: 1, size: 5 * MIB - 1 };
    assert_eq!(replica.complete(upload, &[1, 2]), small);
    assert_eq!(replica.complete(upload, &[2, 1]), Outcome::InvalidPartOrder);
    assert_eq!(replica.complete(upload, &[2, 2]), Outcome::InvalidPartOrder);
    assert_eq!(replica.complete(upload, &[2, 3]), Outcome::InvalidPart { number: 3 });
    let wrong = vec![NamedPart { number: 2, etag: "p1".into() }];
    assert_eq!(replica.complete_named(upload, wrong), Outcome::InvalidPart { number: 2 });
    assert!(matches!(replica.complete(upload, &[]), Outcome::Refused(_)));
    assert_eq!(replica.lives_and_dead(), (vec![1, 2], vec![]));
    assert!(matches!(replica.complete(upload, &[1]), Outcome::Committed { .. }));
}

#[test]
fn an_aborted_upload_dies_with_its_parts() {
    let mut replica = Replica::with_bucket();
    let upload = replica.create_upload();
    replica.put_part(upload, 1, 5);
    let abort = || Command::AbortUpload { bucket: BUCKET, key: "k".into(), upload };
    assert_eq!(replica.apply(abort()), Outcome::UploadAborted);
    assert_eq!(replica.apply(abort()), Outcome::NoSuchUpload);
    assert_eq!(replica.put_part(upload, 2, 5), Outcome::NoSuchUpload);
    assert_eq!(replica.complete(upload, &[1]), Outcome::NoSuchUpload);
    assert_eq!(replica.lives_and_dead(), (vec![], vec![1, 2]));
}

#[test]
fn a_proposal_that_is_sent_again_takes_effect_once() {
    let mut replica = Replica::with_bucket();
    replica.apply(found(1));
    let node = NodeId::new(1);
    replica.apply(Command::Boot { node });
    let envelope = |boot, number, name: &str| Envelope {
        session: Some(Session { node, boot: BootNumber::new(boot), number }),
        commands: vec![create_bucket(name)],
    };
    let created = replica.propose(vec![envelope(1, 0, "c")]);
    assert_eq!(created, [Outcome::BucketCreated(BucketId::new(2))]);
    assert_eq!(replica.propose(vec![envelope(1, 0, "c")]), created);
    let kept = u64::from(limits::SESSION_PROPOSALS_KEPT);
    for number in 1..=kept {
        replica.propose(vec![envelope(1, number, &format!("c{number}"))]);
    }
    assert_eq!(replica.propose(vec![envelope(1, 0, "c")]), [Outcome::Stale]);
    replica.apply(Command::Boot { node });
    assert_eq!(replica.propose(vec![envelope(1, kept + 1, "d")]), [Outcome::Stale]);
    assert!(matches!(replica.propose(vec![envelope(2, 0, "d")])[0], Outcome::BucketCreated(_)));
}

#[test]
fn the_same_proposals_give_the_same_state() {
    let run = || {
        let mut replica = Replica::with_bucket();
        replica.put("k", "one", Precondition::None);
        let upload = replica.create_upload();
        replica.put_part(upload, 1, 5);
        replica.complete(upload, &[1]);
        replica.rows()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_commit_of_an_earlier_boot_leaves_its_shards_unreferenced_for_good() {
    let mut replica = Replica::with_bucket();
    replica.apply(found(1));
    let node = NodeId::new(1);
    replica.apply(Command::Boot { node });
    let data = replica.data();
    let put = PutVersion { data: Some(data.clone()), ..put_version("k", "late") };
    let late = Envelope {
        session: Some(Session { node, boot: BootNumber::new(1), number: 0 }),
        commands: vec![Command::PutVersion(put)],
    };
    assert_eq!(replica.apply(Command::Boot { node }), Outcome::Booted(BootNumber::new(2)));
    assert!(!replica.is_referenced(data.data));
    let before = replica.rows();
    assert_eq!(replica.propose(vec![late]), [Outcome::Stale]);
    assert!(!replica.is_referenced(data.data));
    assert_eq!(replica.rows(), before);
}

#[test]
fn the_buried_leave_the_dead_queue() {
    let mut replica = Replica::with_bucket();
    for etag in ["one", "two", "three"] {
        replica.put("k", etag, Precondition::None);
    }
    let dead: Vec<_> = replica.dead().iter().map(|(at, record)| (*at, record.data)).collect();
    assert_eq!(dead.iter().map(|(at, _)| at.index).collect::<Vec<_>>(), [3, 4]);
    // What is not in the queue under this sequence, the living included, is not touched.
    let living = DataId::from_bytes([3; 16]);
    let rows = vec![dead[0], (dead[0].0, dead[1].1), (dead[1].0, living)];
    for _ in 0..2 {
        assert_eq!(replica.apply(Command::Bury { rows: rows.clone() }), Outcome::Buried);
        assert_eq!(replica.lives_and_dead(), (vec![3], vec![2]));
    }
    let many = vec![dead[1]; limits::DATA_IDS_PER_CALL_MAX + 1];
    assert!(matches!(replica.apply(Command::Bury { rows: many }), Outcome::Refused(_)));
    let many = vec![dead[1]; limits::DATA_IDS_PER_CALL_MAX];
    assert_eq!(replica.apply(Command::Bury { rows: many }), Outcome::Buried);
    assert!(replica.dead().is_empty());
}

#[test]
fn a_move_changes_the_pieces_that_it_expects_and_nothing_else() {
    let mut replica = Replica::with_bucket();
    let piece = |drive, checksum| Piece { drive: DriveOrdinal::new(drive), checksum };
    let old = vec![piece(0, Some(1)), piece(1, None)];
    let new = vec![piece(0, Some(1)), piece(2, Some(1))];
    let record = DataRecord { pieces: old.clone(), ..replica.data() };
    let data = record.data;
    let put = PutVersion { data: Some(record), ..put_version("k", "e") };
    replica.apply(Command::PutVersion(put));
    let moving = |from: &Vec<Piece>, to: &Vec<Piece>| {
        let (expected, pieces) = (from.clone(), to.clone());
        Command::MoveShards { data, expected, pieces }
    };
    let before = replica.rows();
    assert_eq!(replica.apply(moving(&new, &old)), Outcome::ShardsChanged);
    let lost = vec![piece(0, None), piece(1, None)];
    for wrong in [vec![piece(0, Some(1))], lost] {
        assert!(matches!(replica.apply(moving(&old, &wrong)), Outcome::Refused(_)));
    }
    assert_eq!(replica.rows(), before);
    let former: DataRecord = replica.record(&key::data(data)).expect("put");
    assert_eq!(replica.apply(moving(&old, &new)), Outcome::ShardsMoved);
    let moved: DataRecord = replica.record(&key::data(data)).expect("put");
    assert_eq!(moved, DataRecord { pieces: new.clone(), ..former });
    let after = replica.rows();
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after);
    assert_eq!((before.len(), changed.count()), (after.len(), 1));
    assert_eq!(replica.apply(moving(&old, &new)), Outcome::ShardsChanged);
    replica.delete("k");
    assert_eq!(replica.dead()[0].1.pieces, new);
    assert_eq!(replica.apply(moving(&new, &old)), Outcome::NoSuchData);
}

mod fates;
mod users;
