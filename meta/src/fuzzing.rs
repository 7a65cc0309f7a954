//! The parsers of what the metadata keeps, for `bench/fuzz` and its test only: they are private, and
//! stay so. Each takes any bytes and must not panic; what it reads it must write as it reads it.

use crate::apply;
use crate::command::proposal::{Envelope, Proposal, Session};
use crate::command::{
    Command, CreateBucket, CreateUpload, DeleteCurrent, FoundCluster, Precondition, PutPart,
    PutVersion, SetTags,
};
use crate::key;
use crate::log::{Entry, EntryFrame, Membership, Payload, Position, StoredMembership, Vote};
use crate::record::{
    AccessKey, Boots, Bucket, Completed, Counters, DataRecord, Drive, DriveState, Head, Headers,
    LayoutRecord, ListedRow, Node, Outlived, Owner, Part, Piece, ProfileChoice, Record,
    SealedSecret, Sequence, SessionSlot, Setting, SettingKind, Upload, UploadId, User, Version,
};
use crate::rocks;
use crate::snapshot::{Decoder, Encoder, Section, SnapshotError, frame};
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Reach, View, Visit};
use hamster_core::WallTime;
use hamster_core::checksum::Crc64;
use hamster_core::ids::{
    BootNumber, BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId,
};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// A name, the parser, and real bytes of the kind that it parses.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub fn targets() -> Vec<Target> {
    vec![
        ("record", record, records),
        ("command", round_trip::<Proposal>, proposals),
        ("log_entry", log_entry, log_entries),
        ("journal", journal, journals),
        ("snapshot", snapshot, snapshots),
    ]
}

fn round_trip<R: Record + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(record) = R::decode(bytes) {
        assert_eq!(R::decode(&record.encode()).as_ref(), Ok(&record));
    }
}

/// A value of the state, or of the log beside the entries: read as each kind in turn.
fn record(bytes: &[u8]) {
    let kinds: [fn(&[u8]); 19] = [
        round_trip::<AccessKey>,
        round_trip::<Boots>,
        round_trip::<Bucket>,
        round_trip::<Completed>,
        round_trip::<Counters>,
        round_trip::<DataRecord>,
        round_trip::<Head>,
        round_trip::<LayoutRecord>,
        round_trip::<ListedRow>,
        round_trip::<Part>,
        round_trip::<Position>,
        round_trip::<SessionSlot>,
        round_trip::<StoredMembership>,
        round_trip::<Upload>,
        round_trip::<User>,
        round_trip::<Version>,
        round_trip::<Vote>,
        round_trip::<Outlived>,
        round_trip::<Setting>,
    ];
    kinds.iter().for_each(|kind| kind(bytes));
}

/// As it is, and with a right checksum.
fn log_entry(bytes: &[u8]) {
    const INDEX: u64 = 1;
    let _damaged = EntryFrame::decode(INDEX, bytes);
    let Some(record) = bytes.get(8..) else { return };
    let checksum = Crc64::of_named(&INDEX.to_be_bytes(), record).get().to_be_bytes();
    if let Ok(entry) = EntryFrame::decode(INDEX, &[&checksum, record].concat()) {
        assert_eq!(EntryFrame::decode(INDEX, &EntryFrame::encode(&entry)), Ok(entry));
    }
}

/// As it is, at once and in two pieces; and with right checksums.
fn snapshot(bytes: &[u8]) {
    let at_once = read_snapshot(&[bytes]);
    let (one, other) = bytes.split_at(bytes.len() / 3);
    assert_eq!(read_snapshot(&[one, other]), at_once, "how it is cut makes no difference");
    if let Ok(rows) = read_snapshot(&[&frame::seal(bytes)]) {
        let stream = write_snapshot(&rows).concat();
        assert_eq!(read_snapshot(&[&stream]), Ok(rows));
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn read_snapshot(chunks: &[&[u8]]) -> Result<Rows, SnapshotError> {
    let (mut decoder, mut rows) = (Decoder::new(), Vec::new());
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(section) = decoder.next()? {
            if let Section::Rows(mut more) = section {
                rows.append(&mut more);
            }
        }
    }
    decoder.finish().map(|_header| rows)
}

/// The chunks of a snapshot of these rows.
fn write_snapshot(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
    let opened = TwinWorld::default().open(Path::new("/twin"));
    let state = Database::Twin(opened.expect("a new twin does not fail"));
    let mut batch = Batch::default();
    rows.iter().cloned().for_each(|(key, value)| batch.put(key, value));
    state.write(&batch, true).expect("a new twin");
    let encoder = Encoder::new(state.moment()).expect("a new twin");
    let mut encoder = encoder.expect("the rows tell what was applied");
    std::iter::from_fn(|| encoder.chunk().expect("a new twin")).collect()
}

fn snapshots() -> Vec<Vec<u8>> {
    let all: Rows = rows().into_iter().filter(|(key, _)| key != b"vote").collect();
    let few: Rows = all.iter().filter(|(key, _)| *key < vec![0x10]).cloned().collect();
    vec![write_snapshot(&all).concat(), write_snapshot(&few).concat()]
}

/// RocksDB's own journal.
fn journal(bytes: &[u8]) {
    if let Some(whole) = rocks::sound_part(bytes) {
        assert_eq!(rocks::sound_part(&bytes[..whole]), Some(whole), "what is left is whole");
    }
}

fn journals() -> Vec<Vec<u8>> {
    let fragments = |lengths: &[usize]| {
        let fragment = |length: &usize| rocks::journal_fragment(&vec![7; *length]);
        lengths.iter().flat_map(fragment).collect()
    };
    vec![fragments(&[]), fragments(&[40, 300]), fragments(&[600, 1])]
}

fn commands() -> Vec<Command> {
    let (bucket, key, modified) = (BucketId::new(1), "a/b".to_owned(), WallTime::from_secs(1));
    let headers = Headers {
        system: vec![("content-type".into(), "text/plain".into())],
        user: vec![("a".into(), "b".into())],
        tags: vec![("c".into(), "d".into())],
    };
    let (drive, owner) = (DriveOrdinal::new(0), "alice".to_owned());
    let data = |number| DataRecord {
        data: DataId::from_bytes([number; 16]),
        k: 1,
        m: 0,
        slice_bytes: 4096,
        stored_bytes: 5,
        writer_epoch: 1,
        owner: Owner::Nobody,
        pieces: vec![Piece { drive, checksum: Some(1) }],
    };
    let put = |number| {
        Command::PutVersion(PutVersion {
            bucket,
            key: key.clone(),
            size: 5,
            etag: "abc".into(),
            modified,
            headers: headers.clone(),
            checksums: vec![],
            owner: owner.clone(),
            data: Some(data(number)),
            precondition: Precondition::None,
        })
    };
    let (user, access_key) = ("5".repeat(64), |character: &str| character.repeat(20));
    let node = Node {
        id: NodeId::new(1),
        name: "n1".into(),
        host: "h".into(),
        zone: "z".into(),
        address: String::new(),
        boot: BootNumber::new(0),
    };
    let drives = vec![Drive {
        ordinal: drive,
        uuid: DriveUuid::from_bytes([3; 16]),
        node: node.id,
        weight: 1,
        state: DriveState::Live,
        incarnation: 1,
    }];
    vec![
        Command::Found(FoundCluster {
            cluster: ClusterUuid::from_bytes([1; 16]),
            name: "c".into(),
            profile: ProfileChoice::Auto,
            node,
            drives,
            root_id: "7".repeat(64),
        }),
        Command::Boot { node: NodeId::new(1) },
        Command::CreateBucket(CreateBucket {
            name: "b".into(),
            owner: owner.clone(),
            owner_is_user: false,
            created: modified,
        }),
        put(1),
        put(2),
        Command::DeleteCurrent(DeleteCurrent {
            bucket,
            key: "c".into(),
            modified,
            owner: owner.clone(),
            precondition: Precondition::None,
        }),
        Command::CreateUpload(CreateUpload {
            bucket,
            key: key.clone(),
            owner,
            initiated: modified,
            headers,
            checksum_algorithm: String::new(),
            checksum_composite: false,
        }),
        // The upload above: entry 8, its first command.
        Command::PutPart(PutPart {
            bucket,
            key,
            upload: UploadId(Sequence::new(8, 0)),
            number: 1,
            size: 5,
            etag: "p".into(),
            modified,
            checksums: vec![],
            data: Some(data(3)),
        }),
        Command::SetSetting { bucket, kind: SettingKind::Cors, document: Some("<x/>".into()) },
        Command::SetTags(SetTags {
            bucket,
            key: "a/b".into(),
            version: None,
            tags: vec![("k".into(), "v".into())],
        }),
        Command::AddUser(User {
            id: user.clone(),
            name: "alice".into(),
            created: modified,
            root: false,
        }),
        Command::CreateKey(AccessKey {
            id: access_key("A"),
            user: user.clone(),
            secret: SealedSecret { master_key: "k1".into(), bytes: vec![9; 69] },
            created: modified,
        }),
        Command::RevokeKey { id: access_key("B") },
        Command::RemoveUser { id: user },
    ]
}

/// A log from entry 1 on: the membership, then each command in an entry of its own.
fn entries() -> Vec<Entry> {
    let membership = Membership { voters: vec![vec![1]], nodes: vec![1] };
    let proposal = |(number, command)| {
        let boot = BootNumber::new(1);
        let session = (number >= 2).then_some(Session { node: NodeId::new(1), boot, number });
        let envelopes = vec![Envelope { session, commands: vec![command] }];
        Payload::Proposal(Arc::new(Proposal { envelopes }))
    };
    let payloads = std::iter::once(Payload::Membership(membership));
    let payloads = payloads.chain((0..).zip(commands()).map(proposal));
    let entry =
        |(index, payload)| Entry { position: Position { term: 1, node: 1, index }, payload };
    (1..).zip(payloads).map(entry).collect()
}

/// The rows of the state that these entries come to, and the vote: a record of each kind.
pub(crate) fn rows() -> Vec<(Vec<u8>, Vec<u8>)> {
    let opened = TwinWorld::default().open(Path::new("/twin"));
    let state = Database::Twin(opened.expect("a new twin does not fail"));
    for entry in entries() {
        let applied = apply::entry(&state.now(Reach::Drive), &entry).expect("a new twin");
        state.write(&applied.batch, true).expect("a new twin");
    }
    let vote = Vote { term: 1, node: 1, committed: true };
    let mut rows = vec![(b"vote".to_vec(), vote.encode())];
    let all = state.now(Reach::Drive).scan(&key::all(), &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        Ok(Visit::Next)
    });
    all.expect("a new twin");
    rows
}

fn records() -> Vec<Vec<u8>> {
    rows().into_iter().map(|(_, value)| value).collect()
}

fn proposals() -> Vec<Vec<u8>> {
    let proposal = |entry: Entry| match entry.payload {
        Payload::Proposal(proposal) => Some(proposal.encode()),
        Payload::Blank | Payload::Membership(_) => None,
    };
    entries().into_iter().filter_map(proposal).collect()
}

/// The entries as they are stored, from 1 on.
pub(crate) fn log_entries() -> Vec<Vec<u8>> {
    entries().iter().map(EntryFrame::encode).collect()
}
