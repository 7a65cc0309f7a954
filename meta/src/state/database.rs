//! The enum over the two kinds of database.

use super::batch::Batch;
use super::twin;
use super::view::{ReadError, View, Visitor};
use crate::key::KeyRange;
use crate::rocks;
use std::io;

/// How far a read may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// Memory only: safe on a core's executor; [`ReadError::WouldBlock`] where that is not enough.
    Memory,
    /// The drive as well: on threads for blocking work.
    Drive,
}

/// An open database. Cheap to clone, may cross threads.
#[derive(Clone)]
pub(crate) enum Database {
    Rocks(rocks::Database),
    Twin(twin::Database),
}

impl Database {
    /// One moment of it.
    pub(crate) fn snapshot(&self, reach: Reach) -> Snapshot<'_> {
        match self {
            Self::Rocks(database) => Snapshot::Rocks(database.snapshot(reach)),
            Self::Twin(database) => Snapshot::Twin(database.snapshot()),
        }
    }

    /// What is there now; two reads may see two moments. Cheaper than a snapshot.
    pub(crate) fn now(&self, reach: Reach) -> Snapshot<'_> {
        match self {
            Self::Rocks(database) => Snapshot::RocksNow(database.now(reach)),
            Self::Twin(database) => Snapshot::Twin(database.snapshot()),
        }
    }

    /// One moment of it, that keeps it open.
    pub(crate) fn moment(&self) -> Moment {
        match self {
            Self::Rocks(database) => Moment::Rocks(Box::new(database.moment())),
            Self::Twin(database) => Moment::Twin(database.snapshot()),
        }
    }

    /// Nobody asks it any more, but for reads that have begun: its files may be removed when this
    /// is done. Blocks.
    pub(crate) fn retire(&self) {
        match self {
            Self::Rocks(database) => database.retire(),
            Self::Twin(_) => {}
        }
    }

    /// It is about to be closed: what it does by itself ends soon. Does not block.
    pub(crate) fn hurry(&self) {
        match self {
            Self::Rocks(database) => database.hurry(),
            Self::Twin(_) => {}
        }
    }

    /// Whether a scan met so many deleted rows that [`Database::end_tombstones`] is due.
    pub(crate) fn has_tombstones(&self) -> bool {
        match self {
            Self::Rocks(database) => database.has_tombstones(),
            Self::Twin(_) => false,
        }
    }

    /// Rids scans of the deleted rows that one met. Blocks.
    pub(crate) fn end_tombstones(&self) {
        match self {
            Self::Rocks(database) => database.end_tombstones(),
            Self::Twin(_) => {}
        }
    }

    /// Applies a batch in memory, at once or not at all. `Ok(false)`: it would have to wait, and was
    /// not applied. Safe on a core's executor.
    pub(crate) fn try_write(&self, batch: &Batch) -> io::Result<bool> {
        match self {
            Self::Rocks(database) => database.try_write(batch),
            Self::Twin(database) => database.write(batch, false).map(|()| true),
        }
    }

    /// Applies a batch, durably if `synced`. Blocks.
    pub(crate) fn write(&self, batch: &Batch, synced: bool) -> io::Result<()> {
        match self {
            Self::Rocks(database) => database.write(batch, synced),
            Self::Twin(database) => database.write(batch, synced),
        }
    }

    /// Makes everything applied so far durable. Blocks.
    pub(crate) fn flush(&self) -> io::Result<()> {
        match self {
            Self::Rocks(database) => database.flush(),
            Self::Twin(database) => database.flush(),
        }
    }
}

/// One moment of a database.
pub(crate) enum Snapshot<'a> {
    Rocks(rocks::Snapshot<'a>),
    RocksNow(rocks::Now<'a>),
    Twin(twin::Snapshot),
}

impl View for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self {
            Self::Rocks(snapshot) => snapshot.get(key),
            Self::RocksNow(now) => now.get(key),
            Self::Twin(snapshot) => snapshot.get(key),
        }
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        match self {
            Self::Rocks(snapshot) => snapshot.scan(range, visit),
            Self::RocksNow(now) => now.scan(range, visit),
            Self::Twin(snapshot) => snapshot.scan(range, visit),
        }
    }
}

/// One moment of a database, which it keeps open. Its calls block, and so may its end.
pub(crate) enum Moment {
    Rocks(Box<rocks::Moment>),
    Twin(twin::Snapshot),
}

impl View for Moment {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self {
            Self::Rocks(moment) => moment.get(key),
            Self::Twin(snapshot) => snapshot.get(key),
        }
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        match self {
            Self::Rocks(moment) => moment.scan(range, visit),
            Self::Twin(snapshot) => snapshot.scan(range, visit),
        }
    }
}
