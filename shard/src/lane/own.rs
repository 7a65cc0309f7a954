//! What one core has of the index: the entries of its own lanes that are in no table yet, the tables
//! of every drive, and the keepers that run here.

use super::{Found, RunEntry};
use crate::append::Appender;
use crate::drive::local::LocalDrive;
use crate::index::{
    BlockCache, Completed, Covered, Entry, Key, Order, Part, Snapshot, Stretch, Table, View, Wanted,
};
use crate::segment::Class;
use futures_util::future::join_all;
use hamster_core::ids::{DriveOrdinal, SegmentNumber};
use hamster_core::limits::INDEX_CACHE_BYTES;
use hamster_core::sync::{Event, Sender, oneshot};
use hamster_core::{BufferPool, Core, Map};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

pub(super) struct Own {
    drives: RefCell<Map<DriveOrdinal, Drive>>,
    cache: BlockCache,
    pool: BufferPool,
    /// Cores that have read all their segments.
    recovered: Cell<u16>,
    changed: Event,
}

#[derive(Default)]
struct Drive {
    view: View,
    stand: Stand,
    keeper: Option<Kept>,
    /// Small and bulk.
    appenders: Option<[Weak<Appender>; 2]>,
}

/// A keeper that runs here.
#[derive(Clone)]
struct Kept {
    orders: Sender<Order>,
    now: Rc<RefCell<Snapshot>>,
}

#[derive(Default)]
enum Stand {
    #[default]
    Opening,
    Open(Rc<LocalDrive>),
    /// Cannot be opened by this core.
    Gone,
}

impl Own {
    pub fn new(core: &Core) -> Self {
        Self {
            drives: RefCell::default(),
            cache: BlockCache::new(INDEX_CACHE_BYTES),
            pool: core.buffers().clone(),
            recovered: Cell::new(0),
            changed: Event::new(),
        }
    }

    pub fn keep(&self, part: Part, entries: Vec<Entry>) {
        self.drives.borrow_mut().entry(part.drive).or_default().view.keep(part, entries);
    }

    pub async fn find(&self, wanted: &Wanted, drives: &[DriveOrdinal]) -> Found {
        let mut all = Found { whole: true, ..Found::default() };
        for found in join_all(drives.iter().map(|drive| self.find_on(*drive, wanted))).await {
            all.runs.extend(found.runs);
            all.whole &= found.whole;
            all.damaged.extend(found.damaged);
        }
        all
    }

    async fn find_on(&self, ordinal: DriveOrdinal, wanted: &Wanted) -> Found {
        let (found, tables, drive) = {
            let drives = self.drives.borrow();
            let Some(Drive { view, stand: Stand::Open(drive), .. }) = drives.get(&ordinal) else {
                return Found::default();
            };
            let (found, tables) = view.look(wanted);
            (found, tables, Rc::clone(drive))
        };
        let caches = (&self.cache, &self.pool);
        let completed = wanted.complete(found, &tables, &drive, caches).await;
        let Completed { entries, whole, is_damaged } = completed;
        let runs = entries.into_iter().map(|entry| RunEntry::new(ordinal, entry)).collect();
        Found { runs, whole, damaged: is_damaged.then_some(ordinal).into_iter().collect() }
    }

    /// Runs of a drive in memory here, behind a key, in order.
    pub fn behind(&self, drive: DriveOrdinal, after: Option<Key>, limit: usize) -> Vec<RunEntry> {
        let drives = self.drives.borrow();
        let entries = drives.get(&drive).map(|known| known.view.behind(after, limit));
        let run = |entry| RunEntry::new(drive, entry);
        entries.unwrap_or_default().into_iter().map(run).collect()
    }

    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    pub fn segments(&self, drive: DriveOrdinal) -> Option<Arc<[Covered]>> {
        let drives = self.drives.borrow();
        let kept = drives.get(&drive)?.keeper.as_ref()?;
        Some(Arc::clone(&kept.now.borrow().segments))
    }

    pub fn tables(&self, drive: DriveOrdinal) -> Rc<[Table]> {
        self.drives.borrow().get(&drive).map_or_else(Rc::default, |drive| drive.view.tables())
    }

    pub async fn attach(&self, drive: &Rc<LocalDrive>, now: &Snapshot) -> io::Result<()> {
        let tables = self.open(drive, now).await?;
        let mut drives = self.drives.borrow_mut();
        let entry = drives.entry(drive.ordinal).or_default();
        entry.view.publish(now.version, tables, None);
        entry.stand = Stand::Open(Rc::clone(drive));
        self.changed.notify();
        Ok(())
    }

    pub fn keeps(&self, drive: DriveOrdinal, orders: Sender<Order>, now: Rc<RefCell<Snapshot>>) {
        let kept = Kept { orders, now };
        self.drives.borrow_mut().entry(drive).or_default().keeper = Some(kept);
        self.changed.notify();
    }

    pub fn give_up(&self, drive: DriveOrdinal) {
        let mut drives = self.drives.borrow_mut();
        let entry = drives.entry(drive).or_default();
        (entry.stand, entry.keeper) = (Stand::Gone, None);
        self.changed.notify();
    }

    /// What `ready` gives, as soon as it does.
    async fn until<T>(&self, ready: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let changed = self.changed.listen();
            if let Some(ready) = ready(self) {
                return ready;
            }
            changed.await;
        }
    }

    /// The keeper of `drive`, once it runs; `None` if it never will.
    async fn keeper(&self, drive: DriveOrdinal) -> Option<Kept> {
        let settled = |own: &Self| match own.drives.borrow().get(&drive)? {
            Drive { keeper: Some(keeper), .. } => Some(Some(keeper.clone())),
            Drive { stand: Stand::Gone, .. } => Some(None),
            Drive { stand: Stand::Opening | Stand::Open(_), .. } => None,
        };
        self.until(settled).await
    }

    pub async fn standing(&self, drive: DriveOrdinal) -> Option<Snapshot> {
        let now = self.keeper(drive).await?.now;
        let now = now.borrow().clone();
        Some(now)
    }

    pub async fn tabulate(&self, stretch: Stretch) {
        let Some(keeper) = self.keeper(stretch.part.drive).await else { return };
        let (done, told) = oneshot();
        // Why ignored: a keeper that ends has made no table, so the entries stay in memory.
        let _ = keeper.orders.send(Order::Tabulate(stretch, done)).await;
        let _ = told.await;
    }

    pub fn appends(&self, drive: DriveOrdinal, by: [Weak<Appender>; 2]) {
        self.drives.borrow_mut().entry(drive).or_default().appenders = Some(by);
    }

    /// Has a table made of what a segment that this core writes holds.
    pub async fn settle(&self, drive: DriveOrdinal, class: Class, segment: SegmentNumber) {
        let appender = {
            let drives = self.drives.borrow();
            let appenders = drives.get(&drive).and_then(|drive| drive.appenders.as_ref());
            appenders.and_then(|[small, bulk]| match class {
                Class::Small => small.upgrade(),
                Class::Bulk => bulk.upgrade(),
            })
        };
        if let Some(appender) = appender {
            appender.settle(segment).await;
        }
    }

    /// Hands an order to the keeper of `drive`.
    pub async fn order(&self, drive: DriveOrdinal, order: Order) {
        if let Some(keeper) = self.keeper(drive).await {
            // Why ignored: a keeper that has ended keeps no space, either.
            let _ = keeper.orders.send(order).await;
        }
    }

    pub fn forget(&self, drive: DriveOrdinal, segments: &[SegmentNumber]) {
        if let Some(Drive { stand: Stand::Open(drive), .. }) = self.drives.borrow().get(&drive) {
            drive.forget(segments);
        }
    }

    pub async fn publish(&self, ordinal: DriveOrdinal, now: &Snapshot, part: Option<Part>) {
        let Some(drive) = self.opened(ordinal).await else { return };
        match self.open(&drive, now).await {
            Ok(tables) => {
                let mut drives = self.drives.borrow_mut();
                let entry = drives.entry(ordinal).or_default();
                entry.view.publish(now.version, tables, part);
            }
            // The part stays in memory; what else the tables hold is read from other drives.
            Err(error) => {
                tracing::error!(drive = %ordinal, %error, "a table of its index cannot be opened");
            }
        }
    }

    /// The drive, once this core has it open; `None` if it never will.
    async fn opened(&self, ordinal: DriveOrdinal) -> Option<Rc<LocalDrive>> {
        let settled = |own: &Self| match &own.drives.borrow().get(&ordinal)?.stand {
            Stand::Open(drive) => Some(Some(Rc::clone(drive))),
            Stand::Gone => Some(None),
            Stand::Opening => None,
        };
        self.until(settled).await
    }

    /// The tables of `now`: those that are open already, and the others opened.
    async fn open(&self, drive: &LocalDrive, now: &Snapshot) -> io::Result<Rc<[Table]>> {
        let known = self.tables(drive.ordinal);
        let mut tables = Vec::with_capacity(now.tables.len());
        for info in now.tables.iter() {
            let open = known.iter().find(|table| table.info().number == info.number);
            tables.push(match open {
                Some(table) => table.clone(),
                None => Table::open(&drive.index, drive.ordinal, drive.uuid, info.clone()).await?,
            });
        }
        Ok(tables.into())
    }

    pub fn recovered(&self) {
        self.recovered.set(self.recovered.get() + 1);
        self.changed.notify();
    }

    pub async fn all_recovered(&self, cores: u16) {
        self.until(|own| (own.recovered.get() == cores).then_some(())).await;
    }
}
