//! Scrub and repair: every body is verified now and then, and what is missing or rotten is rebuilt.
//!
//! Each core goes through its share of the partitions, round after round: now and then a round that
//! reads every byte, slowly; and one that goes by what metadata says is missing, at once, at a start
//! and whenever a drive has left for good or was replaced. The command `scrub --now` asks for a round of bytes.

mod body;
mod round;

pub use round::scrub;

use hamster_core::ByteCount;
use hamster_core::ids::CoreIndex;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is asked of all cores, and how far each of them is. One for the process.
pub struct Scrub {
    /// Counts the rounds of bytes that were asked for.
    asked: AtomicU64,
    /// Counts the occasions to look for missing shards.
    occasions: AtomicU64,
    /// Bytes per second and core of the round asked for last; 0: no bound.
    rate: AtomicU64,
    /// Drives that are being replaced.
    replacing: AtomicU64,
    /// The last round asked for of which the sweep is done.
    swept: AtomicU64,
    cores: Box<[Progress]>,
}

/// How far one core is in its round.
#[derive(Default)]
struct Progress {
    phase: AtomicU64,
    /// The last round asked for that it has done.
    done: AtomicU64,
    /// Of its share, in thousandths.
    share: AtomicU64,
    milliseconds: AtomicU64,
    bodies: AtomicU64,
    bytes: AtomicU64,
    rebuilt: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
    /// One more than the last occasion upon which it went round and nothing was left to be done.
    clean: AtomicU64,
}

/// What a core does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle = 0,
    Repairing = 1,
    Verifying = 2,
}

/// How far scrub and repair are, for `status`.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct ScrubStatus {
    /// `idle`, `repairing` (looking for missing shards) or `verifying` (reading everything).
    pub phase: String,
    /// Rounds that were asked for, and how many of them are done.
    pub asked: u64,
    /// See `asked`.
    pub done: u64,
    /// Of the round under way, or the last one: the part of it that is done, in thousandths.
    pub thousandths: u64,
    /// Objects and parts looked at.
    pub bodies: u64,
    /// Bytes read or rebuilt.
    pub bytes: u64,
    /// Bytes per second.
    pub bytes_per_second: u64,
    /// Time left, as far as it can be told.
    pub seconds_left: Option<u64>,
    /// Shards rebuilt.
    pub shards_rebuilt: u64,
    /// Objects and parts of which too few shards are good.
    pub bodies_lost: u64,
    /// Objects and parts that could not be repaired now, for want of space or of drives; tried again.
    pub bodies_put_off: u64,
}

impl Scrub {
    /// For a node with so many cores.
    pub fn new(cores: u16) -> Self {
        Self {
            asked: AtomicU64::new(0),
            occasions: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            replacing: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            cores: (0..cores).map(|_| Progress::default()).collect(),
        }
    }

    /// Has every core verify everything from the start, at most so many bytes per second. Returns the
    /// number of the round: see [`ScrubStatus::asked`].
    pub fn ask(&self, rate: Option<ByteCount>) -> u64 {
        let per_core = rate.map_or(0, |rate| (rate.get() / self.cores.len() as u64).max(1));
        self.rate.store(per_core, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The number of the round asked for last.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// The sweep of this round is done.
    pub fn swept(&self, round: u64) {
        self.swept.store(round, Ordering::Release);
    }

    /// A drive is being replaced until what is returned is dropped; then every core looks for missing
    /// shards.
    pub fn replacing(&self) -> Replacing<'_> {
        self.replacing.fetch_add(1, Ordering::AcqRel);
        Replacing(self)
    }

    /// Has every core gone round since the last occasion, and nothing is missing any more?
    fn is_whole(&self) -> bool {
        // Why: what is replaced now, no round has looked for yet.
        if self.replacing.load(Ordering::Acquire) > 0 {
            return false;
        }
        let occasion = self.occasions.load(Ordering::Acquire) + 1;
        self.cores.iter().all(|core| core.clean.load(Ordering::Acquire) == occasion)
    }

    fn progress(&self, core: CoreIndex) -> &Progress {
        &self.cores[usize::from(core.get())]
    }

    /// How far it is, all cores together.
    pub fn status(&self) -> ScrubStatus {
        let sum = |figure: fn(&Progress) -> &AtomicU64| -> u64 {
            self.cores.iter().map(|core| figure(core).load(Ordering::Relaxed)).sum()
        };
        let most = |figure: fn(&Progress) -> &AtomicU64| -> u64 {
            let figures = self.cores.iter().map(|core| figure(core).load(Ordering::Relaxed));
            figures.max().unwrap_or(0)
        };
        let done = self.cores.iter().map(|core| &core.done).chain([&self.swept]);
        let done = done.map(|done| done.load(Ordering::Acquire)).min();
        let phase = most(|core| &core.phase);
        let thousandths = sum(|core| &core.share) / self.cores.len() as u64;
        let milliseconds = most(|core| &core.milliseconds);
        let left = milliseconds * (1000 - thousandths.min(1000));
        let bytes = sum(|core| &core.bytes);
        let is_idle = phase == Phase::Idle as u64;
        ScrubStatus {
            phase: match phase {
                phase if phase == Phase::Verifying as u64 => "verifying".into(),
                phase if phase == Phase::Repairing as u64 => "repairing".into(),
                _ => "idle".into(),
            },
            asked: self.asked(),
            done: done.unwrap_or(0),
            thousandths,
            bodies: sum(|core| &core.bodies),
            bytes,
            bytes_per_second: (bytes * 1000).checked_div(milliseconds).unwrap_or(0),
            seconds_left: left.checked_div(thousandths * 1000).filter(|_| !is_idle),
            shards_rebuilt: sum(|core| &core.rebuilt),
            bodies_lost: sum(|core| &core.lost),
            bodies_put_off: sum(|core| &core.failed),
        }
    }
}

/// See [`Scrub::replacing`].
pub struct Replacing<'a>(&'a Scrub);

impl Drop for Replacing<'_> {
    fn drop(&mut self) {
        // The occasion first: rounds of before it count no more once this is over.
        self.0.occasions.fetch_add(1, Ordering::AcqRel);
        self.0.replacing.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Progress {
    fn begin(&self, phase: Phase) {
        for figure in [
            &self.share,
            &self.milliseconds,
            &self.bodies,
            &self.bytes,
            &self.rebuilt,
            &self.lost,
            &self.failed,
        ] {
            figure.store(0, Ordering::Relaxed);
        }
        self.phase.store(phase as u64, Ordering::Relaxed);
    }

    fn add(figure: &AtomicU64, count: u64) {
        figure.fetch_add(count, Ordering::Relaxed);
    }

    fn advance(&self, thousandths: u64, elapsed: Duration) {
        self.share.store(thousandths, Ordering::Relaxed);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.milliseconds.store(milliseconds, Ordering::Relaxed);
    }

    /// All that was looked at is good, or was mended.
    fn is_clean(&self) -> bool {
        [&self.lost, &self.failed].iter().all(|left| left.load(Ordering::Relaxed) == 0)
    }

    fn rest(&self) {
        self.phase.store(Phase::Idle as u64, Ordering::Relaxed);
    }
}

impl fmt::Display for ScrubStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.thousandths / 10;
        write!(f, "{}", self.phase)?;
        if self.phase == "idle" && self.bodies == 0 {
            return Ok(());
        }
        match self.phase.as_str() {
            "idle" => write!(f, "; last round:")?,
            _ => write!(f, ", {percent} % done:")?,
        }
        let (bytes, rate) = (ByteCount::new(self.bytes), ByteCount::new(self.bytes_per_second));
        write!(f, " {} objects and parts, {bytes} at {rate}/s", self.bodies)?;
        if let Some(left) = self.seconds_left {
            write!(f, ", about {} left", duration_phrase(left.max(1)))?;
        }
        write!(f, "; {} shards rebuilt", self.shards_rebuilt)?;
        if self.bodies_lost > 0 {
            write!(f, "; {} beyond repair", self.bodies_lost)?;
        }
        if self.bodies_put_off > 0 {
            write!(f, "; {} put off for want of space or drives", self.bodies_put_off)?;
        }
        Ok(())
    }
}

/// "40 s", "12 min", "3 h".
fn duration_phrase(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_is_done() {
        let scrub = Scrub::new(2);
        assert_eq!(scrub.ask(Some(ByteCount::mib(2))), 1);
        assert_eq!(scrub.rate.load(Ordering::Relaxed), 1 << 20);
        for core in &scrub.cores {
            core.begin(Phase::Verifying);
            core.advance(250, Duration::from_secs(10));
            Progress::add(&core.bytes, 5_000_000);
        }
        let status = scrub.status();
        assert_eq!((status.asked, status.done), (1, 0));
        assert_eq!((status.bytes_per_second, status.seconds_left), (1_000_000, Some(30)));
        assert!(status.to_string().contains("25 % done"), "{status}");
    }

    #[test]
    fn what_is_being_replaced_is_not_whole_until_every_core_has_gone_round_again() {
        let scrub = Scrub::new(2);
        let go_round = || {
            let occasion = scrub.occasions.load(Ordering::Relaxed) + 1;
            scrub.cores.iter().for_each(|core| core.clean.store(occasion, Ordering::Relaxed));
        };
        go_round();
        assert!(scrub.is_whole());
        let replacing = scrub.replacing();
        go_round();
        assert!(!scrub.is_whole());
        drop(replacing);
        assert!(!scrub.is_whole());
        go_round();
        assert!(scrub.is_whole());
    }
}
