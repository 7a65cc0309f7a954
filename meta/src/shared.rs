//! What core 0 publishes to the readers on all cores: where to read, how far the state is applied,
//! whether this node leads, and the layout. Atomics; the locks are taken where something changed.

use crate::placement::Layout;
use crate::recall::Stamps;
use crate::state::Database;
use hamster_core::limits::DRIVES_PER_NODE_MAX;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

const NO_SLOT: usize = usize::MAX;

/// See the module.
pub(crate) struct Shared {
    /// Those of all mirrors since the start, in slots: each drive takes a mirror once at most.
    states: [OnceLock<Database>; DRIVES_PER_NODE_MAX],
    first: AtomicUsize,
    /// The slot of a state that a read has failed on; [`NO_SLOT`] otherwise.
    doubted: AtomicUsize,
    applied: AtomicU64,
    leading: AtomicBool,
    layout_changes: AtomicU64,
    layout: Mutex<Option<Arc<Layout>>>,
    stopped: Mutex<Option<String>>,
    stamps: Stamps,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Why not an error: nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Without a state yet.
    pub(crate) fn new() -> Self {
        Self {
            states: [const { OnceLock::new() }; DRIVES_PER_NODE_MAX],
            first: AtomicUsize::new(0),
            doubted: AtomicUsize::new(NO_SLOT),
            applied: AtomicU64::new(0),
            leading: AtomicBool::new(false),
            layout_changes: AtomicU64::new(0),
            layout: Mutex::default(),
            stopped: Mutex::default(),
            stamps: Stamps::new(),
        }
    }

    /// Adds a mirror's state; its slot. `None`: all slots are taken. On core 0 only.
    pub(crate) fn add_state(&self, state: &Database) -> Option<usize> {
        self.states.iter().position(|slot| slot.set(state.clone()).is_ok())
    }

    /// The state to read from.
    pub(crate) fn state(&self) -> &Database {
        let first = self.states[self.first.load(Ordering::Acquire)].get();
        first.expect("the mirrors are added before anyone reads")
    }

    /// A read of the state failed: core 0 will look for another mirror to read from.
    pub(crate) fn doubt_state(&self) {
        self.doubted.store(self.first.load(Ordering::Acquire), Ordering::Release);
    }

    /// The slot that was doubted since the last call, if any.
    pub(crate) fn take_doubted(&self) -> Option<usize> {
        let slot = self.doubted.swap(NO_SLOT, Ordering::AcqRel);
        (slot != NO_SLOT).then_some(slot)
    }

    /// Readers use the state in this slot from here on.
    pub(crate) fn read_from(&self, slot: usize) {
        self.first.store(slot, Ordering::Release);
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
