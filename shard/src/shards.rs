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
use crate::location::{Location, Piece, Plan, Receipt};
use crate::read::{Cache, CacheFigures, Orphans, Pace, ReadError, Reader};
use crate::recover::{self, RecoverError};
use crate::repair::{self, RepairError, Target};
use crate::scrub::{self, Checked, Depth};
use crate::segment::{Class, DIRECTORY_NAME};
use crate::sweep::{self, Claims, SweepError, Swept};
use crate::write::{self, WriteError, Writer};
use bytes::Bytes;
use futures_util::future::join_all;
use hamster_core::ids::{CoreIndex, DataId, DriveOrdinal, Partition, ShardIndex};
use hamster_core::limits::{
    BLOCK_BYTES, DRIVES_KNOWN_MAX, INDEX_STRETCH_ENTRIES_MAX, INDEX_STRETCHES_WAITING_MAX,
    READ_BYTES_IN_FLIGHT_MAX, READ_CACHE_BYTES_DEFAULT, STRIPE_BYTES_MAX,
    WRITE_BYTES_IN_FLIGHT_MAX,
};
use hamster_core::mesh::UnboundPort;
use hamster_core::sync::{Permit, Semaphore, channel};
use hamster_core::{BufferPool, ByteCount, Core, Queue};
use std::cell::{OnceCell, RefCell};
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

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
    /// In the order in which they were opened; none is ever taken away.
    drives: Box<[OnceCell<ShardDrive>]>,
    lanes: Lanes,
    writer_epoch: u64,
    memory: ReadMemory,
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
    freeing: Semaphore,
    orphans: Rc<Orphans>,
}

/// A drive that this core opened.
pub(crate) struct ShardDrive {
    pub local: Rc<LocalDrive>,
    pub small: Rc<Appender>,
    pub bulk: Rc<Appender>,
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
    let mut open: Vec<ShardDrive> = Vec::new();
    for drive in join_all(opened).await {
        open.extend(drive?);
    }
    lanes.finish_recovery().await.map_err(|_| OpenError::CoreEnded)?;
    let write_bytes = WRITE_BYTES_IN_FLIGHT_MAX.min(half(core.buffers().budget()));
    if core.index() == CoreIndex::new(0) {
        open.iter().for_each(|drive| start_watch(core, drive));
    }
    let orphans = Rc::new(Orphans::default());
    drop(core.spawn(Queue::Requests, Rc::clone(&orphans).follow()));
    let open = open.into_iter().map(OnceCell::from);
    let drives = open.chain(std::iter::repeat_with(OnceCell::new)).take(DRIVES_KNOWN_MAX);
    Ok(Shards(Rc::new(Inner {
        core: core.clone(),
        table,
        drives: drives.collect(),
        lanes,
        writer_epoch,
        memory,
        encoder: Encoder::default(),
        restorer: Restorer::default(),
        write_blocks: Semaphore::new(blocks(write_bytes.max(STRIPE_BYTES_MAX))),
        read_blocks: Semaphore::new(blocks(memory.in_flight.max(STRIPE_BYTES_MAX))),
        read_buffers: BufferPool::new(memory.total()),
        cache: RefCell::new(Cache::new(memory.cache)),
        leases: Leases::default(),
        freeing: Semaphore::new(1),
        orphans,
    })))
}

fn start_watch(core: &Core, drive: &ShardDrive) {
    drop(core.spawn(Queue::Background, watch::watch(Rc::clone(&drive.local))));
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
        let small = Rc::new(Appender::start(&local, lanes, Class::Small, unfinished.small));
        let bulk = Rc::new(Appender::start(&local, lanes, Class::Bulk, unfinished.bulk));
        lanes.appends(ordinal, [&small, &bulk]);
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

    /// Looks whether the shards of a body are where it says, on the drives that are in service. The
    /// caller holds a lease on the body.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn check(&self, location: &Location, depth: Depth) -> Result<Checked, ReadError> {
        scrub::check(self, location, depth).await
    }

    /// Rebuilds shards of a body from others that are not `bad`; returns where they are, in the order
    /// of `targets`, when they are durable. The caller holds a lease on the body, and commits the
    /// pieces where they differ from what metadata has.
    ///
    /// # Errors
    /// See [`RepairError`].
    pub async fn rebuild(
        &self,
        location: &Location,
        targets: &[Target],
        bad: &[ShardIndex],
    ) -> Result<Vec<Piece>, RepairError> {
        repair::rebuild(self, location, targets, bad).await
    }

    /// Compacts one segment of each drive whose index this core keeps, if one is half dead and nothing
    /// in it has died for as long as `quiet`, or the drive is short of room.
    pub async fn compact(&self, needs: &dyn Needs, quiet: Duration) {
        compact::drives(self, needs, quiet).await;
    }

    /// Goes through the index of a drive: frees what nothing refers to, and finds anew how much of each
    /// segment is dead. On one core of the node at a time: the one that frees bodies.
    ///
    /// # Errors
    /// See [`SweepError`]; what was freed until then is free.
    pub async fn sweep(
        &self,
        drive: DriveOrdinal,
        claims: &dyn Claims,
    ) -> Result<Swept, SweepError> {
        let local = &self.drive(drive).ok_or(SweepError::Away)?.local;
        let swept = local.while_in_service(sweep::drive(self, drive, claims)).await;
        swept.unwrap_or(Err(SweepError::Away))
    }

    /// Opens a further drive on this core; called on every core of the node, for a drive that the
    /// table knows already. One that fails is marked there and left out.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn add_drive(&self, identity: OpenDrive) -> Result<(), OpenError> {
        let Inner { core, table, lanes, writer_epoch, memory, .. } = &*self.0;
        let opened = open_drive(core, identity, table, lanes, *writer_epoch, *memory).await?;
        let Some(mut drive) = opened else { return Ok(()) };
        if core.index() == CoreIndex::new(0) {
            start_watch(core, &drive);
        }
        for slot in &self.0.drives {
            match slot.set(drive) {
                Ok(()) => return Ok(()),
                Err(back) => drive = back,
            }
        }
        unreachable!("the table has as many places")
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
        self.open_drives().find(|drive| drive.local.ordinal == ordinal)
    }

    /// The drives whose index this core keeps.
    pub(crate) fn kept_drives(&self) -> impl Iterator<Item = &ShardDrive> {
        let lanes = &self.0.lanes;
        let is_kept = |drive: &&ShardDrive| {
            lanes.ownership().keeper(drive.local.ordinal) == lanes.ownership().own()
        };
        self.open_drives().filter(is_kept)
    }

    fn open_drives(&self) -> impl Iterator<Item = &ShardDrive> {
        self.0.drives.iter().map_while(OnceCell::get)
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

    pub(crate) async fn turn_to_free(&self) -> Permit {
        self.0.freeing.acquire(1).await
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

    /// Memory for writing slices of a stripe.
    pub(crate) async fn slices_to_write(&self, count: usize, length: u64) -> Permit {
        self.0
            .write_blocks
            .acquire(count * blocks(ByteCount::new(length).align_up(BLOCK_BYTES)))
            .await
    }

    /// Memory for reading slices of a stripe.
    pub(crate) async fn slices_to_read(&self, count: usize, length: u64) -> Permit {
        let slice = ByteCount::new(length.next_power_of_two());
        self.stripe_to_read(ByteCount::new(slice.get() * count as u64)).await
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
