//! Counting: latencies, successes, and failures by what they were.

use super::order::Operation;
use hamster_core::{ByteCount, Instant};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Latencies up to this are told apart; longer ones count as this.
const LATENCY_MAX: Duration = Duration::from_secs(3600);

/// The time that counts: after the warm-up, before the end.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When the first request goes out.
    pub start: Instant,
    /// When counting begins.
    pub from: Instant,
    /// When counting ends.
    pub until: Instant,
}

/// What one operation did in the window.
#[derive(Clone)]
pub struct Tally {
    /// Nanoseconds from the moment a request was to be sent until its answer's last byte, of every
    /// request to be sent in the window that was answered well, however late.
    pub latency: Histogram<u64>,
    /// Answered well within the window.
    pub done: u64,
    /// Bodies of those.
    pub bytes: ByteCount,
    /// Everything else, by status or by name.
    pub errors: BTreeMap<String, u64>,
    /// Requests that were due in the window and never sent (open loop only). Each is in `latency`
    /// with the time it had waited by the end: a lower bound.
    pub unsent: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let highest = nanos(LATENCY_MAX);
        let latency = Histogram::new_with_bounds(1, highest, 3).expect("the bounds are in order");
        let (errors, bytes) = (BTreeMap::new(), ByteCount::ZERO);
        Self { latency, done: 0, bytes, errors, unsent: 0 }
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency).expect("both have the same bounds");
        self.done += other.done;
        self.bytes += other.bytes;
        self.unsent += other.unsent;
        for (name, count) in &other.errors {
            *self.errors.entry(name.clone()).or_default() += count;
        }
    }
}

/// What one thread did, by [`Operation::index`].
#[derive(Clone, Default)]
pub struct Tallies(pub [Tally; 3]);

impl Tallies {
    /// A request that was answered well.
    pub fn succeeded(
        &mut self,
        operation: Operation,
        (intended, now): (Instant, Instant),
        bytes: usize,
        window: &Window,
    ) {
        let tally = &mut self.0[operation.index()];
        if intended >= window.from && intended < window.until {
            tally.latency.saturating_record(nanos(now.since(intended)).max(1));
        }
        if now >= window.from && now < window.until {
            tally.done += 1;
            tally.bytes += ByteCount::of(bytes);
        }
    }

    /// A request that was not.
    pub fn failed(&mut self, operation: Operation, what: &str, intended: Instant, window: &Window) {
        if intended < window.from || intended >= window.until {
            return;
        }
        let errors = &mut self.0[operation.index()].errors;
        match errors.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(errors.insert(what.to_owned(), 1)),
        }
    }

    /// A request that was due and never sent.
    pub fn unsent(&mut self, operation: Operation, intended: Instant, window: &Window) {
        if intended < window.from || intended >= window.until {
            return;
        }
        let tally = &mut self.0[operation.index()];
        tally.unsent += 1;
        tally.latency.saturating_record(nanos(window.until.since(intended)).max(1));
    }

    /// Adds what another thread did.
    pub fn add(&mut self, other: &Self) {
        for (sum, part) in self.0.iter_mut().zip(&other.0) {
            sum.add(part);
        }
    }

    /// All operations together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in &self.0 {
            total.add(tally);
        }
        total
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        start: Instant::from_nanos(0),
        from: Instant::from_nanos(100),
        until: Instant::from_nanos(200),
    };

    fn at(intended: u64, now: u64) -> (Instant, Instant) {
        (Instant::from_nanos(intended), Instant::from_nanos(now))
    }

    #[test]
    fn a_late_answer_counts_as_latency_but_not_as_throughput() {
        let mut tallies = Tallies::default();
        tallies.succeeded(Operation::Get, at(150, 900), 7, &WINDOW);
        let total = tallies.total();
        assert_eq!((total.done, total.latency.len(), total.latency.max()), (0, 1, 750));
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let mut tallies = Tallies::default();
        tallies.succeeded(Operation::Get, at(10, 50), 7, &WINDOW);
        tallies.failed(Operation::Get, "503", Instant::from_nanos(50), &WINDOW);
        let total = tallies.total();
        assert_eq!((total.done, total.latency.len(), total.errors.len()), (0, 0, 0));
    }

    #[test]
    fn what_was_never_sent_counts_as_slow() {
        let mut tallies = Tallies::default();
        tallies.unsent(Operation::Put, Instant::from_nanos(120), &WINDOW);
        let total = tallies.total();
        assert_eq!((total.unsent, total.latency.max()), (1, 80));
    }
}
