//! One drive: how long it takes, what it still holds, and what a crash leaves of it.

use super::entries::{Copies, DirectoryNode};
use super::faults::{Failure, FaultState, Operation};
use super::file::FileNode;
use super::{EIO, ENOSPC, error};
use crate::checksum::Crc64;
use crate::entropy::Entropy;
use crate::limits::SIMULATED_DRIVE_BYTES;
use crate::sim::executor::{Boot, Executor};
use crate::sim::fault::Fault;
use crate::sim::seed::{Concern, Happened};
use crate::sync::oneshot;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::rc::Rc;

/// The drives of one node, by name. They outlive its crashes.
pub(crate) struct FileSystem {
    executor: Rc<Executor>,
    volumes: RefCell<BTreeMap<String, Rc<Volume>>>,
}

impl FileSystem {
    pub fn new(executor: &Rc<Executor>) -> Rc<Self> {
        Rc::new(Self { executor: Rc::clone(executor), volumes: RefCell::default() })
    }

    pub fn volume(&self, name: &str) -> Option<Rc<Volume>> {
        self.volumes.borrow().get(name).cloned()
    }

    pub fn volume_or_new(&self, name: &str) -> Rc<Volume> {
        let mut volumes = self.volumes.borrow_mut();
        let new = || Rc::new(Volume::new(&self.executor));
        Rc::clone(volumes.entry(name.to_owned()).or_insert_with(new))
    }

    /// The power fails: of what was not synced, some is there afterwards.
    pub fn crash(&self) {
        self.volumes.borrow().values().for_each(|volume| volume.crash());
    }

    /// See [`Image`].
    pub fn image(&self) -> Image {
        let volumes = self.volumes.borrow();
        let copy = |(name, volume): (&String, &Rc<Volume>)| {
            let root = volume.root.copy(&mut Copies::default());
            (name.clone(), root, volume.capacity())
        };
        Image(volumes.iter().map(copy).collect())
    }

    /// Has the drives of `image`, as a power cut leaves them.
    pub fn load(&self, image: &Image) {
        let mut volumes = self.volumes.borrow_mut();
        volumes.clear();
        for (name, root, capacity) in &image.0 {
            let root = root.copy(&mut Copies::default());
            let volume = Rc::new(Volume { root, ..Volume::new(&self.executor) });
            volume.set_capacity(*capacity);
            volume.crash();
            volumes.insert(name.clone(), volume);
        }
    }
}

/// What the drives of a node hold at one moment, synced, not synced, and on its way: a test can cut
/// the power there as often as it likes (see `Node::load`).
pub struct Image(Vec<(String, Rc<DirectoryNode>, ByteCount)>);

/// What is left on a drive of what was not synced.
#[derive(Clone, Copy)]
pub(super) enum Survives {
    Nothing,
    Everything,
    /// As luck has it, each change by itself.
    Some,
}

impl Survives {
    /// A number below `end`: the lower, the more is lost.
    pub fn draw(self, entropy: &Entropy, end: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Everything => end - 1,
            Self::Some => entropy.below(end),
        }
    }
}

/// One drive.
pub(crate) struct Volume {
    executor: Rc<Executor>,
    pub root: Rc<DirectoryNode>,
    pub faults: FaultState,
    capacity: Cell<ByteCount>,
    used: Cell<ByteCount>,
}

impl Volume {
    fn new(executor: &Rc<Executor>) -> Self {
        Self {
            executor: Rc::clone(executor),
            root: DirectoryNode::new(),
            faults: FaultState::default(),
            capacity: Cell::new(SIMULATED_DRIVE_BYTES),
            used: Cell::default(),
        }
    }

    pub fn entropy(&self) -> &Entropy {
        self.executor.entropy(Concern::Disk)
    }

    /// Folds bytes that are written into the trace.
    pub fn note_written(&self, bytes: &[u8]) {
        self.executor.note(Happened::Disk, Crc64::of(bytes).get());
    }

    pub fn capacity(&self) -> ByteCount {
        self.capacity.get()
    }

    pub fn set_capacity(&self, capacity: ByteCount) {
        self.capacity.set(capacity);
    }

    pub fn free(&self) -> ByteCount {
        self.capacity.get().saturating_sub(self.used.get())
    }

    pub fn allocate(&self, bytes: ByteCount) -> io::Result<()> {
        if bytes > self.free() {
            return Err(error(ENOSPC));
        }
        self.used.set(self.used.get() + bytes);
        Ok(())
    }

    pub fn release(&self, bytes: ByteCount) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }

    /// Has the drive do `work` after a latency drawn from the seed. The work happens even if this
    /// future is dropped; when the node crashes before it, perhaps. It is told of a fault, if any.
    pub async fn submit<T: 'static>(
        self: &Rc<Self>,
        boot: &Rc<Boot>,
        operation: Operation,
        place: &Rc<str>,
        work: impl FnOnce(io::Result<()>) -> T + 'static,
    ) -> T {
        let (sender, result) = oneshot();
        let unanswered = self.faults.unanswered();
        let (volume, boot, place) = (Rc::clone(self), Rc::clone(boot), Rc::clone(place));
        self.faults.take(move || {
            let outcome = volume.outcome(operation, &place);
            volume.act(&boot, operation, &place, move || {
                // A dropped future wants no result.
                drop(sender.send(work(outcome)));
                drop(unanswered);
            });
        });
        match result.await {
            Ok(result) => result,
            // The node crashed: nobody is there to be told.
            Err(_) => pending().await,
        }
    }

    fn outcome(&self, operation: Operation, place: &str) -> io::Result<()> {
        let failure = self.faults.next(operation, |rate| self.executor.chance(rate));
        failure.map_or(Ok(()), |failure| {
            self.strike(failure.fault(operation), place);
            Err(error(match failure {
                Failure::Io => EIO,
                Failure::NoSpace => ENOSPC,
            }))
        })
    }

    fn act(
        &self,
        boot: &Rc<Boot>,
        operation: Operation,
        place: &str,
        work: impl FnOnce() + 'static,
    ) {
        let delay = self.faults.delay_nanos(operation);
        if delay > 0 {
            self.strike(Fault::SlowDisk, place);
        }
        let latency = operation.latency_nanos();
        let nanos = self.executor.between(Concern::Disk, latency.start, latency.end);
        let time = self.executor.now() + nanos + delay;
        let executor = Rc::clone(&self.executor);
        self.executor.act_in_device(time, boot, move || {
            executor.note(Happened::Disk, operation as u64);
            work();
        });
    }

    pub fn strike(&self, fault: Fault, place: &str) {
        self.executor.strike(fault, place);
    }

    /// Where a write to block `first` of a file lands if it is misdirected now: one bit of its address
    /// is wrong. (So it often hits the start of what another write has left.)
    pub fn misdirect(&self, first: u64, file_blocks: u64, place: &str) -> Option<u64> {
        if !self.executor.chance(self.faults.misdirected()) {
            return None;
        }
        let others = (0..u64::BITS).map(|bit| first ^ (1 << bit));
        let others: Vec<u64> = others.filter(|other| *other < file_blocks).collect();
        let last = others.len().checked_sub(1)?;
        self.strike(Fault::MisdirectedWrite, place);
        let drawn = self.executor.entropy(Concern::Faults).below(last as u64 + 1);
        others.get(usize::try_from(drawn).unwrap_or(last)).copied()
    }

    /// Flips a bit of what was read, if that is to happen now.
    pub fn corrupt(&self, read: &mut [u8], place: &str) {
        if !read.is_empty() && self.executor.chance(self.faults.corrupted()) {
            self.strike(Fault::Corruption, place);
            let bit = self.executor.entropy(Concern::Faults).below(read.len() as u64 * 8);
            let at = usize::try_from(bit / 8).expect("below a length");
            read[at] ^= 1 << (bit % 8);
        }
    }

    /// See [`DiskControl::rot`](super::DiskControl::rot).
    pub fn rot(&self, directory: Option<&str>) -> bool {
        let mut files: Vec<(Rc<FileNode>, String)> = Vec::new();
        self.root.collect_files("root", &mut files);
        files.retain(|(file, place)| {
            file.has_content() && directory.is_none_or(|directory| directory == place)
        });
        if files.is_empty() {
            return false;
        }
        let entropy = self.executor.entropy(Concern::Faults);
        let drawn = entropy.below(files.len() as u64);
        let (file, place) = &files[usize::try_from(drawn).expect("below a length")];
        file.rot(entropy);
        self.strike(Fault::Corruption, &format!("medium:{place}"));
        true
    }

    fn crash(&self) {
        let survives = match self.entropy().below(8) {
            0 => Survives::Nothing,
            1 => Survives::Everything,
            _ => Survives::Some,
        };
        self.used.set(self.root.crash(self, "root", survives));
    }
}
