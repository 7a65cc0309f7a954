//! What may go wrong with a drive, when a test says so.

use super::volume::Volume;
use crate::sim::fault::Fault;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
    /// `None`: one that succeeds.
    next: RefCell<BTreeMap<Operation, VecDeque<Option<Failure>>>>,
    delays: RefCell<BTreeMap<Operation, Duration>>,
    dead: Cell<bool>,
    hung: Cell<bool>,
    /// What it was asked while it hung.
    held: RefCell<Vec<Request>>,
    unanswered: Rc<Cell<usize>>,
    asked: RefCell<BTreeMap<Operation, usize>>,
    rates: RefCell<BTreeMap<(Operation, Failure), u32>>,
    misdirected: Cell<u32>,
    corrupted: Cell<u32>,
}

type Request = Box<dyn FnOnce()>;

/// A request that the drive was asked and has not answered.
pub(super) struct Unanswered(Rc<Cell<usize>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Failure {
    /// The fault that this is in an operation.
    pub(super) const fn fault(self, operation: Operation) -> Fault {
        match (self, operation) {
            (Self::NoSpace, _) => Fault::NoSpace,
            (Self::Io, Operation::Read) => Fault::ReadError,
            (Self::Io, Operation::Write) => Fault::WriteError,
            (Self::Io, Operation::Sync) => Fault::SyncError,
        }
    }
}

impl FaultState {
    /// How the next `operation` fails; `chance` says whether what happens so often in a million
    /// happens now.
    pub(super) fn next(
        &self,
        operation: Operation,
        chance: impl Fn(u32) -> bool,
    ) -> Option<Failure> {
        *self.asked.borrow_mut().entry(operation).or_default() += 1;
        if self.dead.get() {
            return Some(Failure::Io);
        }
        let told = self.next.borrow_mut().get_mut(&operation).and_then(VecDeque::pop_front);
        if let Some(told) = told {
            return told;
        }
        let rates = self.rates.borrow();
        let mut failures = rates.iter().filter(|((of, _), _)| *of == operation);
        failures.find(|(_, rate)| chance(**rate)).map(|((_, failure), _)| *failure)
    }

    /// How many writes in a million land elsewhere.
    pub(super) fn misdirected(&self) -> u32 {
        self.misdirected.get()
    }

    /// How many reads in a million give wrong bytes.
    pub(super) fn corrupted(&self) -> u32 {
        self.corrupted.get()
    }

    /// Goes on with a request, now or when the drive hangs no longer.
    pub(super) fn take(&self, request: impl FnOnce() + 'static) {
        if self.hung.get() {
            self.held.borrow_mut().push(Box::new(request));
        } else {
            request();
        }
    }

    pub(super) fn unanswered(&self) -> Unanswered {
        self.unanswered.set(self.unanswered.get() + 1);
        Unanswered(Rc::clone(&self.unanswered))
    }

    /// How much longer than usual `operation` takes, in nanoseconds.
    pub(super) fn delay_nanos(&self, operation: Operation) -> u64 {
        let delay = self.delays.borrow().get(&operation).copied().unwrap_or_default();
        u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A test's hand on one drive of a node. Cheap to clone.
#[derive(Clone)]
pub struct DiskControl(pub(crate) Rc<Volume>);

impl DiskControl {
    /// Fails the next `operation` (after those told before).
    pub fn fail_next(&self, operation: Operation, failure: Failure) {
        self.fail_after(operation, 0, failure);
    }

    /// Fails an `operation` after so many that succeed (after those told before).
    pub fn fail_after(&self, operation: Operation, good: usize, failure: Failure) {
        let mut next = self.0.faults.next.borrow_mut();
        let outcomes = std::iter::repeat_n(None, good).chain([Some(failure)]);
        next.entry(operation).or_default().extend(outcomes);
    }

    /// Fails nothing of what it was told to fail from now on.
    pub fn fail_no_more(&self) {
        self.0.faults.next.borrow_mut().clear();
    }

    /// Fails so many of a million of each `operation` from now on.
    pub fn set_rate(&self, operation: Operation, failure: Failure, per_million: u32) {
        self.0.faults.rates.borrow_mut().insert((operation, failure), per_million);
    }

    /// Has so many of a million writes land in another place of their file from now on.
    pub fn set_misdirected(&self, per_million: u32) {
        self.0.faults.misdirected.set(per_million);
    }

    /// Has so many of a million reads give a wrong bit from now on; the medium stays as it is.
    pub fn set_corrupted(&self, per_million: u32) {
        self.0.faults.corrupted.set(per_million);
    }

    /// Flips a bit somewhere in what was written, on the medium. Whether there was anything.
    pub fn rot(&self) -> bool {
        self.0.rot(None)
    }

    /// As [`DiskControl::rot`], in a file of the directory of this name.
    pub fn rot_in(&self, directory: &str) -> bool {
        self.0.rot(Some(directory))
    }

    /// Takes so much longer than usual for each `operation` from now on.
    pub fn set_delay(&self, operation: Operation, delay: Duration) {
        self.0.faults.delays.borrow_mut().insert(operation, delay);
    }

    /// How many of `operation` it was asked so far.
    pub fn asked(&self, operation: Operation) -> usize {
        self.0.faults.asked.borrow().get(&operation).copied().unwrap_or(0)
    }

    /// What it was asked and has not answered.
    pub fn unanswered(&self) -> usize {
        self.0.faults.unanswered.get()
    }

    /// Fails everything with `EIO` from now on, or no longer.
    pub fn set_dead(&self, dead: bool) {
        self.0.faults.dead.set(dead);
    }

    /// Has no fault that it was told from now on; what it lost stays lost.
    pub fn heal(&self) {
        self.fail_no_more();
        self.set_dead(false);
        self.0.faults.rates.borrow_mut().clear();
        self.0.faults.delays.borrow_mut().clear();
        self.set_misdirected(0);
        self.set_corrupted(0);
        self.set_hung(false);
    }

    /// Answers nothing from now on; or answers again, what it was asked meanwhile included.
    pub fn set_hung(&self, hung: bool) {
        self.0.faults.hung.set(hung);
        if !hung {
            self.0.faults.held.take().into_iter().for_each(|request| request());
        }
    }

    /// Has room for this much.
    pub fn set_capacity(&self, capacity: ByteCount) {
        self.0.set_capacity(capacity);
    }

    /// Removes everything at once, as with `rm -rf` behind the node's back: open files and
    /// directories work on, linked from nowhere.
    pub fn wipe(&self) {
        self.0.strike(Fault::Wipe, "drive");
        self.0.root.wipe();
        let used = self.0.capacity().saturating_sub(self.0.free());
        self.0.release(used);
    }

    /// Flips all bits of one byte of a file, on the medium.
    ///
    /// # Panics
    /// If there is no such file below the drive's root, or it ends before `offset`.
    pub fn corrupt(&self, path: impl AsRef<Path>, offset: u64) {
        self.flip(path, offset, 0xff);
    }

    /// Flips `bits` of one byte of a file, on the medium.
    ///
    /// # Panics
    /// If there is no such file below the drive's root, or it ends before `offset`.
    pub fn flip(&self, path: impl AsRef<Path>, offset: u64, bits: u8) {
        let file = self.0.root.find_file(path.as_ref()).expect("the file to flip bits of exists");
        file.flip(offset, bits);
    }

    /// Cuts a file short, on the medium.
    ///
    /// # Panics
    /// If there is no such file below the drive's root.
    pub fn truncate(&self, path: impl AsRef<Path>, length: ByteCount) {
        let file = self.0.root.find_file(path.as_ref()).expect("the file to cut exists");
        file.truncate(length.get());
    }
}
