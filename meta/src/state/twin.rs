//! The in-memory twin of the RocksDB databases, for the simulator and for tests. A property test
//! holds the two to the same behaviour. A crash forgets what was neither synced nor flushed.

use super::batch::{Batch, Write};
use super::view::{ReadError, View, Visit, Visitor};
use crate::key::KeyRange;
use crate::log::entry_keys_from;
use hamster_core::Entropy;
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The databases of all simulated directories, by path. They outlive the nodes that open them.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct TwinWorld(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    databases: BTreeMap<PathBuf, Database>,
    /// What is beside them. Durable at once.
    files: BTreeMap<PathBuf, Vec<u8>>,
    failing: Vec<PathBuf>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Why not an error: nothing panics while it holds the lock, and the simulator has one thread.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TwinWorld {
    /// The node that uses the directories below `path` crashes: what was not durable is gone, and
    /// the handles it has open fail from here on.
    pub fn crash(&self, path: &Path) {
        for (_, database) in
            lock(&self.0).databases.iter_mut().filter(|(at, _)| at.starts_with(path))
        {
            let durable = lock(&database.0).durable.clone();
            lock(&database.0).failed = true;
            *database = Database::of(durable);
        }
    }

    /// As [`TwinWorld::crash`], but some of what was not durable is there, the oldest first, each
    /// batch as a whole: as luck has it that files were written, and memory flushed.
    pub fn crash_some(&self, path: &Path, entropy: &Entropy) {
        for (_, database) in lock(&self.0).databases.iter().filter(|(at, _)| at.starts_with(path)) {
            let contents = &mut *lock(&database.0);
            let count = contents.undurable.len() as u64;
            let kept = usize::try_from(entropy.below(count + 1)).unwrap_or(0);
            contents.undurable.truncate(kept);
            if !contents.failed {
                contents.make_durable();
            }
        }
        self.crash(path);
    }

    /// What is below `path` is gone, and the handles that are open fail: an emptied drive.
    pub fn wipe(&self, path: &Path) {
        let mut world = lock(&self.0);
        world.databases.retain(|at, database| {
            let gone = at.starts_with(path);
            lock(&database.0).failed |= gone;
            !gone
        });
        world.files.retain(|at, _| !at.starts_with(path));
    }

    /// A bit of the last entry of each log below `path` flips, on the medium. No process has it open.
    pub fn rot_logs(&self, path: &Path, entropy: &Entropy) {
        let mut world = lock(&self.0);
        let is_log = |at: &PathBuf| at.starts_with(path) && at.ends_with("log");
        for (_, database) in world.databases.iter_mut().filter(|(at, _)| is_log(at)) {
            let mut rows = lock(&database.0).durable.clone();
            let entries = entry_keys_from(0);
            if let Some((_, entry)) = rows.range_mut(entries.from..entries.to).next_back() {
                let bit = usize::try_from(entropy.below(entry.len() as u64 * 8)).unwrap_or(0);
                entry[bit / 8] ^= 1 << (bit % 8);
            }
            *database = Database::of(rows);
        }
    }

    /// From here on every write and flush below `path` fails.
    pub fn fail(&self, path: &Path) {
        let mut world = lock(&self.0);
        world.failing.push(path.into());
        for (_, database) in world.databases.iter().filter(|(at, _)| at.starts_with(path)) {
            lock(&database.0).failed = true;
        }
    }

    /// The database at `path`, made if it is not there.
    pub(crate) fn open(&self, path: &Path) -> io::Result<Database> {
        let mut world = self.working(path)?;
        let database =
            world.databases.entry(path.into()).or_insert_with(|| Database::of(Rows::new()));
        Ok(database.clone())
    }

    /// Whether there is a database at `path`.
    pub(crate) fn exists(&self, path: &Path) -> bool {
        lock(&self.0).databases.contains_key(path)
    }

    /// The databases in the directory `path`.
    pub(crate) fn databases(&self, path: &Path) -> Vec<PathBuf> {
        let world = lock(&self.0);
        world.databases.keys().filter(|at| at.parent() == Some(path)).cloned().collect()
    }

    /// The bytes of the file at `path`.
    pub(crate) fn read_file(&self, path: &Path) -> Option<Vec<u8>> {
        lock(&self.0).files.get(path).cloned()
    }

    /// Writes a file.
    pub(crate) fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.working(path)?.files.insert(path.into(), bytes.into());
        Ok(())
    }

    /// Gives a file another name.
    pub(crate) fn rename_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.working(to)?;
        let bytes = world.files.remove(from);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        world.files.insert(to.into(), bytes);
        Ok(())
    }

    /// Removes a file.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.working(path)?.files.remove(path);
        Ok(())
    }

    /// The world, if what is at `path` does not fail.
    fn working(&self, path: &Path) -> io::Result<MutexGuard<'_, World>> {
        let world = lock(&self.0);
        match world.failing.iter().any(|failing| path.starts_with(failing)) {
            true => Err(io::Error::other("a simulated failure")),
            false => Ok(world),
        }
    }
}

/// One database.
#[derive(Clone)]
pub(crate) struct Database(Arc<Mutex<Contents>>);

struct Contents {
    /// What is seen. Shared with snapshots; copied by a write while there is one.
    rows: Arc<Rows>,
    durable: Rows,
    /// What a crash forgets.
    undurable: Vec<Batch>,
    failed: bool,
}

impl Contents {
    fn make_durable(&mut self) {
        for batch in std::mem::take(&mut self.undurable) {
            batch.0.iter().for_each(|write| change(&mut self.durable, write));
        }
    }
}

fn change(rows: &mut Rows, write: &Write) {
    match write {
        Write::Put(key, value) => {
            rows.insert(key.clone(), value.clone());
        }
        Write::Delete(key) => {
            rows.remove(key);
        }
        Write::DeleteRange(from, to) if from < to => {
            let mut behind = rows.split_off(from);
            rows.append(&mut behind.split_off(to));
        }
        Write::DeleteRange(..) => {}
    }
}

impl Database {
    fn of(durable: Rows) -> Self {
        let rows = Arc::new(durable.clone());
        let undurable = Vec::new();
        Self(Arc::new(Mutex::new(Contents { rows, durable, undurable, failed: false })))
    }

    fn open_contents(&self) -> io::Result<MutexGuard<'_, Contents>> {
        let contents = lock(&self.0);
        match contents.failed {
            true => Err(io::Error::other("a simulated failure")),
            false => Ok(contents),
        }
    }

    pub(super) fn write(&self, batch: &Batch, synced: bool) -> io::Result<()> {
        let mut contents = self.open_contents()?;
        let rows = Arc::make_mut(&mut contents.rows);
        batch.0.iter().for_each(|write| change(rows, write));
        contents.undurable.push(batch.clone());
        if synced {
            contents.make_durable();
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.open_contents()?.make_durable();
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let contents = lock(&self.0);
        Snapshot((!contents.failed).then(|| contents.rows.clone()))
    }
}

/// One moment of a database; nothing if it failed.
pub(crate) struct Snapshot(Option<Arc<Rows>>);

impl Snapshot {
    fn rows(&self) -> Result<&Rows, ReadError> {
        self.0.as_deref().ok_or_else(|| ReadError::Failed("a simulated failure".into()))
    }
}

impl View for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.rows()?.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        let rows = self.rows()?;
        let mut from = Bound::Included(range.from.clone());
        loop {
            let (Bound::Included(start) | Bound::Excluded(start)) = &from else { return Ok(()) };
            if *start >= range.to {
                return Ok(());
            }
            let bounds = (from.as_ref(), Bound::Excluded(&range.to));
            let Some((key, value)) = rows.range::<Vec<u8>, _>(bounds).next() else {
                return Ok(());
            };
            from = match visit(key, value)? {
                Visit::Next => Bound::Excluded(key.clone()),
                Visit::Seek(target) => Bound::Included(target),
                Visit::Stop => return Ok(()),
            };
        }
    }
}
