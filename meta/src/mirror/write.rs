//! Writing to the mirrors, on core 0: the log to all of them in parallel, the state to the first one
//! in place and to the others in order behind it. A mirror that fails, or is told to have failed, is
//! left out for good.

use super::current::Current;
use super::seed::{self, Place, Seeded};
use super::{MirrorSet, RecordMirrors};
use crate::shared::Shared;
use crate::state::{Batch, Database, Storage};
use futures_util::future::join_all;
use hamster_core::ids::DriveOrdinal;
use hamster_core::plant::{Plant, planted};
use hamster_core::sync::{self, OneshotSender, Receiver, Semaphore, Sender};
use hamster_core::worker::Worker;
use hamster_core::{Core, Queue, limits};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// The mirrors of this node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mirrors(pub(super) Rc<Inner>);

pub(super) struct Inner {
    pub(super) core: Core,
    pub(super) storage: Storage,
    pub(super) shared: Arc<Shared>,
    record: RecordMirrors,
    /// Those in use. The first one is read from.
    pub(super) live: RefCell<Vec<Rc<Mirror>>>,
    set: RefCell<MirrorSet>,
    /// Whether changes of the set are recorded: not before the node has judged that it may start.
    recording: Cell<bool>,
    /// The last failure of a mirror: the reason to tell where none is left.
    failure: RefCell<Option<String>>,
    /// How many states were put to use since the start.
    states: Cell<u64>,
    /// Held while a mirror is made of another one, and while a snapshot is received and installed.
    pub(super) copying: Semaphore,
    /// Held while a batch goes to the logs.
    pub(super) log_write: Semaphore,
    /// Held while the set changes, until the change is recorded.
    pub(super) changing: Semaphore,
    /// Held while a batch goes to the states.
    pub(super) state_write: Semaphore,
    pub(super) seeding: Cell<bool>,
}

pub(super) struct Mirror {
    pub(super) place: Place,
    /// Of its state: no other one has had it since the start.
    pub(super) number: u64,
    pub(super) log: Database,
    pub(super) state: Database,
    pub(super) current: Current,
    pub(super) log_worker: Worker,
    state_worker: Worker,
    follower: Sender<Follow>,
}

/// What is asked of the task that writes a mirror's state behind the first one's. The answer says
/// whether all earlier writes have succeeded.
enum Follow {
    Write(Arc<Batch>),
    Settle(OneshotSender<bool>),
    Flush(OneshotSender<bool>),
}

impl Mirrors {
    /// None yet; the superblocks record `set`.
    pub(crate) fn new(
        core: &Core,
        storage: Storage,
        shared: Arc<Shared>,
        record: RecordMirrors,
        set: MirrorSet,
    ) -> Self {
        Self(Rc::new(Inner {
            core: core.clone(),
            storage,
            shared,
            record,
            live: RefCell::default(),
            set: RefCell::new(set),
            recording: Cell::new(false),
            failure: RefCell::default(),
            states: Cell::new(0),
            copying: Semaphore::new(1),
            log_write: Semaphore::new(1),
            changing: Semaphore::new(1),
            state_write: Semaphore::new(1),
            seeding: Cell::new(false),
        }))
    }

    /// Uses `seeded` from now on. The set is not recorded by this.
    pub(crate) fn start(&self, seeded: Seeded) {
        let (log_worker, state_worker) =
            (self.0.core.worker("meta-log"), self.0.core.worker("meta-state"));
        let mirror = self.enlist(seeded, log_worker, state_worker);
        if self.0.live.borrow().is_empty() {
            self.0.shared.read_from(mirror.number, &mirror.state);
        }
        self.0.live.borrow_mut().push(mirror);
    }

    /// The mirror in the place of a live one, with another state.
    pub(super) fn renew(&self, former: &Mirror, seeded: Seeded) -> Rc<Mirror> {
        self.enlist(seeded, former.log_worker.clone(), former.state_worker.clone())
    }

    /// A mirror whose state is written from now on.
    fn enlist(&self, seeded: Seeded, log_worker: Worker, state_worker: Worker) -> Rc<Mirror> {
        let (follower, follows) = sync::channel(limits::MIRROR_BATCHES_BEHIND_MAX);
        let mirror = Rc::new(Mirror {
            place: seeded.place,
            number: self.0.states.replace(self.0.states.get() + 1),
            log: seeded.log,
            state: seeded.state,
            current: seeded.current,
            log_worker,
            state_worker,
            follower,
        });
        let (state, worker) = (mirror.state.clone(), mirror.state_worker.clone());
        let (drive, number) = (mirror.place.drive, mirror.number);
        let following = follow(self.clone(), drive, number, state, worker, follows);
        self.0.core.spawn(Queue::Latency, following);
        mirror
    }

    /// The log to read from.
    pub(crate) fn log(&self) -> io::Result<Database> {
        Ok(self.first()?.log.clone())
    }

    /// The state to read from.
    pub(crate) fn state(&self) -> io::Result<Database> {
        Ok(self.first()?.state.clone())
    }

    /// The drive that is read from.
    pub(crate) fn first_drive(&self) -> io::Result<DriveOrdinal> {
        Ok(self.first()?.place.drive)
    }

    pub(super) fn first(&self) -> io::Result<Rc<Mirror>> {
        let first = self.0.live.borrow().first().cloned();
        first.ok_or_else(|| match &*self.0.failure.borrow() {
            Some(failure) => io::Error::other(format!("no metadata mirror is left: {failure}")),
            None => io::Error::other("no metadata mirror is left"),
        })
    }

    /// Notes that the log or state on `drive` failed; the caller leaves the mirror out.
    pub(super) fn note_failure(&self, what: &str, drive: DriveOrdinal, error: &io::Error) {
        let failure = format!("the metadata {what} on {drive} failed: {error}");
        tracing::error!("{failure}");
        self.0.failure.replace(Some(failure));
    }

    /// Writes to all logs and waits until that is durable on all that stay in use, and the set of
    /// those is recorded.
    pub(crate) async fn write_log(&self, batch: Batch) -> io::Result<()> {
        let batch = Arc::new(batch);
        let _alone = self.0.log_write.acquire(1).await;
        let live = self.0.live.borrow().clone();
        let writes = live.iter().map(|mirror| {
            let (log, batch) = (mirror.log.clone(), Arc::clone(&batch));
            mirror.log_worker.run(move || log.write(&batch, !planted(Plant::SkipsLogSync)))
        });
        let results = join_all(writes).await;
        for (mirror, result) in live.iter().zip(results) {
            if let Err(error) = result {
                self.note_failure("log", mirror.place.drive, &error);
                self.leave_out(mirror.place.drive).await?;
            }
        }
        // Why: the set may be changing for another reason, and an acknowledgement must not be faster
        // than its record.
        let _unchanged = self.0.changing.acquire(1).await;
        self.first().map(|_| ())
    }

    /// Writes to the state that is read from, and has the others follow.
    pub(crate) async fn write_state(&self, batch: Batch) -> io::Result<()> {
        let batch = Arc::new(batch);
        while let Err((drive, error)) = self.try_write_state(&batch).await? {
            self.note_failure("state", drive, &error);
            self.leave_out(drive).await?;
        }
        Ok(())
    }

    async fn try_write_state(
        &self,
        batch: &Arc<Batch>,
    ) -> io::Result<Result<(), (DriveOrdinal, io::Error)>> {
        let _permit = self.0.state_write.acquire(1).await;
        let live = self.0.live.borrow().clone();
        let first = self.first()?;
        let written = match first.state.try_write(batch) {
            Ok(false) => {
                let (state, batch) = (first.state.clone(), Arc::clone(batch));
                first.state_worker.run(move || state.write(&batch, false)).await
            }
            result => result.map(|_| ()),
        };
        if let Err(error) = written {
            return Ok(Err((first.place.drive, error)));
        }
        for mirror in live.iter().skip(1) {
            // A follower ends with its mirror only; then the batch is of no use to it.
            let _ended = mirror.follower.send(Follow::Write(Arc::clone(batch))).await;
        }
        Ok(Ok(()))
    }

    /// Makes everything that was written to the states durable.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        let live = self.0.live.borrow().clone();
        let flushes = live.iter().map(|mirror| async {
            let (answer, answered) = sync::oneshot();
            let sent = mirror.follower.send(Follow::Flush(answer)).await;
            sent.is_ok() && answered.await.unwrap_or(false)
        });
        let results = join_all(flushes).await;
        for (mirror, flushed) in live.iter().zip(results) {
            if !flushed {
                self.leave_out_if(|other| other.number == mirror.number).await?;
            }
        }
        self.first().map(|_| ())
    }

    /// The mirror on `drive`, if there is one in use, is not used any more; the set without it is
    /// recorded when this is done. An error: no mirror is left, or the set cannot be recorded.
    pub(crate) async fn leave_out(&self, drive: DriveOrdinal) -> io::Result<()> {
        self.leave_out_if(|mirror| mirror.place.drive == drive).await
    }

    /// As [`Mirrors::leave_out`], for the mirror that is told. Why not always by its drive: a state
    /// that failed may have been replaced meanwhile.
    async fn leave_out_if(&self, is_meant: impl Fn(&Mirror) -> bool) -> io::Result<()> {
        let _permit = self.0.changing.acquire(1).await;
        let meant = self.0.live.borrow().iter().find(|mirror| is_meant(mirror)).cloned();
        let Some(meant) = meant else {
            return self.first().map(|_| ());
        };
        tracing::warn!("the metadata mirror on {} is left out", meant.place.drive);
        // No batch is on its way to the states while the first one changes.
        let _still = self.0.state_write.acquire(1).await;
        self.0.live.borrow_mut().retain(|mirror| !Rc::ptr_eq(mirror, &meant));
        self.advance().await
    }

    /// Raises the epoch of the set and records it, as each change from here on: when the node takes
    /// over, and at the end of a founding.
    ///
    /// # Errors
    /// No mirror is left, or the set cannot be recorded: the metadata has stopped.
    pub(crate) async fn record_set(&self) -> io::Result<()> {
        let _permit = self.0.changing.acquire(1).await;
        let _still = self.0.state_write.acquire(1).await;
        self.0.recording.set(true);
        self.advance().await
    }

    /// Makes the mirrors in use the set of the next epoch: marks them, then has it recorded. Before
    /// the first [`Mirrors::record_set`] it only chooses whom to read from. The caller holds
    /// `changing` and `state_write`.
    pub(super) async fn advance(&self) -> io::Result<()> {
        let epoch = self.0.set.borrow().epoch + 1;
        // Invariant: all marks before any superblock (see the module above).
        loop {
            let first = self.settle_first().await.inspect_err(|error| {
                self.0.shared.stop(&error.to_string());
            })?;
            self.0.shared.read_from(first.number, &first.state);
            if !self.0.recording.get() {
                return Ok(());
            }
            if self.mark(epoch).await {
                break;
            }
        }
        let drives = self.0.live.borrow().iter().map(|mirror| mirror.place.drive).collect();
        let set = MirrorSet { epoch, drives };
        self.0.set.replace(set.clone());
        let recorded = (self.0.record)(set).await;
        recorded.inspect_err(|error| {
            self.0.live.borrow_mut().clear();
            self.0.shared.stop(&format!("the metadata mirrors cannot be recorded: {error}"));
        })
    }

    /// Marks the mirrors in use; those that refuse are not used any more. Whether none did.
    async fn mark(&self, epoch: u64) -> bool {
        let live = self.0.live.borrow().clone();
        let marks = live.iter().map(|mirror| {
            let log = mirror.log.clone();
            mirror.log_worker.run(move || seed::mark(&log, epoch))
        });
        let marked = join_all(marks).await;
        for (mirror, marked) in live.iter().zip(&marked) {
            if let Err(error) = marked {
                self.note_failure("log", mirror.place.drive, error);
                self.0.live.borrow_mut().retain(|other| !Rc::ptr_eq(other, mirror));
            }
        }
        marked.iter().all(Result::is_ok)
    }

    /// The first mirror whose state has everything that was sent to it.
    async fn settle_first(&self) -> io::Result<Rc<Mirror>> {
        loop {
            let first = self.first()?;
            let (answer, answered) = sync::oneshot();
            let sent = first.follower.send(Follow::Settle(answer)).await;
            if sent.is_ok() && answered.await.unwrap_or(false) {
                return Ok(first);
            }
            self.0.live.borrow_mut().retain(|mirror| !Rc::ptr_eq(mirror, &first));
        }
    }

    /// The drives in use and the epoch of their set.
    pub(crate) fn set(&self) -> MirrorSet {
        self.0.set.borrow().clone()
    }

    /// Lets all mirrors go; the databases close with their last reader.
    pub(crate) fn close(&self) {
        let live = std::mem::take(&mut *self.0.live.borrow_mut());
        live.iter().for_each(|mirror| mirror.state.hurry());
    }
}

/// Writes one mirror's state behind the first one's, in order.
async fn follow(
    mirrors: Mirrors,
    drive: DriveOrdinal,
    number: u64,
    state: Database,
    worker: Worker,
    mut follows: Receiver<Follow>,
) {
    let mut sound = true;
    while let Some(follow) = follows.receive().await {
        let state = state.clone();
        let (result, answer) = match follow {
            Follow::Write(batch) if sound => {
                (worker.run(move || state.write(&batch, false)).await, None)
            }
            Follow::Flush(answer) if sound => {
                (worker.run(move || state.flush()).await, Some(answer))
            }
            Follow::Write(_) => (Ok(()), None),
            Follow::Settle(answer) | Follow::Flush(answer) => (Ok(()), Some(answer)),
        };
        if let Err(error) = result {
            mirrors.note_failure("state", drive, &error);
            sound = false;
            let mirrors = mirrors.clone();
            let core = mirrors.0.core.clone();
            // Why a task of its own: leaving out waits for followers.
            let meant = move |mirror: &Mirror| mirror.number == number;
            core.spawn(Queue::Latency, async move { mirrors.leave_out_if(meant).await });
        }
        if let Some(answer) = answer {
            // Nobody waits any more: then nobody needs to know.
            let _gone = answer.send(sound);
        }
    }
    // Why there: the last one to let a database go closes it, which blocks.
    worker.run(move || drop(state)).await;
}
