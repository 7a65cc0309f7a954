//! One core's handle to everything stored on this node's drives.

use crate::append::Appender;
use crate::code::{Encoder, Restorer};
use crate::compact::{self, Needs};
use crate::drive::local::LocalDrive;
use crate::drive::{DriveTable, Failure, OpenDrive, watch};
use crate::free;
use crate::index::{self, Keeper};
use crate::lane::{Answer, Lanes, Question};
use crate::lease::{Leases, Pin};
use crate::location::{Location, Plan, Receipt};
use crate::read::{Cache, CacheFigures, Orphans, Pace, ReadError, Reader};
use crate::recover::{self, RecoverError};
use crate::segment::{Class, DIRECTORY_NAME};
use crate::write::{self, WriteError, Writer};
use bytes::Bytes;
use futures_util::future::join_all;
use hamster_core::ids::{CoreIndex, DataId, DriveOrdinal, Partition};
use hamster_core::limits::{
    BLOCK_BYTES, INDEX_STRETCH_ENTRIES_MAX, INDEX_STRETCHES_WAITING_MAX, READ_BYTES_IN_FLIGHT_MAX,
    READ_CACHE_BYTES_DEFAULT, STRIPE_BYTES_MAX, WRITE_BYTES_IN_FLIGHT_MAX,
};
use hamster_core::mesh::UnboundPort;
use hamster_core::sync::{Permit, Semaphore, channel};
use hamster_core::{BufferPool, ByteCount, Core, Map, Queue};
use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Why the drives could not be opened. The node does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another core ended while the index was being built.
    #[error("another core ended while the segments were being read")]
    CoreEnded,
}

/// What one core's reads may hold in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadMemory {
    /// Verified bytes kept for the next reader.
    pub cache: ByteCount,
    /// Stripes being read and waiting to be taken; at least the largest stripe.
    pub in_flight: ByteCount,
    /// Entries of the index that a segment has in memory before they go to its drive.
    pub stretch_entries: usize,
}

impl Default for ReadMemory {
    fn default() -> Self {
        Self {
            cache: READ_CACHE_BYTES_DEFAULT,
            in_flight: READ_BYTES_IN_FLIGHT_MAX,
            stretch_entries: INDEX_STRETCH_ENTRIES_MAX,
        }
    }
}

impl ReadMemory {
    /// All of it. Why twice what is in flight: a stripe that is restored takes as much again.
    pub fn total(&self) -> ByteCount {
        self.cache + double(self.in_flight)
    }
}

/// One core's handle to the drives. Cheap to clone.
#[derive(Clone)]
pub struct Shards(Rc<Inner>);

struct Inner {
    core: Core,
    table: Arc<DriveTable>,
    drives: Map<DriveOrdinal, ShardDrive>,
    lanes: Lanes,
    encoder: Encoder,
    restorer: Restorer,
    /// Blocks of memory for stripes on their way to the drives.
    write_blocks: Semaphore,
    /// Blocks of memory for stripes on their way from the drives.
    read_blocks: Semaphore,
    /// Apart from the core's own: cached bytes stay out for long.
    read_buffers: BufferPool,
    cache: RefCell<Cache>,
    leases: Leases,
    orphans: Rc<Orphans>,
}

/// A drive that this core opened.
pub(crate) struct ShardDrive {
    pub local: Rc<LocalDrive>,
    pub small: Appender,
    pub bulk: Appender,
    /// Of this core's reads.
    pub pace: Rc<Pace>,
}

/// Opens the drives on this core: reads this core's share of the segments, hands what it finds to
/// the lanes' owners, and returns when every core has done so. Called on every core of the node.
///
/// A drive that fails meanwhile is marked in `table` and left out.
///
/// # Errors
/// See [`OpenError`].
///
/// # Panics
/// If `table` was made without one of the drives.
pub async fn open(
    core: &Core,
    drives: Vec<OpenDrive>,
    table: Arc<DriveTable>,
    port: UnboundPort<Question, Answer>,
    writer_epoch: u64,
    memory: ReadMemory,
) -> Result<Shards, OpenError> {
    let lanes = Lanes::bind(core, port);
    let opened = drives.into_iter().map(|identity| {
        let (table, lanes) = (&table, &lanes);
        async move { open_drive(core, identity, table, lanes, writer_epoch, memory).await }
    });
    let mut by_ordinal = Map::default();
    for drive in join_all(opened).await {
        if let Some(drive) = drive? {
            by_ordinal.insert(drive.local.ordinal, drive);
        }
    }
    lanes.finish_recovery().await.map_err(|_| OpenError::CoreEnded)?;
    let write_bytes = WRITE_BYTES_IN_FLIGHT_MAX.min(half(core.buffers().budget()));
    if core.index() == CoreIndex::new(0) {
        let watched = by_ordinal.values().map(|drive| Rc::clone(&drive.local)).collect();
        drop(core.spawn(Queue::Background, watch::watch(core.clone(), watched)));
    }
    let orphans = Rc::new(Orphans::default());
    drop(core.spawn(Queue::Requests, Rc::clone(&orphans).follow()));
    Ok(Shards(Rc::new(Inner {
        core: core.clone(),
        table,
        drives: by_ordinal,
        lanes,
        encoder: Encoder::default(),
        restorer: Restorer::default(),
        write_blocks: Semaphore::new(blocks(write_bytes.max(STRIPE_BYTES_MAX))),
        read_blocks: Semaphore::new(blocks(memory.in_flight.max(STRIPE_BYTES_MAX))),
        read_buffers: BufferPool::new(memory.total()),
        cache: RefCell::new(Cache::new(memory.cache)),
        leases: Leases::default(),
        orphans,
    })))
}

const fn half(bytes: ByteCount) -> ByteCount {
    ByteCount::new(bytes.get() / 2)
}

const fn double(bytes: ByteCount) -> ByteCount {
    ByteCount::new(bytes.get() * 2)
}

fn blocks(bytes: ByteCount) -> usize {
    bytes.as_usize() / BLOCK_BYTES.as_usize()
}

/// Opens one drive; `None` if it fails, which the table tells then.
async fn open_drive(
    core: &Core,
    identity: OpenDrive,
    table: &Arc<DriveTable>,
    lanes: &Lanes,
    writer_epoch: u64,
    memory: ReadMemory,
) -> Result<Option<ShardDrive>, OpenError> {
    let ordinal = identity.superblock.ordinal;
    let opened: Result<ShardDrive, RecoverError> = async {
        let segments = identity.directory.subdirectory(DIRECTORY_NAME).await?;
        let index = identity.directory.subdirectory(index::DIRECTORY_NAME).await?;
        identity.directory.sync().await?;
        let mut local = LocalDrive::new(core, identity, (segments, index), table, writer_epoch);
        local.stretch_entries = memory.stretch_entries;
        let local = Rc::new(local);
        local.has_room(ByteCount::ZERO).await?;
        if lanes.ownership().keeper(ordinal) == core.index() {
            let keeper = Keeper::open(&local, lanes.downgrade()).await?;
            let (sender, orders) = channel(INDEX_STRETCHES_WAITING_MAX);
            lanes.keeps(ordinal, sender, keeper.now());
            drop(core.spawn(Queue::Background, keeper.run(orders)));
        }
        let standing = lanes.standing(ordinal).await?.ok_or_else(not_kept)?;
        lanes.attach(&local, &standing).await?;
        let unfinished = recover::drive(&local, lanes, &standing.segments).await?;
        let small = Appender::start(&local, lanes, Class::Small, unfinished.small);
        let bulk = Appender::start(&local, lanes, Class::Bulk, unfinished.bulk);
        let pace = Rc::new(Pace::new(memory.in_flight));
        Ok(ShardDrive { local, small, bulk, pace })
    }
    .await;
    if opened.is_err() {
        lanes.give_up(ordinal);
    }
    match opened {
        Ok(drive) => Ok(Some(drive)),
        Err(RecoverError::Closed) => Err(OpenError::CoreEnded),
        Err(RecoverError::Drive(error)) => {
            table.fail(ordinal, Failure::of(&error), &format!("opening it: {error}"));
            Ok(None)
        }
    }
}

fn not_kept() -> io::Error {
    io::Error::other("the core that keeps its index could not open it")
}

impl Shards {
    /// The core that this is the handle of.
    pub fn core_index(&self) -> CoreIndex {
        self.0.core.index()
    }

    /// A random partition whose lane this core owns: a small write into it never hops.
    pub fn owned_partition(&self) -> Partition {
        self.0.lanes.ownership().owned_partition(self.0.core.entropy())
    }

    /// Stores `body` as 1+m full copies, one record each, and returns when they are durable.
    ///
    /// # Errors
    /// See [`WriteError`]; nothing is visible then.
    ///
    /// # Panics
    /// If the plan has `k` other than 1 or not k+m targets, or the body is over
    /// [`SMALL_BODY_BYTES_MAX`](hamster_core::limits::SMALL_BODY_BYTES_MAX).
    pub async fn write_small(&self, plan: Plan, body: Bytes) -> Result<Receipt, WriteError> {
        write::small(self, plan, body).await
    }

    /// Starts a body of any length, erasure-coded as it streams.
    ///
    /// # Panics
    /// If the plan is malformed (see [`Plan`]).
    pub fn writer(&self, plan: Plan) -> Writer {
        Writer::new(self.clone(), plan)
    }

    /// Reads bytes of a body; the part of `range` beyond its end is left out.
    pub fn read(&self, location: Rc<Location>, range: Range<u64>) -> Reader {
        Reader::new(self.clone(), location, range)
    }

    /// To be taken before metadata is asked for what will be read.
    pub fn pin(&self) -> Pin {
        self.0.leases.pin()
    }

    /// Which of these data ids does someone on this core read, or may be about to?
    pub async fn held(&self, data: &[DataId]) -> Vec<bool> {
        self.0.leases.held(data).await
    }

    /// Gives back the space of bodies that nothing refers to and no core holds a lease on. Returns
    /// when that is durable, and tells of each whether all of it is free: the others are still in
    /// the way on some drive in service, and must be freed again. A drive that fails meanwhile
    /// leaves service.
    ///
    /// # Errors
    /// The node is shutting down: whether the space is free is not known.
    pub async fn free(&self, bodies: &[Location]) -> Result<Vec<bool>, ReadError> {
        free::bodies(self, bodies).await.map_err(|_| ReadError::ShuttingDown)
    }

    /// Compacts one segment of each drive whose index this core keeps, if one is half dead.
    pub async fn compact(&self, needs: &dyn Needs) {
        compact::drives(self, needs).await;
    }

    /// The drives of this node, shared by all cores.
    pub fn drives(&self) -> &Arc<DriveTable> {
        &self.0.table
    }

    /// Hits and misses of this core's read cache since the start.
    pub fn cache_figures(&self) -> CacheFigures {
        self.0.cache.borrow().figures()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(crate) fn drive(&self, ordinal: DriveOrdinal) -> Option<&ShardDrive> {
        self.0.drives.get(&ordinal)
    }

    /// The drives whose index this core keeps.
    pub(crate) fn kept_drives(&self) -> impl Iterator<Item = &ShardDrive> {
        let lanes = &self.0.lanes;
        let is_kept = |drive: &&ShardDrive| {
            lanes.ownership().keeper(drive.local.ordinal) == lanes.ownership().own()
        };
        self.0.drives.values().filter(is_kept)
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.0.encoder
    }

    pub(crate) fn restorer(&self) -> &Restorer {
        &self.0.restorer
    }

    pub(crate) fn cache(&self) -> &RefCell<Cache> {
        &self.0.cache
    }

    pub(crate) fn orphans(&self) -> &Rc<Orphans> {
        &self.0.orphans
    }

    pub(crate) fn read_buffers(&self) -> &BufferPool {
        &self.0.read_buffers
    }

    /// Memory for one stripe of a plan: for all of it at once, so that writers never wait for one
    /// another with half a stripe each.
    pub(crate) async fn stripe_to_write(&self, plan: &Plan) -> Permit {
        let bytes = u64::from(plan.slice_bytes) * plan.targets.len() as u64;
        self.0.write_blocks.acquire(blocks(ByteCount::new(bytes))).await
    }

    /// Memory for reading and, if need be, restoring `bytes` of a stripe.
    pub(crate) async fn stripe_to_read(&self, bytes: ByteCount) -> Permit {
        self.0.read_blocks.acquire(blocks(bytes.align_up(BLOCK_BYTES))).await
    }

    /// As [`Shards::stripe_to_read`], if it is there now.
    pub(crate) fn try_stripe_to_read(&self, bytes: ByteCount) -> Option<Permit> {
        self.0.read_blocks.try_acquire(blocks(bytes.align_up(BLOCK_BYTES)))
    }
}
