//! A simulated node with drives, for the tests of this folder.
#![allow(dead_code, reason = "each test binary uses some of it")]

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hamster_core::ids::{ClusterUuid, CoreIndex, DataId, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::mesh;
use hamster_core::sim::{DiskControl, Node, World};
use hamster_core::{ByteCount, Core, Entropy, Queue};
use hamster_shard::drive::{self, Inspection, MirrorSet, Superblock};
use hamster_shard::{
    DriveTable, Location, Needs, OpenDrive, Piece, Plan, ReadError, ReadMemory, Receipt, Shards,
    WriteError, open,
};
use std::io::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Few entries in memory, so that every history makes and merges tables of the index.
const MEMORY: ReadMemory =
    ReadMemory { cache: ByteCount::mib(32), in_flight: ByteCount::mib(256), stretch_entries: 8 };

pub const KIB: u64 = 1 << 10;
pub const MIB: u64 = 1 << 20;

pub fn path(drive: u32) -> PathBuf {
    PathBuf::from(format!("/d{drive}"))
}

/// One node and its formatted drives; survives crashes.
#[derive(Clone)]
pub struct Cluster {
    pub world: World,
    pub node: Node,
    pub drives: u32,
}

/// A node that runs: what each core opened.
#[derive(Clone)]
pub struct Running {
    pub table: Arc<DriveTable>,
    pub shards: Vec<Shards>,
}

/// Runs `test` on a new node.
pub fn with_cluster<F: Future<Output = ()> + 'static>(
    seed: u64,
    cores: u16,
    drives: u32,
    test: impl FnOnce(Cluster) -> F + 'static,
) {
    let world = World::new(seed);
    let cluster = Cluster { node: world.node(cores), world: world.clone(), drives };
    world.run(async move {
        for drive in 0..drives {
            let directory = cluster.node.core(0).disk().create_directory(&path(drive)).await;
            let superblock = superblock(drive);
            drive::format(&directory.expect("made"), &superblock).await.expect("empty");
        }
        test(cluster).await;
    });
}

pub fn superblock(drive: u32) -> Superblock {
    Superblock {
        cluster: ClusterUuid::from_bytes([1; 16]),
        drive: DriveUuid::from_bytes([u8::try_from(drive).expect("few drives"); 16]),
        ordinal: DriveOrdinal::new(drive),
        node: NodeId::new(1),
        incarnation: 1,
        mirrors: MirrorSet::default(),
    }
}

impl Cluster {
    pub fn disk(&self, drive: u32) -> DiskControl {
        self.node.disk(path(drive))
    }

    /// Opens what is there, on every core.
    pub async fn open(&self) -> Running {
        self.open_with(MEMORY).await
    }

    /// As [`Cluster::open`], with so much memory for reads.
    pub async fn open_with(&self, memory: ReadMemory) -> Running {
        let mut present = Vec::new();
        let mut absent = Vec::new();
        for drive in 0..self.drives {
            let core = self.node.core(0);
            let found = match core.disk().directory(&path(drive)).await {
                Ok(directory) => drive::inspect(&directory).await.ok(),
                Err(_) => None,
            };
            match found {
                Some(Inspection::Ours(superblock)) => present.push(superblock),
                _ => absent.push(DriveOrdinal::new(drive)),
            }
        }
        let ordinals = present.iter().map(|superblock| superblock.ordinal);
        let table = Arc::new(DriveTable::new(ordinals, absent));
        let mut tasks = Vec::new();
        for (index, port) in (0..).zip(mesh::ports(self.node.core_count())) {
            let core = self.node.core(index);
            let (table, present) = (Arc::clone(&table), present.clone());
            tasks.push(core.clone().spawn(Queue::Requests, async move {
                let mut drives = Vec::new();
                for superblock in present {
                    let path = path(superblock.ordinal.get());
                    let directory = core.disk().directory(&path).await.expect("still there");
                    drives.push(OpenDrive { directory, superblock });
                }
                open(&core, drives, table, port, 1, memory).await.expect("all cores run")
            }));
        }
        let mut shards = Vec::new();
        for task in tasks {
            shards.push(task.await.expect("opens"));
        }
        Running { table, shards }
    }

    /// Cuts the power and starts again.
    pub async fn restart(&self) -> Running {
        self.restart_with(self.node.core_count()).await
    }

    /// Cuts the power and starts again with another number of cores.
    pub async fn restart_with(&self, cores: u16) -> Running {
        self.node.crash();
        self.node.start_with(cores);
        self.open().await
    }
}

/// A profile over the first drives.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub k: u8,
    pub m: u8,
    pub slice_bytes: u32,
}

pub const RUNGS: [(u8, u8); 6] = [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)];

impl Profile {
    pub fn new(k: u8, m: u8) -> Self {
        Self { k, m, slice_bytes: 16 << 10 }
    }

    pub fn plan(self, data: DataId) -> Plan {
        let Self { k, m, slice_bytes } = self;
        let targets = (0..u32::from(k + m)).map(DriveOrdinal::new).collect();
        Plan { data, k, m, slice_bytes, targets }
    }
}

/// Bytes that differ everywhere and follow from a seed.
pub fn body(seed: u64, length: u64) -> Bytes {
    let mut bytes = vec![0; usize::try_from(length).expect("small")];
    Entropy::seeded(seed).fill(&mut bytes);
    bytes.into()
}

pub fn new_data(shards: &Shards, entropy: &Entropy) -> DataId {
    DataId::random_in(shards.owned_partition(), entropy)
}

/// Writes `body` through a [`hamster_shard::Writer`], in odd pieces.
pub async fn write_large(shards: &Shards, plan: Plan, body: &[u8]) -> Result<Receipt, WriteError> {
    let mut writer = shards.writer(plan);
    for piece in body.chunks(7919) {
        writer.write(piece).await?;
    }
    writer.finish().await
}

pub async fn read(
    shards: &Shards,
    location: &Rc<Location>,
    range: Range<u64>,
) -> Result<Vec<u8>, ReadError> {
    let mut reader = shards.read(Rc::clone(location), range);
    let mut bytes = Vec::new();
    while let Some(next) = reader.next().await {
        bytes.extend_from_slice(&next?);
    }
    Ok(bytes)
}

/// Every body of `written` reads back whole.
pub async fn check(shards: &Shards, written: &[(Rc<Location>, Bytes)]) {
    for (location, body) in written {
        let bytes = read(shards, location, 0..u64::MAX).await;
        let bytes = bytes.unwrap_or_else(|error| panic!("{location:?}: {error}"));
        assert!(bytes == body[..], "wrong bytes of {location:?}");
    }
}

pub fn core_of(cluster: &Cluster, index: u16) -> Core {
    let core = cluster.node.core(index);
    assert_eq!(core.index(), CoreIndex::new(index));
    core
}

/// A number from the environment, for larger runs and for replaying one.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// A body as if only k of its shards were there: all of them are needed to read it.
pub fn with_k_pieces(location: &Location, entropy: &Entropy) -> Rc<Location> {
    let mut location = location.clone();
    let durable = |pieces: &[Piece]| {
        let durable = pieces.iter().enumerate().filter(|(_, piece)| piece.checksum.is_some());
        durable.map(|(at, _)| at).collect::<Vec<usize>>()
    };
    loop {
        let left = durable(&location.pieces);
        if left.len() <= usize::from(location.k) {
            return Rc::new(location);
        }
        location.pieces[left[index(entropy, left.len())]].checksum = None;
    }
}

/// A random index into so many.
pub fn index(entropy: &Entropy, count: usize) -> usize {
    usize::try_from(entropy.below(count as u64)).expect("below a length")
}

/// What a test says is needed.
pub struct NeededIf<F>(pub F);

impl<F: Fn(DataId) -> bool> Needs for NeededIf<F> {
    fn needed<'a>(&'a self, data: &'a [DataId]) -> LocalBoxFuture<'a, Option<Vec<bool>>> {
        let needed = data.iter().map(|data| (self.0)(*data)).collect();
        Box::pin(std::future::ready(Some(needed)))
    }
}

/// Says a figure where a test's output is shown only if it fails.
pub fn tell(line: &str) {
    // Why ignored: where nobody reads, the facts are checked all the same.
    let _ = writeln!(std::io::stderr(), "{line}");
}
