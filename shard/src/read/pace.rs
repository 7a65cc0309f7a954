//! How fast a drive answers the reads of one core, and how much it may owe. Asked by `race`, who
//! chooses the shards to read; told by `flight`.

use hamster_core::limits::{
    READ_MEMORY_DRIVES, READ_PATIENCE_MAX, READ_PATIENCE_MIN, READ_SLOT_BYTES, READS_PER_DRIVE_MAX,
};
use hamster_core::sync::{Permit, Semaphore};
use hamster_core::{ByteCount, Instant};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

pub(crate) struct Pace {
    slots: Semaphore,
    slot_count: usize,
    /// Why one at a time: opening blocks a thread of the process, and a drive that hangs must not
    /// get all of them.
    opening: Semaphore,
    estimate: Cell<Option<Estimate>>,
    /// Reads in the drive, by number, so by age. Bounded by the slots.
    under_way: RefCell<VecDeque<(u64, Instant)>>,
    number_next: Cell<u64>,
}

/// Mean and mean deviation, decaying as those of TCP's round trips do (RFC 6298).
#[derive(Clone, Copy)]
struct Estimate {
    mean: Duration,
    deviation: Duration,
}

impl Estimate {
    fn with(former: Option<Self>, sample: Duration) -> Self {
        let Some(Self { mean, deviation }) = former else {
            return Self { mean: sample, deviation: sample / 2 };
        };
        let distance = mean.abs_diff(sample);
        Self { mean: (mean * 7 + sample) / 8, deviation: (deviation * 3 + distance) / 4 }
    }
}

impl Pace {
    /// For reads that share `in_flight` bytes of memory with those of other drives.
    pub fn new(in_flight: ByteCount) -> Self {
        let share = in_flight.get() / READ_MEMORY_DRIVES / READ_SLOT_BYTES.get();
        let slot_count = usize::try_from(share).unwrap_or(usize::MAX);
        // Why 8 at least: a small node reads small pieces side by side all the same.
        let slot_count = slot_count.clamp(8, READS_PER_DRIVE_MAX);
        Self {
            slots: Semaphore::new(slot_count),
            slot_count,
            opening: Semaphore::new(1),
            estimate: Cell::new(None),
            under_way: RefCell::default(),
            number_next: Cell::new(0),
        }
    }

    /// Would a read of one slot start at once?
    pub fn has_room(&self) -> bool {
        self.slots.available() > 0
    }

    /// Does it owe this core nothing?
    pub fn is_idle(&self) -> bool {
        self.slots.available() == self.slot_count
    }

    /// Room for a read of `length` bytes, in the order in which it was asked for.
    pub(super) async fn slot(self: &Rc<Self>, length: ByteCount) -> Slot {
        let count = length.get().div_ceil(READ_SLOT_BYTES.get());
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.slot_count);
        let permit = self.slots.acquire(count).await;
        Slot { pace: Rc::clone(self), number: None, _permit: permit }
    }

    /// How long a read may take before others are asked.
    pub fn patience(&self) -> Duration {
        let usual = |one: Estimate| one.mean + one.deviation * 4;
        let usual = self.estimate.get().map_or(READ_PATIENCE_MAX, usual);
        usual.clamp(READ_PATIENCE_MIN, READ_PATIENCE_MAX)
    }

    /// Age of the oldest read that it owes.
    pub fn owing(&self, now: Instant) -> Duration {
        self.under_way.borrow().front().map_or(Duration::ZERO, |(_, start)| now.since(*start))
    }

    /// How long a read is expected to take, to compare drives by: as long as lately, and no less
    /// than what it owes is late already.
    pub fn lag(&self, now: Instant) -> Duration {
        let mean = self.estimate.get().map_or(Duration::ZERO, |estimate| estimate.mean);
        mean.max(self.owing(now))
    }

    fn learn(&self, sample: Duration) {
        // Why cut off: a drive that hung for a minute is soon trusted again.
        let sample = sample.min(READ_PATIENCE_MAX);
        self.estimate.set(Some(Estimate::with(self.estimate.get(), sample)));
    }
}

/// Room for one read on a drive; given back on drop.
pub(super) struct Slot {
    pace: Rc<Pace>,
    /// Among the reads in the drive, once it is there.
    number: Option<u64>,
    _permit: Permit,
}

impl Slot {
    /// The right to open a file of the drive.
    pub async fn opening(&self) -> Permit {
        self.pace.opening.acquire(1).await
    }

    /// The read is in the drive from now on.
    pub fn start(&mut self, now: Instant) {
        let number = self.pace.number_next.get();
        self.pace.number_next.set(number + 1);
        self.pace.under_way.borrow_mut().push_back((number, now));
        self.number = Some(number);
    }

    /// The drive gave the bytes.
    pub fn finish(mut self, now: Instant) {
        let start = self.leave();
        start.into_iter().for_each(|start| self.pace.learn(now.since(start)));
    }

    fn leave(&mut self) -> Option<Instant> {
        let number = self.number.take()?;
        let mut under_way = self.pace.under_way.borrow_mut();
        let place = under_way.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        under_way.remove(place).map(|(_, start)| start)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn learn(pace: &Pace, millis: u64, times: u32) {
        (0..times).for_each(|_| pace.learn(Duration::from_millis(millis)));
    }

    #[test]
    fn patience_follows_what_is_usual_between_its_bounds() {
        let pace = Pace::new(ByteCount::mib(256));
        assert_eq!(pace.patience(), READ_PATIENCE_MAX, "nothing is usual yet");
        learn(&pace, 1, 100);
        assert_eq!(pace.patience(), READ_PATIENCE_MIN);
        learn(&pace, 20, 100);
        let patience = pace.patience().as_millis();
        assert!((19..25).contains(&patience), "{patience} ms");
        learn(&pace, 5000, 100);
        assert_eq!(pace.patience(), READ_PATIENCE_MAX);
        learn(&pace, 1, 50);
        assert!(pace.lag(at(0)) < READ_PATIENCE_MIN, "what was slow is fast again");
    }

    #[test]
    fn a_read_that_is_owed_counts_by_its_age_until_it_is_given() {
        let pace = Rc::new(Pace::new(ByteCount::mib(256)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut slot = || match std::pin::pin!(pace.slot(ByteCount::kib(4))).poll(&mut context) {
            std::task::Poll::Ready(slot) => slot,
            std::task::Poll::Pending => panic!("there is room"),
        };
        let (mut one, mut other) = (slot(), slot());
        assert!(!pace.is_idle());
        one.start(at(1));
        other.start(at(5));
        assert_eq!(pace.lag(at(11)), Duration::from_millis(10));
        one.finish(at(11));
        assert_eq!(pace.owing(at(12)), Duration::from_millis(7));
        drop(other);
        assert_eq!(pace.owing(at(12)), Duration::ZERO);
        assert!(pace.is_idle());
    }

    #[test]
    fn long_reads_take_more_of_the_room() {
        let pace = Rc::new(Pace::new(ByteCount::mib(256)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut held = Vec::new();
        while let std::task::Poll::Ready(slot) =
            std::pin::pin!(pace.slot(ByteCount::mib(1))).poll(&mut context)
        {
            held.push(slot);
        }
        assert_eq!(held.len(), READS_PER_DRIVE_MAX / 4);
        assert!(!pace.has_room());
    }
}
