//! Rates by window of time: the best window shows the hardware, the median one what else went on.

use super::Line;
use hamster_core::Instant;
use hdrhistogram::Histogram;
use std::time::Duration;

/// One window.
pub const WINDOW: Duration = Duration::from_millis(200);

/// Counts of one measurement under way.
pub struct Windows {
    start: Instant,
    counts: Vec<u64>,
    latency: Histogram<u64>,
}

impl Windows {
    /// Begins now, for `windows` of them.
    pub fn new(start: Instant, windows: usize) -> Self {
        let latency = Histogram::new_with_bounds(1, 3_600_000_000_000, 3);
        Self { start, counts: vec![0; windows], latency: latency.expect("the bounds are in order") }
    }

    /// When the last window ends.
    pub fn end(&self) -> Instant {
        self.start + WINDOW * u32::try_from(self.counts.len()).expect("a few")
    }

    /// Something was done between two moments.
    pub fn add(&mut self, from: Instant, until: Instant) {
        let latency = until.since(from).as_nanos();
        self.latency.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX).max(1));
        let window = until.since(self.start).as_nanos() / WINDOW.as_nanos();
        if let Some(count) = usize::try_from(window).ok().and_then(|w| self.counts.get_mut(w)) {
            *count += 1;
        }
    }

    /// The line of a report; each thing done counts as `worth` of `unit`.
    pub fn line(mut self, what: &str, unit: &'static str, worth: f64) -> Line {
        self.counts.sort_unstable();
        let rate = |count: u64| float(count) * worth / WINDOW.as_secs_f64();
        let micros = |percent| float(self.latency.value_at_percentile(percent)) / 1e3;
        Line {
            what: what.to_owned(),
            unit,
            best: rate(self.counts.last().copied().unwrap_or(0)),
            median: rate(self.counts.get(self.counts.len() / 2).copied().unwrap_or(0)),
            p50_us: Some(micros(50.0)),
            p99_us: Some(micros(99.0)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display only")]
pub fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_and_median_are_of_windows() {
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        let mut windows = Windows::new(at(0), 3);
        for millis in [10, 210, 220, 410, 420, 430, 9_000] {
            windows.add(at(millis - 1), at(millis));
        }
        let line = windows.line("x", "/s", 1.0);
        assert_eq!((line.best, line.median), (15.0, 10.0));
    }
}
