//! A drive's keeper: makes tables of stretches, merges tables, and writes the manifest. One task on
//! one core for each drive, so that the manifest has one writer.
//!
//! Invariant: the manifest says of a segment that all runs below a position are in its tables. So
//! stretches of a segment are taken only one behind the other; one that does not follow stays in
//! memory, and the next start reads it from the segment again.

use super::manifest::{Covered, Decoded, Manifest};
use super::merge::Merge;
use super::table::{self, FileName, Table, TableError, TableInfo};
use super::writer::TableWriter;
use super::{Entry, Key, Part};
use crate::drive::Failure;
use crate::drive::local::LocalDrive;
use crate::lane::WeakLanes;
use crate::recover;
use crate::segment::header::RUNS_START;
use crate::segment::{self, Class};
use hamster_core::disk::is_full;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::{
    BLOCK_BYTES, INDEX_MERGE_ENTRIES_PER_TURN, INDEX_MERGE_STRETCHES_PER_STRETCH,
    INDEX_TABLES_PER_TIER,
};
use hamster_core::sync::{OneshotSender, Receiver};
use hamster_core::{Map, Set};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A part of a segment, closed: no further entry comes to it.
pub(crate) struct Stretch {
    pub part: Part,
    pub class: Class,
    pub generation: u64,
    /// All runs from here on ...
    pub from: u64,
    /// ... to here are in `entries`.
    pub upto: u64,
    /// Nothing will be written behind it.
    pub sealed: bool,
    pub entries: Vec<Entry>,
}

/// What the index of a drive is made of at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Counts the changes.
    pub version: u64,
    /// Newest first.
    pub tables: Arc<[TableInfo]>,
    pub segments: Arc<[Covered]>,
}

impl Snapshot {
    fn of(manifest: &Manifest, version: u64) -> Self {
        let (tables, segments) = (manifest.tables.as_slice(), manifest.segments.as_slice());
        Self { version, tables: tables.into(), segments: segments.into() }
    }
}

/// So many bytes of a segment are dead.
pub(crate) struct Dead {
    pub segment: SegmentNumber,
    pub bytes: u64,
}

/// What is asked of a keeper.
pub(crate) enum Order {
    /// Make a table of it. Answered when every core goes by it, or it stays in memory.
    Tabulate(Stretch, OneshotSender<()>),
    /// Count these.
    Died(Vec<Dead>),
    /// So many bytes of these segments are dead, as a sweep found.
    Swept(Vec<(SegmentNumber, u64)>),
    /// Nothing in this segment is needed any more: remove it, or keep its file as a spare.
    Retire(SegmentNumber),
    /// A table is rotten.
    StartAnew,
}

pub(crate) struct Keeper {
    drive: Rc<LocalDrive>,
    lanes: WeakLanes,
    manifest: Manifest,
    /// As of the manifest, for whoever asks.
    now: Rc<RefCell<Snapshot>>,
    /// Bytes that are dead, by segment. Lost in a crash, at worst: it only says where to look.
    dead: Map<SegmentNumber, u64>,
    /// Merges under way: each of tables newer than those of the one before, and smaller.
    merging: Vec<Merge>,
    /// A table is damaged: nothing is made of it any more, and the next start begins anew.
    given_up: bool,
}

impl Keeper {
    /// Reads the manifest and removes what it does not name.
    pub async fn open(drive: &Rc<LocalDrive>, lanes: WeakLanes) -> io::Result<Self> {
        let mut manifest = read(drive).await?;
        for entry in drive.index.list().await? {
            let Some(name) = table::parse_file_name(&entry.name) else { continue };
            let (FileName::Table(number) | FileName::Draft(number)) = name;
            // Why also of one that goes: a number is never used twice.
            manifest.next_table = manifest.next_table.max(number.saturating_add(1));
            let named = manifest.tables.iter().any(|table| table.number == number);
            if !named || name == FileName::Draft(number) {
                drive.index.remove(&entry.name).await?;
            }
        }
        // With segments that are gone: their numbers are taken until the manifest says no more of them.
        let now = Rc::new(RefCell::new(Snapshot::of(&manifest, 1)));
        let names = drive.segments.list().await?;
        let present: Set<SegmentNumber> =
            names.iter().filter_map(|entry| segment_number(&entry.name)).collect();
        manifest.segments.retain(|covered| present.contains(&covered.segment));
        let dead = manifest.segments.iter().map(|covered| (covered.segment, covered.dead_bytes));
        let dead = dead.collect();
        let (drive, merging) = (Rc::clone(drive), Vec::new());
        Ok(Self { drive, lanes, manifest, now, dead, merging, given_up: false })
    }

    pub async fn run(mut self, mut orders: Receiver<Order>) {
        loop {
            let order = match self.merging.is_empty() {
                true => match orders.receive().await {
                    Some(order) => Some(order),
                    None => return,
                },
                false => orders.try_receive(),
            };
            match order {
                Some(order) => self.follow(order).await,
                // Why in steps: writers wait for their table, and a large merge takes minutes.
                None => self.merge(INDEX_MERGE_ENTRIES_PER_TURN).await,
            }
        }
    }

    async fn follow(&mut self, order: Order) {
        match order {
            Order::Tabulate(stretch, done) => {
                self.tabulate(stretch).await;
                // Whoever asked may be gone.
                let _ = done.send(());
                self.begin_merge().await;
                // Why also while more is asked: as many entries are merged as come in.
                self.merge(INDEX_MERGE_STRETCHES_PER_STRETCH * self.stretch_entries()).await;
            }
            Order::Died(dead) => self.died(dead).await,
            Order::Swept(dead) => self.swept(dead).await,
            Order::Retire(segment) => self.retire(&[segment]).await,
            Order::StartAnew => self.start_anew().await,
        }
    }

    fn stretch_entries(&self) -> u64 {
        self.drive.stretch_entries as u64
    }

    /// How the index stands: what is behind this changes with the manifest.
    pub fn now(&self) -> Rc<RefCell<Snapshot>> {
        Rc::clone(&self.now)
    }

    async fn tabulate(&mut self, stretch: Stretch) {
        let Some(at) = self.follows(&stretch) else { return };
        let segment = stretch.part.segment;
        // Of two runs of a name the later one counts.
        let entries: BTreeMap<Key, Entry> =
            stretch.entries.into_iter().map(|entry| (entry.key, entry)).collect();
        let outcome = async {
            let number = self.new_number();
            let mut manifest = self.manifest.clone();
            if !entries.is_empty() {
                let table = self.write(number, &entries).await?;
                manifest.tables.splice(0..0, table);
            }
            let covered = Covered {
                segment,
                class: stretch.class,
                generation: stretch.generation,
                upto: stretch.upto,
                sealed: stretch.sealed,
                dead_bytes: self.dead.get(&segment).copied().unwrap_or(0),
            };
            match at {
                Some(at) => manifest.segments[at] = covered,
                None => manifest.segments.push(covered),
            }
            self.save(manifest).await
        };
        match outcome.await {
            Ok(()) => {
                self.publish(Some(stretch.part)).await;
                // What died while it was written may have been all of it.
                self.retire_empty([segment]).await;
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Where in the manifest its segment is, if the stretch goes on where the former one ended.
    fn follows(&self, stretch: &Stretch) -> Option<Option<usize>> {
        if self.given_up {
            return None;
        }
        let is_it = |covered: &Covered| covered.segment == stretch.part.segment;
        let at = self.manifest.segments.iter().position(is_it);
        let upto = at.map_or(RUNS_START, |at| self.manifest.segments[at].upto);
        (upto == stretch.from).then_some(at)
    }

    /// Why taken whatever comes of it: a manifest that seemed not to be written may be there after
    /// all, and names this table.
    fn new_number(&mut self) -> u64 {
        let number = self.manifest.next_table;
        self.manifest.next_table += 1;
        number
    }

    async fn write(
        &self,
        number: u64,
        entries: &BTreeMap<Key, Entry>,
    ) -> io::Result<Option<TableInfo>> {
        let bytes = entries.values().map(|entry| entry.encode().len() as u64).sum();
        let mut writer = self.writer(number, entries.len() as u64, bytes).await?;
        for entry in entries.values() {
            if let Err(error) = writer.push(entry).await {
                // Why ignored: what is left of it goes at the next start.
                let _ = writer.abandon().await;
                return Err(error);
            }
        }
        let table = writer.finish().await?;
        self.count(table.as_ref());
        Ok(table)
    }

    /// Counts a table: its file and the directory are synced.
    fn count(&self, table: Option<&TableInfo>) {
        if let Some(table) = table {
            self.drive.count(table.blocks * BLOCK_BYTES.get(), 2);
        }
    }

    async fn writer(&self, number: u64, entries: u64, bytes: u64) -> io::Result<TableWriter> {
        let (drive, pool) = (&self.drive, self.drive.core.buffers());
        TableWriter::create(&drive.index, pool, drive.uuid, number, entries, bytes).await
    }

    async fn save(&mut self, manifest: Manifest) -> io::Result<()> {
        // Why not: the next start would go by the damaged table.
        if !self.given_up {
            let bytes = manifest.replace(&self.drive.index).await?;
            self.drive.count(bytes, 2);
        }
        self.manifest = manifest;
        let version = self.now.borrow().version + 1;
        *self.now.borrow_mut() = Snapshot::of(&self.manifest, version);
        Ok(())
    }

    async fn publish(&self, part: Option<Part>) {
        if let Some(lanes) = self.lanes.upgrade() {
            let now = self.now.borrow().clone();
            lanes.publish(self.drive.ordinal, now, part).await;
        }
    }

    /// Without a table entries stay in memory, or are in the tables that were to be merged.
    fn failed(&self, error: &io::Error) {
        match is_full(error) {
            true => tracing::warn!(drive = %self.drive.ordinal, %error, "no room for its index"),
            false => self.drive.fail(Failure::of(error), "writing its index", error),
        }
    }

    /// Begins to merge tables that are not being merged, if there are enough.
    async fn begin_merge(&mut self) {
        if self.given_up {
            return;
        }
        let under_way = self.merging.last().map(|merge| merge.infos()[0].number);
        let is_free = |table: &&TableInfo| Some(table.number) != under_way;
        let free: Vec<TableInfo> =
            self.manifest.tables.iter().take_while(is_free).cloned().collect();
        let Some(count) = mergeable(&free, self.drive.stretch_entries) else { return };
        match self.new_merge(&free[..count]).await {
            Ok(merge) => self.merging.push(merge),
            Err(error) => self.not_merged(error).await,
        }
    }

    async fn new_merge(&mut self, infos: &[TableInfo]) -> Result<Merge, TableError> {
        let lanes = self.lanes.upgrade().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let tables = lanes.tables(self.drive.ordinal);
        drop(lanes);
        let is_one = |table: &&Table| infos.iter().any(|info| info.number == table.info().number);
        let tables: Vec<Table> = tables.iter().filter(is_one).cloned().collect();
        // Why: one that this core could not open must not be left out.
        if tables.len() != infos.len() {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        }
        let segments = self.segments().await?;
        let entries = infos.iter().map(|info| info.entries).sum();
        let bytes = infos.iter().map(|info| info.leaves * BLOCK_BYTES.get()).sum();
        let number = self.new_number();
        let writer = self.writer(number, entries, bytes).await?;
        Merge::begin(&tables, writer, segments, self.drive.core.buffers()).await
    }

    /// Moves so many entries of the youngest merge; at its end its table takes the place of those
    /// that it was made of.
    async fn merge(&mut self, entries: u64) {
        let Some(mut merge) = self.merging.pop() else { return };
        match merge.step(entries, self.drive.core.tasks()).await {
            Ok(false) => self.merging.push(merge),
            Ok(true) => match self.end_merge(merge).await {
                Ok(()) => self.begin_merge().await,
                Err(error) => self.not_merged(error.into()).await,
            },
            Err(error) => {
                merge.abandon().await;
                self.not_merged(error).await;
            }
        }
    }

    async fn end_merge(&mut self, merge: Merge) -> io::Result<()> {
        let (replaced, merged) = merge.finish().await?;
        self.count(merged.as_ref());
        let mut manifest = self.manifest.clone();
        let is_first = |table: &TableInfo| table.number == replaced[0].number;
        let Some(at) = manifest.tables.iter().position(is_first) else { return Ok(()) };
        manifest.tables.splice(at..at + replaced.len(), merged);
        self.save(manifest).await?;
        self.publish(None).await;
        for table in replaced {
            self.drive.index.remove(&table::file_name(table.number)).await?;
        }
        Ok(())
    }

    /// Gives the others up, too: a full drive needs their space, a sick one takes no more writes. The
    /// next stretch begins anew.
    async fn not_merged(&mut self, error: TableError) {
        self.abandon_merges().await;
        match error {
            TableError::Io(error) => self.failed(&error),
            TableError::Damaged { .. } => {
                self.drive.gauges().corruptions.fetch_add(1, Ordering::Relaxed);
                tracing::error!(drive = %self.drive.ordinal, %error, "its index cannot be read");
                self.start_anew().await;
            }
        }
    }

    async fn abandon_merges(&mut self) {
        for merge in std::mem::take(&mut self.merging) {
            merge.abandon().await;
        }
    }

    /// The segments that are there: entries of others are left out.
    async fn segments(&self) -> io::Result<Set<SegmentNumber>> {
        let entries = self.drive.segments.list().await?;
        Ok(entries.iter().filter_map(|entry| segment_number(&entry.name)).collect())
    }

    async fn died(&mut self, dead: Vec<Dead>) {
        let mut changed = Set::default();
        for Dead { segment, bytes } in dead {
            *self.dead.entry(segment).or_default() += bytes;
            changed.insert(segment);
        }
        self.recount(changed).await;
    }

    /// What is told of a segment that has gone since, is left out with it.
    async fn swept(&mut self, dead: Vec<(SegmentNumber, u64)>) {
        let changed: Set<SegmentNumber> = dead.iter().map(|(segment, _)| *segment).collect();
        self.dead.extend(dead);
        self.recount(changed).await;
    }

    async fn recount(&mut self, changed: Set<SegmentNumber>) {
        for covered in &mut self.manifest.segments {
            covered.dead_bytes = self.dead.get(&covered.segment).copied().unwrap_or(0);
        }
        self.now.borrow_mut().segments = self.manifest.segments.as_slice().into();
        self.retire_empty(changed).await;
    }

    /// Removes those of the segments of which nothing is left.
    async fn retire_empty(&mut self, segments: impl IntoIterator<Item = SegmentNumber>) {
        let mut empty = Vec::new();
        for segment in segments {
            let is_it = |covered: &&Covered| covered.segment == segment;
            let Some(covered) = self.manifest.segments.iter().find(is_it) else { continue };
            let all = covered.upto.saturating_sub(RUNS_START);
            if covered.class == Class::Bulk && covered.sealed && covered.dead_bytes >= all {
                match recover::is_empty(&self.drive, segment, covered.class, covered.upto).await {
                    Ok(true) => empty.push(segment),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%segment, %error, "cannot tell whether it is empty")
                    }
                }
            }
        }
        if !empty.is_empty() {
            self.retire(&empty).await;
        }
    }

    async fn retire(&mut self, segments: &[SegmentNumber]) {
        let mut manifest = self.manifest.clone();
        for &segment in segments {
            let is_it = |covered: &Covered| covered.segment == segment;
            let Some(at) = manifest.segments.iter().position(is_it) else { continue };
            let covered = manifest.segments.swap_remove(at);
            // Invariant: before the manifest forgets it. A start in between finds it gone.
            match self.drive.retire_segment(segment, covered.class, covered.upto).await {
                Ok(()) => drop(self.dead.remove(&segment)),
                Err(error) if is_full(&error) => {
                    tracing::warn!(%segment, %error, "no room to remove it");
                    manifest.segments.push(covered);
                }
                Err(error) => {
                    return self.drive.fail(Failure::of(&error), "removing a segment", &error);
                }
            }
        }
        // Why also if that fails: they are gone, and a start leaves out what is.
        self.manifest.segments.clone_from(&manifest.segments);
        if let Err(error) = self.save(manifest).await {
            self.failed(&error);
        }
        if let Some(lanes) = self.lanes.upgrade() {
            lanes.forget(self.drive.ordinal, segments).await;
        }
    }

    /// A damaged table is derived data: the next start reads the segments. Until then its shards
    /// are read from other drives.
    async fn start_anew(&mut self) {
        if std::mem::replace(&mut self.given_up, true) {
            return;
        }
        self.abandon_merges().await;
        let drive = self.drive.ordinal;
        tracing::error!(%drive, "its index is made anew at the next start: restart soon");
        let none = Manifest { drive: self.drive.uuid, ..Manifest::default() };
        if let Err(error) = none.replace(&self.drive.index).await {
            self.failed(&error);
        }
    }
}

/// The manifest of a drive; an empty one if there is none that can be used.
async fn read(drive: &LocalDrive) -> io::Result<Manifest> {
    let none = Manifest { drive: drive.uuid, ..Manifest::default() };
    match Manifest::read(&drive.index).await? {
        None => Ok(none),
        Some(Decoded::Valid(manifest)) if manifest.drive == drive.uuid => Ok(manifest),
        Some(_) => {
            tracing::warn!(drive = %drive.ordinal, "its index is made anew from its segments");
            Ok(none)
        }
    }
}

fn segment_number(name: &str) -> Option<SegmentNumber> {
    match segment::parse_file_name(name)? {
        segment::FileName::Segment(number, _) => Some(number),
        segment::FileName::Draft(_) | segment::FileName::Spare(_) => None,
    }
}

/// How many of the newest tables to merge: enough of one size, and all smaller ones among them.
fn mergeable(tables: &[TableInfo], stretch_entries: usize) -> Option<usize> {
    let tier = |table: &TableInfo| {
        let stretches = table.entries / stretch_entries as u64;
        stretches.checked_ilog(INDEX_TABLES_PER_TIER as u64).map_or(0, |tier| tier + 1)
    };
    let tiers = tables.iter().map(tier).max()?;
    (0..=tiers).find_map(|limit| {
        let newest = || tables.iter().take_while(|table| tier(table) <= limit);
        let of_size = newest().filter(|table| tier(table) == limit).count();
        (of_size >= INDEX_TABLES_PER_TIER).then(|| newest().count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamster_core::ids::{DataId, ShardIndex};

    const STRETCH: usize = 1000;

    fn mergeable(tables: &[TableInfo]) -> Option<usize> {
        super::mergeable(tables, STRETCH)
    }

    fn tables(sizes: &[u64]) -> Vec<TableInfo> {
        let key =
            Key { data: DataId::from_bytes([0; 16]), shard_offset: 0, shard: ShardIndex::new(0) };
        let table = |size: &u64| TableInfo {
            number: 1,
            entries: size * STRETCH as u64,
            first: key,
            last: key,
            blocks: 1,
            leaves: 1,
            root: 0,
            height: 1,
            bloom_start: 0,
            bloom_blocks: 0,
        };
        sizes.iter().map(table).collect()
    }

    #[test]
    fn tables_of_a_size_are_merged_once_there_are_enough() {
        assert_eq!(mergeable(&tables(&[])), None);
        assert_eq!(mergeable(&tables(&[0; 7])), None);
        assert_eq!(mergeable(&tables(&[0; 8])), Some(8));
        // Seven small ones in front of larger ones wait; with eight only they are merged.
        assert_eq!(mergeable(&tables(&[0, 0, 0, 0, 0, 0, 0, 8, 8])), None);
        assert_eq!(mergeable(&tables(&[0, 0, 0, 0, 0, 0, 0, 0, 8, 8])), Some(8));
        // Eight of the next size take the small ones before them along.
        assert_eq!(mergeable(&tables(&[0, 8, 8, 8, 8, 8, 8, 8, 8, 64])), Some(9));
    }

    #[test]
    fn the_number_of_tables_grows_with_the_logarithm_of_the_stretches() {
        let mut sizes: Vec<u64> = Vec::new();
        let mut most = 0;
        for _ in 0..5000 {
            sizes.insert(0, 1);
            while let Some(count) = mergeable(&tables(&sizes)) {
                let sum = sizes.drain(..count).sum();
                sizes.insert(0, sum);
            }
            most = most.max(sizes.len());
        }
        assert_eq!(sizes.iter().sum::<u64>(), 5000);
        assert!(most <= 8 * 5, "{most} tables");
    }
}
