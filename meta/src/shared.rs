//! What core 0 publishes to the readers on all cores: where to read, how far the state is applied,
//! whether this node leads, the layout, and whether users changed. Atomics; the locks are taken where
//! something changed.

use crate::placement::Layout;
use crate::recall::Stamps;
use crate::state::Database;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const NO_NUMBER: u64 = u64::MAX;

/// See the module.
pub(crate) struct Shared {
    state: Mutex<Option<Reading>>,
    /// The number of that one; [`NO_NUMBER`] before there is one.
    reading: AtomicU64,
    /// The number of a state that a read has failed on; [`NO_NUMBER`] otherwise.
    doubted: AtomicU64,
    applied: AtomicU64,
    leading: AtomicBool,
    layout_changes: AtomicU64,
    layout: Mutex<Option<Arc<Layout>>>,
    users_revision: AtomicU64,
    stopped: Mutex<Option<String>>,
    stamps: Stamps,
}

/// A state to read from. A clone may be what keeps a database open, so that its end blocks.
#[derive(Clone)]
pub(crate) struct Reading {
    /// No other state of this process has it.
    pub number: u64,
    pub database: Database,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Why not an error: nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Without a state yet.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            reading: AtomicU64::new(NO_NUMBER),
            doubted: AtomicU64::new(NO_NUMBER),
            applied: AtomicU64::new(0),
            leading: AtomicBool::new(false),
            layout_changes: AtomicU64::new(0),
            layout: Mutex::default(),
            users_revision: AtomicU64::new(0),
            stopped: Mutex::default(),
            stamps: Stamps::new(),
        }
    }

    /// The state to read from.
    pub(crate) fn state(&self) -> Reading {
        lock(&self.state).clone().expect("the mirrors are added before anyone reads")
    }

    /// The number of the state to read from: what was read from another one while this changed may
    /// be outdated.
    pub(crate) fn reading(&self) -> u64 {
        self.reading.load(Ordering::Acquire)
    }

    /// Readers use this state from here on.
    pub(crate) fn read_from(&self, number: u64, database: &Database) {
        *lock(&self.state) = Some(Reading { number, database: database.clone() });
        self.reading.store(number, Ordering::Release);
    }

    /// A read of this state failed: core 0 will look for another mirror to read from.
    pub(crate) fn doubt_state(&self, number: u64) {
        self.doubted.store(number, Ordering::Release);
    }

    /// The number of the state that was doubted since the last call, if any.
    pub(crate) fn take_doubted(&self) -> Option<u64> {
        let number = self.doubted.swap(NO_NUMBER, Ordering::AcqRel);
        (number != NO_NUMBER).then_some(number)
    }

    /// The stamps of the state's rows.
    pub(crate) fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// Log index that the state has applied.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// The state has applied the entry at `index`.
    pub(crate) fn set_applied(&self, index: u64) {
        self.applied.store(index, Ordering::Release);
    }

    /// This node leads and has applied all that was committed before it did.
    pub(crate) fn leads(&self) -> bool {
        self.leading.load(Ordering::Acquire)
    }

    /// See [`Shared::leads`].
    pub(crate) fn set_leads(&self, leads: bool) {
        self.leading.store(leads, Ordering::Release);
    }

    /// Grows with each change of the layout.
    pub(crate) fn layout_changes(&self) -> u64 {
        self.layout_changes.load(Ordering::Acquire)
    }

    /// The layout.
    pub(crate) fn layout(&self) -> Option<Arc<Layout>> {
        lock(&self.layout).clone()
    }

    /// The layout is this from here on.
    pub(crate) fn set_layout(&self, layout: Layout) {
        *lock(&self.layout) = Some(Arc::new(layout));
        self.layout_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Grows with each change of users or access keys: behind its write, before its answer.
    pub(crate) fn users_revision(&self) -> u64 {
        self.users_revision.load(Ordering::Acquire)
    }

    /// Users or access keys have changed.
    pub(crate) fn users_changed(&self) {
        self.users_revision.fetch_add(1, Ordering::AcqRel);
    }

    /// The metadata has stopped for good. The first reason stays.
    pub(crate) fn stop(&self, why: &str) {
        self.set_leads(false);
        lock(&self.stopped).get_or_insert_with(|| why.into());
    }

    /// Why the metadata has stopped, if it has.
    pub(crate) fn stopped(&self) -> Option<String> {
        lock(&self.stopped).clone()
    }
}
