//! Lanes: who owns which partition on this node, and the way to the index of its drives.
//!
//! A lane is a set of partitions, the unit of ownership. Its owner keeps the entries that are in no
//! table yet; other cores ask over the mesh. Look-ups are async, because the index lives on the
//! drives.

mod own;
mod ownership;
mod run_entry;

pub(crate) use ownership::Ownership;
pub(crate) use run_entry::RunEntry;

use crate::append::Appender;
use crate::drive::local::LocalDrive;
use crate::index::{
    Covered, Dead, Entry, Key, Order, Part, Placement, Snapshot, Stretch, Table, TableError, Wanted,
};
use crate::segment::Class;
use futures_util::future::join_all;
use hamster_core::Core;
use hamster_core::ids::{CoreIndex, DriveOrdinal, SegmentNumber};
use hamster_core::mesh::{MeshClosed, Port, UnboundPort};
use hamster_core::sync::Sender;
use own::Own;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// What one core asks another about the lanes that it owns. Opaque to everyone else.
pub struct Question(Ask);

enum Ask {
    /// Keep these in memory.
    Keep(Part, Vec<Entry>),
    /// Which runs on these drives hold bytes of this range of the shards?
    Find(Wanted, Vec<DriveOrdinal>),
    /// Of the drive's keeper: how does the index stand?
    Tell(DriveOrdinal),
    /// Of the drive's keeper: make a table of this.
    Tabulate(Stretch),
    /// Of the core that writes the segment: make a table of what it holds.
    Settle(DriveOrdinal, Class, SegmentNumber),
    /// Of the drive's keeper: these bytes are dead.
    Died(DriveOrdinal, Vec<Dead>),
    /// Which runs of a drive do you have in memory, behind a key, at most so many?
    Behind(DriveOrdinal, Option<Key>, usize),
    /// Of the drive's keeper: so much of these segments is dead.
    Swept(DriveOrdinal, Vec<(SegmentNumber, u64)>),
    /// Of the drive's keeper: a table of the index is rotten.
    Damaged(DriveOrdinal),
    /// Of the drive's keeper: remove the segment.
    Retire(DriveOrdinal, SegmentNumber),
    /// Segments that were removed.
    Forget(DriveOrdinal, Arc<[SegmentNumber]>),
    /// Go by this, and let go of the part that is in it.
    Publish(DriveOrdinal, Snapshot, Option<Part>),
    /// The asking core has handed over everything that its segments hold.
    Recovered,
}

/// The answer to a [`Question`].
pub struct Answer(Told);

enum Told {
    Done,
    Found(Found),
    /// `None`: the drive could not be opened there.
    Standing(Option<Snapshot>),
}

/// Why a walk ended before its end.
pub(crate) enum WalkError {
    /// A table cannot be read.
    Table(TableError),
    /// A core has ended: the node is going down.
    Closed,
}

impl From<TableError> for WalkError {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

impl From<MeshClosed> for WalkError {
    fn from(_: MeshClosed) -> Self {
        Self::Closed
    }
}

/// What a look-up brought.
#[derive(Default)]
struct Found {
    runs: Vec<RunEntry>,
    /// The index of every drive that was asked for told all it has.
    whole: bool,
    /// Drives of whose index a table is rotten.
    damaged: Vec<DriveOrdinal>,
}

/// One core's way to the index of every drive. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lanes(Rc<Inner>);

struct Inner {
    ownership: Ownership,
    own: Rc<Own>,
    port: Port<Question, Answer>,
}

/// For those who must not keep the lanes alive.
pub(crate) struct WeakLanes(Weak<Inner>);

impl WeakLanes {
    pub fn upgrade(&self) -> Option<Lanes> {
        self.0.upgrade().map(Lanes)
    }
}

impl Lanes {
    pub fn bind(core: &Core, port: UnboundPort<Question, Answer>) -> Self {
        let own = Rc::new(Own::new(core));
        let served = Rc::clone(&own);
        let port = port.bind(core, move |_from, Question(ask)| {
            let served = Rc::clone(&served);
            async move { Answer(answer(&served, ask).await) }
        });
        let ownership = Ownership::new(core.index(), core.count());
        Self(Rc::new(Inner { ownership, own, port }))
    }

    pub fn downgrade(&self) -> WeakLanes {
        WeakLanes(Rc::downgrade(&self.0))
    }

    pub fn ownership(&self) -> &Ownership {
        &self.0.ownership
    }

    /// The runs that hold bytes of what is wanted on these drives. Of a drive whose index cannot be
    /// read they are left out: its shard counts as unreadable, and others take its place.
    pub async fn find(
        &self,
        wanted: Wanted,
        drives: Vec<DriveOrdinal>,
    ) -> Result<Vec<RunEntry>, MeshClosed> {
        Ok(self.look(wanted, drives).await?.runs)
    }

    /// As [`Lanes::find`], for those who go by what is *not* there; `None`: the index could not be
    /// read, so that nobody knows.
    pub async fn find_all(
        &self,
        wanted: Wanted,
        drive: DriveOrdinal,
    ) -> Result<Option<Vec<RunEntry>>, MeshClosed> {
        let found = self.look(wanted, vec![drive]).await?;
        Ok(found.whole.then_some(found.runs))
    }

    async fn look(&self, wanted: Wanted, drives: Vec<DriveOrdinal>) -> Result<Found, MeshClosed> {
        let owner = self.ownership().owner(wanted.data.partition());
        let found = match self.ask(owner, Ask::Find(wanted, drives)).await? {
            Told::Found(found) => found,
            Told::Done | Told::Standing(_) => Found::default(),
        };
        for drive in &found.damaged {
            self.tell_damaged(*drive).await?;
        }
        Ok(found)
    }

    /// Tells the keeper of a drive that its index is rotten.
    async fn tell_damaged(&self, drive: DriveOrdinal) -> Result<(), MeshClosed> {
        self.ask(self.ownership().keeper(drive), Ask::Damaged(drive)).await.map(drop)
    }

    /// Has entries of a part kept in memory by whoever owns their lanes.
    pub async fn keep(&self, part: Part, entries: Vec<Entry>) -> Result<(), MeshClosed> {
        let mut by_owner = BTreeMap::<CoreIndex, Vec<Entry>>::new();
        for entry in entries {
            let owner = self.ownership().owner(entry.key.data.partition());
            by_owner.entry(owner).or_default().push(entry);
        }
        for (owner, entries) in by_owner {
            self.ask(owner, Ask::Keep(part, entries)).await?;
        }
        Ok(())
    }

    /// How the index of a drive stands, from its keeper; `None`: it could not open the drive.
    pub async fn standing(&self, drive: DriveOrdinal) -> Result<Option<Snapshot>, MeshClosed> {
        match self.ask(self.ownership().keeper(drive), Ask::Tell(drive)).await? {
            Told::Standing(snapshot) => Ok(snapshot),
            Told::Done | Told::Found(_) => Ok(None),
        }
    }

    /// Has the keeper make a table of a stretch. Returns when every core goes by it, or it stays in
    /// memory.
    pub async fn tabulate(&self, stretch: Stretch) -> Result<(), MeshClosed> {
        let keeper = self.ownership().keeper(stretch.part.drive);
        self.ask(keeper, Ask::Tabulate(stretch)).await.map(drop)
    }

    /// Tells every core what the index of a drive is made of now.
    pub async fn publish(&self, drive: DriveOrdinal, now: Snapshot, part: Option<Part>) {
        let cores = self.ownership().cores();
        let told = cores.map(|core| self.ask(core, Ask::Publish(drive, now.clone(), part)));
        // Why ignored: a core that has ended looks nothing up.
        join_all(told).await;
    }

    /// Sees to it that a run is in a table of the index; `false`: it is not.
    pub async fn settle(
        &self,
        drive: DriveOrdinal,
        placement: &Placement,
    ) -> Result<bool, MeshClosed> {
        let Placement { segment, class, position, .. } = *placement;
        for is_last in [false, true] {
            let standing = self.standing(drive).await?;
            let is_it = |covered: &&Covered| covered.segment == segment;
            let covered = standing.as_ref().and_then(|now| now.segments.iter().find(is_it));
            if covered.is_some_and(|covered| covered.upto > position) {
                return Ok(true);
            }
            if !is_last {
                let writer = self.ownership().writer(segment);
                self.ask(writer, Ask::Settle(drive, class, segment)).await?;
            }
        }
        Ok(false)
    }

    /// Tells the keeper what died.
    pub async fn died(&self, drive: DriveOrdinal, dead: Vec<Dead>) -> Result<(), MeshClosed> {
        if dead.is_empty() {
            return Ok(());
        }
        self.ask(self.ownership().keeper(drive), Ask::Died(drive, dead)).await.map(drop)
    }

    /// The runs that the index of a drive knows behind a key, in the order of their keys: some
    /// `limit` of them. What comes to it meanwhile may be missing. An empty page is the end.
    pub async fn walk(
        &self,
        drive: DriveOrdinal,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<RunEntry>, WalkError> {
        let mut found = BTreeMap::new();
        // The first key that some source with more to give has not told.
        let mut upto = None;
        let mut add = |runs: Vec<RunEntry>| {
            if runs.len() == limit {
                let last = runs.last().map(RunEntry::key);
                upto = [upto, last].into_iter().flatten().min();
            }
            for run in runs {
                found.entry(run.key()).or_insert(run);
            }
        };
        // Memory before the tables, so that a part that becomes a table meanwhile is seen.
        for core in self.ownership().cores() {
            let ask = Ask::Behind(drive, after, limit);
            if let Told::Found(Found { runs, .. }) = self.ask(core, ask).await? {
                add(runs);
            }
        }
        for table in self.tables(drive).iter() {
            let entries = table.behind(self.0.own.pool(), after, limit).await;
            if let Err(TableError::Damaged { .. }) = entries {
                self.tell_damaged(drive).await?;
            }
            let entries = entries?;
            add(entries.into_iter().map(|entry| RunEntry::new(drive, entry)).collect());
        }
        let told = found.into_iter().filter(|(key, _)| upto.is_none_or(|upto| *key <= upto));
        Ok(told.map(|(_, run)| run).collect())
    }

    /// Tells the keeper what a sweep has found dead.
    pub async fn swept(
        &self,
        drive: DriveOrdinal,
        dead: Vec<(SegmentNumber, u64)>,
    ) -> Result<(), MeshClosed> {
        self.ask(self.ownership().keeper(drive), Ask::Swept(drive, dead)).await.map(drop)
    }

    /// Has the keeper remove a segment in which nothing is needed.
    pub async fn retire(
        &self,
        drive: DriveOrdinal,
        segment: SegmentNumber,
    ) -> Result<(), MeshClosed> {
        self.ask(self.ownership().keeper(drive), Ask::Retire(drive, segment)).await.map(drop)
    }

    /// Has every core close segments that were removed.
    pub async fn forget(&self, drive: DriveOrdinal, segments: &[SegmentNumber]) {
        let segments: Arc<[SegmentNumber]> = segments.into();
        let cores = self.ownership().cores();
        let told = cores.map(|core| self.ask(core, Ask::Forget(drive, Arc::clone(&segments))));
        // Why ignored: a core that has ended has nothing open.
        join_all(told).await;
    }

    /// From now on this core looks into the index of `drive`.
    pub async fn attach(&self, drive: &Rc<LocalDrive>, now: &Snapshot) -> io::Result<()> {
        self.0.own.attach(drive, now).await
    }

    /// This core writes to `drive` by these: small and bulk.
    pub fn appends(&self, drive: DriveOrdinal, by: [&Rc<Appender>; 2]) {
        self.0.own.appends(drive, by.map(Rc::downgrade));
    }

    /// This core is the keeper of `drive`.
    pub fn keeps(&self, drive: DriveOrdinal, orders: Sender<Order>, now: Rc<RefCell<Snapshot>>) {
        self.0.own.keeps(drive, orders, now);
    }

    /// This core cannot open `drive`.
    pub fn give_up(&self, drive: DriveOrdinal) {
        self.0.own.give_up(drive);
    }

    /// What the tables know of the segments of `drive`; `None` where this core is not its keeper.
    pub fn segments(&self, drive: DriveOrdinal) -> Option<Arc<[Covered]>> {
        self.0.own.segments(drive)
    }

    /// The tables of `drive` that this core has open.
    pub fn tables(&self, drive: DriveOrdinal) -> Rc<[Table]> {
        self.0.own.tables(drive)
    }

    async fn ask(&self, core: CoreIndex, ask: Ask) -> Result<Told, MeshClosed> {
        if core == self.ownership().own() {
            return Ok(answer(&self.0.own, ask).await);
        }
        Ok(self.0.port.call(core, Question(ask)).await?.0)
    }

    /// Tells every core that this one has handed over everything, and waits until all have.
    pub async fn finish_recovery(&self) -> Result<(), MeshClosed> {
        for core in self.ownership().cores() {
            self.ask(core, Ask::Recovered).await?;
        }
        self.0.own.all_recovered(self.ownership().core_count()).await;
        Ok(())
    }
}

async fn answer(own: &Own, ask: Ask) -> Told {
    match ask {
        Ask::Keep(part, entries) => own.keep(part, entries),
        Ask::Find(wanted, drives) => return Told::Found(own.find(&wanted, &drives).await),
        Ask::Tell(drive) => return Told::Standing(own.standing(drive).await),
        Ask::Tabulate(stretch) => own.tabulate(stretch).await,
        Ask::Publish(drive, now, part) => own.publish(drive, &now, part).await,
        Ask::Settle(drive, class, segment) => own.settle(drive, class, segment).await,
        Ask::Died(drive, dead) => own.order(drive, Order::Died(dead)).await,
        Ask::Behind(drive, after, limit) => {
            let runs = own.behind(drive, after, limit);
            return Told::Found(Found { runs, whole: true, ..Found::default() });
        }
        Ask::Swept(drive, dead) => own.order(drive, Order::Swept(dead)).await,
        Ask::Damaged(drive) => own.order(drive, Order::StartAnew).await,
        Ask::Retire(drive, segment) => own.order(drive, Order::Retire(segment)).await,
        Ask::Forget(drive, segments) => own.forget(drive, &segments),
        Ask::Recovered => own.recovered(),
    }
    Told::Done
}
