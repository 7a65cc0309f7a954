//! A moment of a database that owns what it needs: a snapshot is sent over many calls, between which
//! nothing may be borrowed.

use super::{Database, read_options};
use crate::key::KeyRange;
use crate::state::{Reach, ReadError, View, Visitor};
use rocksdb::ReadOptions;

/// One moment of a database, which it keeps open. To be dropped where one may block: it may be what
/// closes the database.
pub(crate) struct Moment {
    // Invariant: above `database`, into which it points; fields are dropped from top to bottom.
    snapshot: rocksdb::Snapshot<'static>,
    database: Database,
}

impl Database {
    /// One moment, from now on.
    pub(crate) fn moment(&self) -> Moment {
        let database = self.clone();
        let snapshot = database.database.snapshot();
        // SAFETY: what the snapshot borrows is the `DB` in the `Arc` of `database`: it does not
        // move, and it lives until `database` is dropped, which is after the snapshot. The snapshot
        // is never handed out with this lifetime.
        let snapshot = unsafe {
            std::mem::transmute::<rocksdb::Snapshot<'_>, rocksdb::Snapshot<'static>>(snapshot)
        };
        Moment { snapshot, database }
    }
}

impl Moment {
    fn options(&self) -> ReadOptions {
        let mut options = read_options(Reach::Drive);
        options.set_snapshot(&self.snapshot);
        options
    }
}

impl View for Moment {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.database.get(key, &self.options())
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        self.database.scan(Reach::Drive, range, self.options(), visit)
    }
}
