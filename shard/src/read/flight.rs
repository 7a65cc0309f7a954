//! One read in a drive. Overtaken or given up on, it flies on, with its buffer and its slot, until
//! the drive answers: what the kernel still works on is never forgotten.

use super::pace::Slot;
use crate::index::Placement;
use crate::shards::{ShardDrive, Shards};
use futures_util::future::select;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hamster_core::Buffer;
use hamster_core::sync::Event;
use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

type Reading = Pin<Box<dyn Future<Output = io::Result<Buffer>>>>;

/// A read in a drive, for whoever waits for it.
pub(super) struct Flight {
    /// Until it has come.
    reading: Option<Reading>,
    orphans: Rc<Orphans>,
}

impl Flight {
    /// Fills `buffer` from `start` of a segment.
    pub fn start(
        shards: &Shards,
        drive: &ShardDrive,
        placement: &Placement,
        start: u64,
        buffer: Buffer,
        mut slot: Slot,
    ) -> Self {
        let drive = Rc::clone(&drive.local);
        let (segment, class) = (placement.segment, placement.class);
        let reading = async move {
            let clock = drive.core.clock();
            slot.start(clock.now());
            let opening = slot.opening().await;
            let file = drive.segment(segment, class).await?;
            drop(opening);
            let (mut buffer, outcome) = file.read_at(start, buffer).await;
            buffer.set_length(outcome?);
            slot.finish(clock.now());
            Ok(buffer)
        };
        Self { reading: Some(Box::pin(reading)), orphans: Rc::clone(shards.orphans()) }
    }
}

impl Future for Flight {
    type Output = io::Result<Buffer>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reading = self.reading.as_mut().expect("not polled after it has come");
        let outcome = reading.as_mut().poll(context);
        if outcome.is_ready() {
            self.reading = None;
        }
        outcome
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            self.orphans.adopt(reading);
        }
    }
}

/// The reads of a core that nobody waits for. Bounded by the slots of the drives.
#[derive(Default)]
pub(crate) struct Orphans {
    adopted: RefCell<Vec<Reading>>,
    on_adopted: Event,
}

impl Orphans {
    fn adopt(&self, reading: Reading) {
        self.adopted.borrow_mut().push(reading);
        self.on_adopted.notify();
    }

    /// Follows them to their end. Runs on every core, for ever.
    pub async fn follow(self: Rc<Self>) {
        let mut readings = FuturesUnordered::new();
        loop {
            let more = self.on_adopted.listen();
            readings.extend(self.adopted.take());
            if readings.is_empty() {
                more.await;
            } else {
                // What it read, nobody wants.
                drop(select(pin!(more), readings.next()).await);
            }
        }
    }
}
