//! A node's metadata in the simulator: over RocksDB in a temporary directory, or over the twin.

#![allow(dead_code, reason = "each test file uses a part of it")]

use futures_util::FutureExt;
use hamster_core::ids::{
    BootNumber, BucketId, ClusterUuid, DataId, DriveOrdinal, DriveUuid, NodeId,
};
use hamster_core::sim::World;
use hamster_core::{Core, WallTime, mesh};
use hamster_meta::command::{CreateBucket, FoundCluster, Precondition, PutVersion};
use hamster_meta::mirror::MirrorSet;
use hamster_meta::open::{Answer, MirrorDirectory, Question};
use hamster_meta::record::{
    DataRecord, Drive, DriveState, Headers, Node, Owner, Piece, ProfileChoice,
};
use hamster_meta::state::Storage;
use hamster_meta::{Command, Meta, Open, OpenError, Outcome, Readers, open_metadata_core};
use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub const NODE: NodeId = NodeId::new(1);
/// The canonical id of root.
pub const ROOT_ID: &str = "7007000000000000000000000000000000000000000000000000000000000000";

/// What outlives the node's process: the drives, and what their superblocks record.
#[derive(Clone)]
pub struct Machine {
    pub root: PathBuf,
    pub storage: Storage,
    pub recorded: Rc<RefCell<MirrorSet>>,
    /// Told each set as it is recorded.
    pub on_record: Rc<dyn Fn(&MirrorSet)>,
}

impl Machine {
    pub fn new(root: &Path, storage: Storage) -> Self {
        let on_record = Rc::new(|_: &MirrorSet| ());
        Self { root: root.into(), storage, recorded: Rc::default(), on_record }
    }

    pub fn drive(&self, ordinal: u32) -> PathBuf {
        self.root.join(format!("d{ordinal}"))
    }

    /// Opens the metadata with mirrors on these drives, and takes over unless it is a founding.
    pub async fn open(
        &self,
        core: &Core,
        founding: bool,
        drives: &[u32],
    ) -> Result<Meta, OpenError> {
        let meta = self.open_only(core, founding, drives).await?;
        if !founding {
            meta.take_over().await.expect("recorded");
        }
        Ok(meta)
    }

    /// Opens the metadata without taking over: all that a start does which is refused.
    pub async fn open_only(
        &self,
        core: &Core,
        founding: bool,
        drives: &[u32],
    ) -> Result<Meta, OpenError> {
        let open = self.what_to_open(core, founding, drives).await?;
        let port = mesh::ports(1).remove(0);
        Ok(open_metadata_core(core, open, port).await?.0)
    }

    async fn what_to_open(
        &self,
        core: &Core,
        founding: bool,
        drives: &[u32],
    ) -> Result<Open, OpenError> {
        let mut mirrors = vec![];
        for drive in drives {
            if founding || self.recorded.borrow().drives.contains(&DriveOrdinal::new(*drive)) {
                mirrors.push(self.place(core, *drive).await?);
            }
        }
        let (recorded, on_record) = (Rc::clone(&self.recorded), Rc::clone(&self.on_record));
        let known = recorded.borrow().clone();
        let open = Open {
            node: NODE,
            storage: self.storage.clone(),
            founding,
            recorded: known,
            mirrors,
            record: Box::new(move |set| {
                let (recorded, on_record) = (Rc::clone(&recorded), Rc::clone(&on_record));
                async move {
                    on_record(&set);
                    assert!(set.epoch > recorded.borrow().epoch, "epochs grow");
                    *recorded.borrow_mut() = set;
                    Ok(())
                }
                .boxed_local()
            }),
        };
        Ok(open)
    }

    /// Where a drive keeps its mirror.
    pub async fn place(&self, core: &Core, drive: u32) -> Result<MirrorDirectory, OpenError> {
        let directory = core.disk().create_directory(&self.drive(drive)).await?;
        Ok(MirrorDirectory { drive: DriveOrdinal::new(drive), directory })
    }

    /// Founds with one mirror on core 0 of two; the rest is for core 1.
    pub async fn open_for_two(
        &self,
        core: &Core,
    ) -> (Meta, Readers, mesh::UnboundPort<Question, Answer>) {
        let open = self.what_to_open(core, true, &[0]).await.expect("directories");
        let mut ports = mesh::ports(2);
        let (second, first) = (ports.remove(1), ports.remove(0));
        let (meta, readers) = open_metadata_core(core, open, first).await.expect("empty");
        (meta, readers, second)
    }

    /// Founds a cluster and a bucket.
    pub async fn found(&self, core: &Core, drives: &[u32]) -> (Meta, BucketId) {
        let meta = self.open(core, true, drives).await.expect("empty drives");
        propose(&meta, found(drives)).await;
        meta.record_mirrors().await.expect("recorded");
        propose(&meta, Command::Boot { node: NODE }).await;
        let bucket = create_bucket(&meta).await;
        (meta, bucket)
    }

    /// Opens the metadata again after a restart, boots, and makes mirrors on all of `drives`.
    pub async fn restart(&self, core: &Core, drives: &[u32]) -> Meta {
        let meta = self.open(core, false, drives).await.expect("metadata");
        propose(&meta, Command::Boot { node: NODE }).await;
        for drive in drives {
            if !meta.mirrors().drives.contains(&DriveOrdinal::new(*drive)) {
                let place = self.place(core, *drive).await.expect("a directory");
                meta.add_mirror(&place).await.expect("a new mirror");
            }
        }
        meta
    }

    /// The drives that the superblocks record.
    pub fn recorded_drives(&self) -> Vec<u32> {
        let mut drives: Vec<u32> =
            self.recorded.borrow().drives.iter().map(|drive| drive.get()).collect();
        drives.sort_unstable();
        drives
    }
}

pub async fn propose(meta: &Meta, command: Command) -> Outcome {
    meta.propose(command).await.expect("applied")
}

/// Makes the bucket `b`.
pub async fn create_bucket(meta: &Meta) -> BucketId {
    let create = CreateBucket {
        name: "b".into(),
        owner: "alice".into(),
        owner_is_user: false,
        created: WallTime::from_secs(1),
    };
    match propose(meta, Command::CreateBucket(create)).await {
        Outcome::BucketCreated(bucket) => bucket,
        other => panic!("{other:?}"),
    }
}

pub fn found(drives: &[u32]) -> Command {
    let drive = |ordinal: &u32| Drive {
        ordinal: DriveOrdinal::new(*ordinal),
        uuid: DriveUuid::from_bytes([3; 16]),
        node: NODE,
        weight: 1,
        state: DriveState::Live,
        incarnation: 1,
    };
    Command::Found(FoundCluster {
        cluster: ClusterUuid::from_bytes([1; 16]),
        name: "c".into(),
        profile: ProfileChoice::Auto,
        node: Node {
            id: NODE,
            name: "n1".into(),
            host: "h".into(),
            zone: "z".into(),
            address: String::new(),
            boot: BootNumber::new(0),
        },
        drives: drives.iter().map(drive).collect(),
        root_id: ROOT_ID.into(),
    })
}

/// A PUT of `key`, its number told by its ETag.
pub fn put(bucket: BucketId, key: &str, number: u32) -> Command {
    let mut data = [0; 16];
    data[..4].copy_from_slice(&number.to_be_bytes());
    Command::PutVersion(PutVersion {
        bucket,
        key: key.into(),
        size: 5,
        etag: number.to_string(),
        modified: WallTime::from_secs(1),
        headers: Headers::default(),
        checksums: vec![],
        owner: "alice".into(),
        data: Some(DataRecord {
            data: DataId::from_bytes(data),
            k: 1,
            m: 0,
            slice_bytes: 4096,
            stored_bytes: 5,
            writer_epoch: 1,
            owner: Owner::Nobody,
            pieces: vec![Piece { drive: DriveOrdinal::new(0), checksum: Some(1) }],
        }),
        precondition: Precondition::None,
    })
}

/// The number of the current version of `key`.
pub async fn current(meta: &Meta, bucket: BucketId, key: &str) -> Option<u32> {
    let version = meta.current(bucket, key).await.expect("readable")?;
    Some(version.etag.parse().expect("a number"))
}

/// A world with one node of one core.
pub fn world(seed: u64) -> (World, hamster_core::sim::Node) {
    let world = World::new(seed);
    let node = world.node(1);
    (world, node)
}

/// Says a figure where a test's output is shown only if it fails.
pub fn tell(line: &str) {
    // Why ignored: where nobody reads, the facts are checked all the same.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Copies a directory and all below it.
pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable").path();
        let to = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy_all(&entry, &to),
            false => std::fs::copy(&entry, &to).map(drop).expect("copied"),
        }
    }
}
