//! What may go wrong with a drive, when a test says so.

use super::volume::Volume;
use crate::sync::Event;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

/// What is asked of a drive, as far as faults and latencies tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// Reading a file or directory.
    Read,
    /// Writing, making, renaming, removing, punching.
    Write,
    /// Syncing a file or directory, and replacing a small file.
    Sync,
}

impl Operation {
    /// How long it takes at least and at most, in nanoseconds.
    pub(super) const fn latency_nanos(self) -> Range<u64> {
        match self {
            Self::Read => 40_000..120_000,
            Self::Write => 25_000..75_000,
            Self::Sync => 100_000..400_000,
        }
    }
}

/// How an operation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// `EIO`. After a sync that fails so, what it covered may or may not be durable, and no later
    /// sync makes it so.
    Io,
    /// `ENOSPC`.
    NoSpace,
}

/// The faults of one drive.
#[derive(Default)]
pub(crate) struct FaultState {
    next: RefCell<BTreeMap<Operation, VecDeque<Failure>>>,
    dead: Cell<bool>,
    hung: Cell<bool>,
    released: Event,
}

impl FaultState {
    pub(super) fn next(&self, operation: Operation) -> Option<Failure> {
        if self.dead.get() {
            return Some(Failure::Io);
        }
        self.next.borrow_mut().get_mut(&operation)?.pop_front()
    }

    /// What to wait for before anything else, if the drive hangs.
    pub(super) fn hang(&self) -> Option<impl Future<Output = ()> + use<>> {
        self.hung.get().then(|| self.released.listen())
    }
}

/// A test's hand on one drive of a node. Cheap to clone.
#[derive(Clone)]
pub struct DiskControl(pub(crate) Rc<Volume>);

impl DiskControl {
    /// Fails the next `operation` (after those told before).
    pub fn fail_next(&self, operation: Operation, failure: Failure) {
        self.0.faults.next.borrow_mut().entry(operation).or_default().push_back(failure);
    }

    /// Fails everything with `EIO` from now on, or no longer.
    pub fn set_dead(&self, dead: bool) {
        self.0.faults.dead.set(dead);
    }

    /// Answers nothing from now on; or answers again, what it was asked meanwhile included.
    pub fn set_hung(&self, hung: bool) {
        self.0.faults.hung.set(hung);
        if !hung {
            self.0.faults.released.notify();
        }
    }

    /// Has room for this much.
    pub fn set_capacity(&self, capacity: ByteCount) {
        self.0.set_capacity(capacity);
    }

    /// Removes everything at once, as with `rm -rf` behind the node's back: open files and
    /// directories work on, linked from nowhere.
    pub fn wipe(&self) {
        self.0.root.wipe();
        let used = self.0.capacity().saturating_sub(self.0.free());
        self.0.release(used);
    }

    /// Flips all bits of one byte of a file, on the medium.
    ///
    /// # Panics
    /// If there is no such file below the drive's root, or it ends before `offset`.
    pub fn corrupt(&self, path: impl AsRef<Path>, offset: u64) {
        let path = path.as_ref();
        let file = self.0.root.find_file(path).expect("the file to corrupt exists");
        file.corrupt(offset);
    }
}
