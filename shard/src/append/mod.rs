//! Group commit: runs go to the active segment of a drive in batches, each with one sync.
//!
//! One flusher per core, drive and class takes whatever waits, at once when it is idle; while it
//! writes and syncs, the next batch gathers. The first write or sync that fails poisons the drive:
//! everything that waits is refused, and nothing on that drive is ever synced again.
//!
//! A run is in the index before it is acknowledged, whether or not anyone still waits for it.

mod flusher;
mod spare;
mod supply;

pub(crate) use supply::{OpenStretch, Segment};

use crate::drive::local::LocalDrive;
use crate::lane::Lanes;
use crate::segment::Class;
use crate::segment::run::RunContent;
use bytes::Bytes;
use flusher::Flusher;
use hamster_core::checksum::Crc64;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::APPENDS_WAITING_MAX;
use hamster_core::sync::{OneshotReceiver, OneshotSender, Permit, Sender, channel, oneshot};
use hamster_core::{Buffer, Queue};
use std::rc::Rc;
use supply::Supply;

/// Why a run is not on the drive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AppendError {
    /// The drive is out of service.
    Failed,
    /// The drive is full.
    NoSpace,
    /// The core that keeps the index of its lane has ended.
    Closed,
}

/// The bytes of a run.
pub(crate) enum Payload {
    /// Copied into the batch: small segments.
    Packed(Bytes),
    /// Written as it is, zero-padded to whole blocks: bulk segments. `None`: no bytes.
    Aligned(Option<Buffer>),
}

/// A run on its way.
pub(crate) struct Append {
    pub content: RunContent,
    pub chunks: Vec<Crc64>,
    pub payload: Payload,
    /// Wait until it, and with it every earlier run given to this appender, is durable; else only
    /// until it is written.
    pub durable: bool,
    /// Accounts for the payload's memory as long as it is on its way.
    #[expect(dead_code, reason = "held for its drop")]
    pub permit: Option<Rc<Permit>>,
    /// Of a run that is written again: its first writer's. `None`: this boot's.
    pub writer_epoch: Option<u64>,
}

/// An append and who waits for it.
struct Waiting {
    append: Append,
    done: OneshotSender<Result<(), AppendError>>,
}

/// What is asked of a flusher.
enum Job {
    Append(Waiting),
    /// Make a table of what the segment holds; answered when it is made, or cannot be.
    Settle(SegmentNumber, OneshotSender<()>),
}

/// What comes of an append.
pub(crate) struct Pending(OneshotReceiver<Result<(), AppendError>>);

impl Pending {
    /// Waits until the run is durable, or written (see [`Append::durable`]), and in the index.
    pub async fn wait(self) -> Result<(), AppendError> {
        // Nobody answers: the drive hung, or the core is ending.
        self.0.await.unwrap_or(Err(AppendError::Failed))
    }
}

/// The way to one class of segments of one drive.
pub(crate) struct Appender(Sender<Job>);

impl Appender {
    /// Starts the flusher. `unfinished` segments are filled up first.
    pub fn start(
        drive: &Rc<LocalDrive>,
        lanes: &Lanes,
        class: Class,
        unfinished: Vec<Segment>,
    ) -> Self {
        let (sender, receiver) = channel(APPENDS_WAITING_MAX);
        let supply = Supply::new(Rc::clone(drive), class, unfinished);
        let flusher = Flusher::new(Rc::clone(drive), lanes.clone(), receiver, supply);
        drop(drive.core.spawn(Queue::Requests, flusher.run()));
        Self(sender)
    }

    /// Hands over a run. Runs are written in the order in which they are handed over.
    pub async fn append(&self, append: Append) -> Pending {
        let (done, pending) = oneshot();
        // An error closes `done`, which the waiter sees.
        let _ = self.0.send(Job::Append(Waiting { append, done })).await;
        Pending(pending)
    }

    /// Has a table of the index made of what a segment of this appender holds.
    pub async fn settle(&self, segment: SegmentNumber) {
        let (done, settled) = oneshot();
        // Why ignored: the caller looks whether there is a table.
        let _ = self.0.send(Job::Settle(segment, done)).await;
        let _ = settled.await;
    }
}
