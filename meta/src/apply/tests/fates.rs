//! The fate of every data id that a decided command handed in: one version or part refers to it, or
//! it is in the dead queue once, or it was buried. Random commands of all kinds, over versioned and
//! unversioned buckets, some in proposals of an earlier boot.

use super::*;
use crate::record::{Part, Upload};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};

const NODE: NodeId = NodeId::new(1);

/// What a write brings as its body.
#[derive(Clone, Debug)]
enum Body {
    /// Shards under a new id: what a coordinator sends.
    New,
    /// Nothing, rightly.
    Empty,
    /// Shards of a body that claims to be empty.
    Surplus,
    /// No shards of a body that claims to be not empty.
    Missing,
    /// Shards under an id that something refers to.
    Taken(Index),
}

/// A command before it is known what there is to be named by it.
#[derive(Clone, Debug)]
enum Step {
    Found(u8),
    SetDrive(DriveState),
    CreateBucket(bool),
    DeleteBucket(Index),
    Put { bucket: Index, key: bool, body: Body, precondition: Precondition },
    Delete { bucket: Index, key: bool, precondition: Precondition },
    DeleteVersion(Index),
    SetTags(Index),
    CreateUpload { bucket: Index, key: bool },
    PutPart { upload: Index, number: u16, body: Body },
    Complete { upload: Index, parts: BTreeSet<u16>, precondition: Precondition },
    Abort(Index),
    Bury { first: u8, count: u8 },
    Move { data: Index, known: bool, pieces: usize },
}

#[derive(Clone, Debug)]
enum Action {
    Propose {
        steps: Vec<Step>,
        late: bool,
    },
    Boot,
    /// Until there is a command for it.
    SetVersioning(Index, Versioning),
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        8 => Just(Body::New),
        1 => Just(Body::Empty),
        1 => Just(Body::Surplus),
        1 => Just(Body::Missing),
        1 => any::<Index>().prop_map(Body::Taken),
    ]
}

fn precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        6 => Just(Precondition::None),
        1 => Just(Precondition::Absent),
        1 => Just(Precondition::Present),
        1 => Just(Precondition::Etag("e".into())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (index, key) = (any::<Index>, any::<bool>);
    let parts = || proptest::collection::btree_set(1..4_u16, 1..3);
    prop_oneof![
        1 => (1..3_u8).prop_map(Step::Found),
        1 => prop_oneof![Just(DriveState::Live), Just(DriveState::Lost)].prop_map(Step::SetDrive),
        1 => any::<bool>().prop_map(Step::CreateBucket),
        1 => index().prop_map(Step::DeleteBucket),
        8 => (index(), key(), body(), precondition()).prop_map(
            |(bucket, key, body, precondition)| Step::Put { bucket, key, body, precondition }
        ),
        3 => (index(), key(), precondition()).prop_map(
            |(bucket, key, precondition)| Step::Delete { bucket, key, precondition }
        ),
        3 => index().prop_map(Step::DeleteVersion),
        1 => index().prop_map(Step::SetTags),
        2 => (index(), key()).prop_map(|(bucket, key)| Step::CreateUpload { bucket, key }),
        6 => (index(), 1..4_u16, body()).prop_map(
            |(upload, number, body)| Step::PutPart { upload, number, body }
        ),
        3 => (index(), parts(), precondition()).prop_map(
            |(upload, parts, precondition)| Step::Complete { upload, parts, precondition }
        ),
        1 => index().prop_map(Step::Abort),
        2 => (0..3_u8, 0..4_u8).prop_map(|(first, count)| Step::Bury { first, count }),
        3 => (index(), any::<bool>(), 1..4_usize).prop_map(
            |(data, known, pieces)| Step::Move { data, known, pieces }
        ),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let versioning = prop_oneof![Just(Versioning::Enabled), Just(Versioning::Suspended)];
    let steps = || proptest::collection::vec(step(), 1..4);
    prop_oneof![
        16 => steps().prop_map(|steps| Action::Propose { steps, late: false }),
        1 => steps().prop_map(|steps| Action::Propose { steps, late: true }),
        1 => Just(Action::Boot),
        1 => (any::<Index>(), versioning).prop_map(|(at, to)| Action::SetVersioning(at, to)),
    ]
}

/// A replica, and what is known of it from the commands and their outcomes alone.
struct Cluster {
    replica: Replica,
    boot: u64,
    proposals: u64,
    buckets: Vec<BucketId>,
    uploads: Vec<(BucketId, String, UploadId)>,
    versions: Vec<(BucketId, String, VersionId)>,
    /// The ids that decided commands handed in, with the pieces that they have.
    pieces: BTreeMap<DataId, Vec<Piece>>,
    buried: Vec<DataId>,
}

impl Cluster {
    fn new() -> Self {
        let mut replica = Replica::with_bucket();
        replica.apply(found(1));
        replica.apply(Command::Boot { node: NODE });
        Self {
            replica,
            boot: 1,
            proposals: 0,
            buckets: vec![BUCKET],
            uploads: vec![],
            versions: vec![],
            pieces: BTreeMap::new(),
            buried: vec![],
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Boot => {
                self.boot += 1;
                let booted = Outcome::Booted(BootNumber::new(self.boot));
                assert_eq!(self.replica.apply(Command::Boot { node: NODE }), booted);
            }
            Action::SetVersioning(bucket, versioning) => {
                let row = key::bucket(*bucket.get(&self.buckets));
                if let Some(bucket) = self.replica.record::<Bucket>(&row) {
                    let mut batch = Batch::default();
                    batch.put(row, Bucket { versioning: *versioning, ..bucket }.encode());
                    self.replica.state.write(&batch, false).expect("memory");
                }
            }
            Action::Propose { steps, late } => self.propose(steps, *late),
        }
    }

    fn propose(&mut self, steps: &[Step], late: bool) {
        let alone = steps.len() == 1;
        let commands: Vec<Command> =
            steps.iter().filter_map(|step| self.command(step, alone)).collect();
        let dead: BTreeSet<_> = self.dead().into_iter().collect();
        let boot = BootNumber::new(self.boot - u64::from(late));
        let session = Some(Session { node: NODE, boot, number: self.proposals });
        self.proposals += 1;
        let envelope = Envelope { session, commands: commands.clone() };
        let outcomes = self.replica.propose(vec![envelope.clone()]);
        for (command, outcome) in commands.into_iter().zip(&outcomes) {
            assert_eq!(*outcome == Outcome::Stale, late);
            if !late {
                self.note(command, outcome, &dead);
            }
        }
        // Sent again, it takes effect no second time.
        let before = self.replica.rows();
        assert_eq!(self.replica.propose(vec![envelope]), outcomes);
        assert_eq!(self.replica.rows(), before);
    }

    /// The command of a step, if there is something that it can name.
    fn command(&mut self, step: &Step, alone: bool) -> Option<Command> {
        let key_of = |key: &bool| if *key { "k" } else { "l" }.to_owned();
        Some(match step.clone() {
            Step::Found(cluster) => found(cluster),
            Step::SetDrive(state) => Command::SetDrive(crate::command::SetDrive {
                drive: DriveOrdinal::new(0),
                incarnation: 1,
                state,
            }),
            Step::CreateBucket(name) => create_bucket(if name { "b" } else { "c" }),
            Step::DeleteBucket(bucket) => {
                Command::DeleteBucket { bucket: *bucket.get(&self.buckets) }
            }
            Step::Put { bucket, key, body, precondition } => {
                let bucket = *bucket.get(&self.buckets);
                let (size, data) = self.body(&body, alone);
                let put = put_version(&key_of(&key), "e");
                Command::PutVersion(PutVersion { bucket, size, data, precondition, ..put })
            }
            Step::Delete { bucket, key, precondition } => Command::DeleteCurrent(DeleteCurrent {
                bucket: *bucket.get(&self.buckets),
                key: key_of(&key),
                modified: WallTime::default(),
                owner: "alice".into(),
                precondition,
            }),
            Step::DeleteVersion(version) => {
                let (bucket, key, version) = pick(&version, &self.versions)?;
                Command::DeleteVersion { bucket, key, version }
            }
            Step::SetTags(version) => {
                let (bucket, key, version) = pick(&version, &self.versions)?;
                let (version, tags) = (Some(version), vec![("a".into(), "b".into())]);
                Command::SetTags(crate::command::SetTags { bucket, key, version, tags })
            }
            Step::CreateUpload { bucket, key } => Command::CreateUpload(CreateUpload {
                bucket: *bucket.get(&self.buckets),
                key: key_of(&key),
                owner: "alice".into(),
                initiated: WallTime::default(),
                headers: Headers::default(),
                checksum_algorithm: String::new(),
                checksum_composite: false,
            }),
            Step::PutPart { upload, number, body } => {
                let (bucket, key, upload) = pick(&upload, &self.uploads)?;
                let (size, data) = self.body(&body, alone);
                Command::PutPart(PutPart {
                    bucket,
                    key,
                    upload,
                    number,
                    size,
                    etag: format!("p{number}"),
                    modified: WallTime::default(),
                    checksums: vec![],
                    data,
                })
            }
            Step::Complete { upload, parts, precondition } => {
                let (bucket, key, upload) = pick(&upload, &self.uploads)?;
                let named = |number| NamedPart { number, etag: format!("p{number}") };
                Command::CompleteUpload(CompleteUpload {
                    bucket,
                    key,
                    upload,
                    parts: parts.into_iter().map(named).collect(),
                    etag: "e".into(),
                    checksums: vec![],
                    modified: WallTime::default(),
                    precondition,
                })
            }
            Step::Abort(upload) => {
                let (bucket, key, upload) = pick(&upload, &self.uploads)?;
                Command::AbortUpload { bucket, key, upload }
            }
            Step::Bury { first, count } => {
                let dead = self.dead().into_iter().skip(first.into()).take(count.into());
                // One that was never dead as well: an id that something may refer to.
                let living = self.pieces.keys().next().map(|data| (Sequence::default(), *data));
                Command::Bury { rows: dead.chain(living).collect() }
            }
            Step::Move { data, known, pieces } => {
                let ids: Vec<DataId> = self.pieces.keys().copied().collect();
                let data = pick(&data, &ids)?;
                let moved = Piece {
                    drive: DriveOrdinal::new(self.replica.datas.into()),
                    checksum: Some(2),
                };
                let pieces = vec![moved; pieces];
                let expected = if known { self.pieces[&data].clone() } else { pieces.clone() };
                Command::MoveShards { data, expected, pieces }
            }
        })
    }

    fn body(&mut self, body: &Body, alone: bool) -> (u64, Option<DataRecord>) {
        match body {
            Body::Empty => (0, None),
            Body::Missing => (5 * MIB, None),
            Body::Surplus => (0, Some(self.replica.data())),
            // Only alone: a command beside it might let the id die, and the dead are not handed in.
            Body::Taken(which) if alone && !self.referred().is_empty() => {
                let (data, _) = *which.get(&self.referred());
                self.replica.datas -= 1;
                (5 * MIB, Some(DataRecord { data, ..self.replica.data() }))
            }
            Body::New | Body::Taken(_) => (5 * MIB, Some(self.replica.data())),
        }
    }

    /// What a decided command and its outcome tell.
    fn note(&mut self, command: Command, outcome: &Outcome, dead: &BTreeSet<(Sequence, DataId)>) {
        match command {
            Command::CreateBucket(_) => {
                if let Outcome::BucketCreated(bucket) = outcome {
                    self.buckets.push(*bucket);
                }
            }
            Command::PutVersion(put) => {
                self.hand_in(put.data);
                self.note_version(put.bucket, put.key, outcome);
            }
            Command::PutPart(put) => self.hand_in(put.data),
            Command::CompleteUpload(complete) => {
                self.note_version(complete.bucket, complete.key, outcome);
            }
            Command::DeleteCurrent(deletion) => {
                self.note_version(deletion.bucket, deletion.key, outcome);
            }
            Command::CreateUpload(create) => {
                if let Outcome::UploadCreated(upload) = outcome {
                    self.uploads.push((create.bucket, create.key, *upload));
                }
            }
            Command::Bury { rows } => {
                assert_eq!(*outcome, Outcome::Buried);
                for (_, data) in rows.iter().filter(|row| dead.contains(*row)) {
                    if !self.buried.contains(data) {
                        self.buried.push(*data);
                    }
                }
            }
            Command::MoveShards { data, expected, pieces } => {
                let now = self.pieces.get_mut(&data).expect("moved by its id");
                match outcome {
                    Outcome::ShardsMoved => {
                        assert_eq!((&*now, now.len()), (&expected, pieces.len()));
                        *now = pieces;
                    }
                    Outcome::ShardsChanged => assert_ne!(*now, expected),
                    Outcome::Refused(_) => assert_ne!(now.len(), pieces.len()),
                    Outcome::NoSuchData => assert!(!self.replica.is_referenced(data)),
                    other => panic!("{other:?}"),
                }
            }
            _ => {}
        }
    }

    fn hand_in(&mut self, data: Option<DataRecord>) {
        if let Some(record) = data {
            self.pieces.entry(record.data).or_insert(record.pieces);
        }
    }

    fn note_version(&mut self, bucket: BucketId, key: String, outcome: &Outcome) {
        if let Outcome::Committed { version, .. }
        | Outcome::Deleted { version: Some(version), .. } = outcome
        {
            self.versions.push((bucket, key, *version));
        }
    }

    fn dead(&self) -> Vec<(Sequence, DataId)> {
        self.replica.dead().iter().map(|(at, record)| (*at, record.data)).collect()
    }

    /// What versions, and parts of open uploads and of versions refer to, and from where.
    fn referred(&self) -> Vec<(DataId, Owner)> {
        let (mut referred, mut uploads) = (vec![], vec![]);
        for bucket in &self.buckets {
            let versions = self.replica.records::<Version>(&key::versions_of_bucket(*bucket));
            for Version { content, sequence, .. } in versions {
                match content {
                    Content::Nothing => {}
                    Content::Data(data) => {
                        referred.push((data, Owner::Version { bucket: *bucket, sequence }));
                    }
                    Content::Upload(upload) => uploads.push(upload),
                }
            }
            let open = self.replica.records::<Upload>(&key::uploads_with_prefix(*bucket, ""));
            uploads.extend(open.iter().map(|upload| upload.id));
        }
        for upload in uploads {
            for Part { data, number, .. } in self.replica.records(&key::parts(upload)) {
                referred.extend(data.map(|data| (data, Owner::Part { upload, number })));
            }
        }
        referred.sort_by_key(|(data, _)| *data);
        referred
    }

    fn check(&self) {
        let (referred, dead) = (self.referred(), self.replica.dead());
        let mut fates: Vec<DataId> = referred.iter().map(|(data, _)| *data).collect();
        fates.extend(dead.iter().map(|(_, record)| record.data).chain(self.buried.clone()));
        fates.sort_unstable();
        assert_eq!(fates, self.pieces.keys().copied().collect::<Vec<_>>(), "one fate each");
        let living = query::data::records(&self.replica.view(), None, usize::MAX).expect("memory");
        let owners: Vec<_> = living.iter().map(|record| (record.data, record.owner)).collect();
        assert_eq!(owners, referred, "each data record has what refers to it as its owner");
        for record in living.iter().chain(dead.iter().map(|(_, record)| record)) {
            assert_eq!(record.pieces, self.pieces[&record.data]);
        }
    }
}

fn pick<T: Clone>(index: &Index, among: &[T]) -> Option<T> {
    (!among.is_empty()).then(|| index.get(among).clone())
}

proptest! {
    #[test]
    fn every_data_id_handed_in_lives_once_or_is_dead_once_or_is_buried(
        actions in proptest::collection::vec(action(), 1..40),
    ) {
        let mut cluster = Cluster::new();
        for action in &actions {
            cluster.act(action);
            cluster.check();
        }
    }
}
