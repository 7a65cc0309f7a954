//! Who of the shards of a stripe gets to give the wanted bytes: their own first, others when these
//! fail, are late, or are known to be slow.
//!
//! A read is *late* when it has outlived the patience for its drive. It stays in the race; others
//! are started as long as k may come sooner with them. Whatever is there first counts.

use super::ReadError;
use super::pace::Pace;
use super::run::Unreadable;
use super::stripe::{Held, StripeRead};
use crate::drive::DriveState;
use crate::location::Location;
use hamster_core::Instant;
use hamster_core::limits::{
    READ_PATIENCE_MAX, READ_PATIENCE_MIN, READ_SLOWNESS_MAX, READ_WAIT_MAX,
};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) struct Race<'a> {
    stripe: &'a StripeRead<'a>,
    /// Whole chunks of data slices.
    wanted: Vec<Part>,
    /// By shard.
    trials: Vec<Trial>,
    held: Vec<Held>,
    /// The range that is read of other shards, once some of what is wanted must or may have to be
    /// restored.
    restored: Option<Range<u64>>,
}

/// What a race that was not lost has brought.
pub(super) struct Ended {
    pub held: Vec<Held>,
    /// What k of the shards held are there to restore.
    pub missing: Vec<Part>,
    /// The range of the slices that these k cover.
    pub restored: Range<u64>,
}

/// A shard, and a range of its slice.
pub(super) type Part = (u8, Range<u64>);

/// How reading a shard goes.
enum Trial {
    Untried,
    UnderWay(UnderWay),
    Read,
    Failed,
}

struct UnderWay {
    range: Range<u64>,
    since: Instant,
    /// When to look at it again.
    look: Instant,
    hope: Hope,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hope {
    Expected,
    Late,
    /// To learn whether a slow drive is faster again; nobody counts on it.
    Probe,
}

fn covers(range: &Range<u64>, wanted: &Range<u64>) -> bool {
    range.start <= wanted.start && wanted.end <= range.end
}

impl<'a> Race<'a> {
    pub fn new(stripe: &'a StripeRead<'a>, wanted: Vec<Part>) -> Self {
        let shards = usize::from(stripe.location.k) + usize::from(stripe.location.m);
        let trials = std::iter::repeat_with(|| Trial::Untried).take(shards).collect();
        Self { stripe, wanted, trials, held: Vec::new(), restored: None }
    }

    /// The reads to begin with: of the wanted parts, but for those on drives that are known to be
    /// slower than others that suffice.
    pub fn begin(&mut self, now: Instant) -> Vec<Part> {
        let mut starts = Vec::with_capacity(self.trials.len());
        let mut left_out = false;
        for at in 0..self.wanted.len() {
            let (shard, range) = self.wanted[at].clone();
            let pace = self.live_pace(shard);
            let hope = match pace {
                None => None,
                Some(pace) if !self.is_outdone(shard, pace, now) => Some(Hope::Expected),
                Some(pace) if pace.is_idle() => Some(Hope::Probe),
                Some(_) => None,
            };
            left_out |= hope != Some(Hope::Expected);
            if let Some(hope) = hope {
                starts.push(self.start(shard, range, hope, now));
            }
        }
        if left_out {
            starts.extend(self.restore_missing(now));
        }
        starts
    }

    /// How the drive of a shard answers, unless it is poisoned or has none.
    fn live_pace(&self, shard: u8) -> Option<&'a Pace> {
        let drive = self.stripe.drive(shard)?;
        (self.stripe.state(shard) != DriveState::Poisoned).then_some(&*drive.pace)
    }

    /// Are there k others that would give the bytes much sooner?
    fn is_outdone(&self, shard: u8, pace: &Pace, now: Instant) -> bool {
        let lag = pace.lag(now);
        if lag <= READ_PATIENCE_MIN && pace.has_room() {
            return false;
        }
        let others = (0u8..).take(self.trials.len()).filter(|other| *other != shard);
        let mut lags: Vec<Duration> = others
            .filter_map(|other| self.live_pace(other))
            .filter(|other| other.has_room())
            .map(|other| other.lag(now))
            .collect();
        lags.sort_unstable();
        let slowest_needed = lags.get(usize::from(self.stripe.location.k) - 1);
        slowest_needed.is_some_and(|slowest| {
            !pace.has_room() || lag > READ_PATIENCE_MIN.max(*slowest * READ_SLOWNESS_MAX)
        })
    }

    fn start(&mut self, shard: u8, range: Range<u64>, hope: Hope, now: Instant) -> Part {
        let patience =
            self.stripe.drive(shard).map_or(READ_PATIENCE_MIN, |drive| drive.pace.patience());
        let under_way = UnderWay { range: range.clone(), since: now, look: now + patience, hope };
        self.trials[usize::from(shard)] = Trial::UnderWay(under_way);
        (shard, range)
    }

    /// A read has ended. What to read next.
    pub fn finish(
        &mut self,
        shard: u8,
        outcome: Result<Held, Unreadable>,
        now: Instant,
    ) -> Vec<Part> {
        let trial = &mut self.trials[usize::from(shard)];
        match outcome {
            Ok(held) => {
                *trial = Trial::Read;
                self.held.push(held);
            }
            Err(_) => *trial = Trial::Failed,
        }
        let failed = matches!(trial, Trial::Failed);
        let wanting = failed || self.restored.is_some();
        if wanting { self.restore_missing(now) } else { Vec::new() }
    }

    /// When to [`Race::look`] at what is under way.
    pub fn look_at(&self) -> Instant {
        let looks = self.under_way().map(|(_, one)| one.look);
        looks.min().unwrap_or_default()
    }

    /// Time has passed. What to read besides.
    pub fn look(&mut self, now: Instant) -> Vec<Part> {
        let stripe = self.stripe;
        let mut wanting = false;
        for (shard, trial) in (0u8..).zip(&mut self.trials) {
            let Trial::UnderWay(one) = trial else { continue };
            if one.look > now {
                continue;
            }
            let waited = now.since(one.since);
            if waited >= READ_WAIT_MAX {
                *trial = Trial::Failed;
                wanting = true;
                continue;
            }
            if one.hope == Hope::Expected {
                if let Some(drive) = stripe.drive(shard) {
                    let patience = drive.pace.patience();
                    // Why half: it was in the drive a little after its start. If nothing there is
                    // old, it waits for room or memory and not for the drive; so would others.
                    if drive.pace.owing(now) < patience / 2 {
                        one.look = now + patience;
                        continue;
                    }
                    drive.local.gauges().reads_late.fetch_add(1, Ordering::Relaxed);
                }
                one.hope = Hope::Late;
            }
            wanting |= one.hope == Hope::Late;
            one.look = now + waited.max(READ_PATIENCE_MIN).min(READ_WAIT_MAX - waited);
        }
        if wanting { self.restore_missing(now) } else { Vec::new() }
    }

    /// Is there enough, or will there never be?
    pub fn is_over(&self) -> bool {
        self.is_won() || self.is_restorable() || self.under_way().next().is_none()
    }

    fn is_won(&self) -> bool {
        self.missing().next().is_none()
    }

    fn is_restorable(&self) -> bool {
        self.restored.is_some() && self.readable() == self.stripe.location.k
    }

    /// Shards that serve to restore what is missing, of those that are here.
    fn readable(&self) -> u8 {
        u8::try_from(self.sources().count()).unwrap_or(u8::MAX).min(self.stripe.location.k)
    }

    /// What has come of it.
    pub fn end(self) -> Result<Ended, ReadError> {
        if !self.is_won() && !self.is_restorable() {
            let Location { data, k, .. } = *self.stripe.location;
            return Err(ReadError::Unrecoverable { data, readable: self.readable(), needed: k });
        }
        for (shard, one) in self.under_way() {
            if let Some(drive) = self.stripe.drive(shard).filter(|_| one.hope == Hope::Late) {
                drive.local.gauges().reads_overtaken.fetch_add(1, Ordering::Relaxed);
            }
        }
        let missing = self.missing().cloned().collect();
        Ok(Ended { held: self.held, missing, restored: self.restored.unwrap_or_default() })
    }

    fn under_way(&self) -> impl Iterator<Item = (u8, &UnderWay)> {
        (0u8..).zip(&self.trials).filter_map(|(shard, trial)| match trial {
            Trial::UnderWay(one) => Some((shard, one)),
            _ => None,
        })
    }

    fn missing(&self) -> impl Iterator<Item = &Part> {
        self.wanted.iter().filter(|(shard, range)| {
            !self.held.iter().any(|held| held.shard == *shard && held.covers(range))
        })
    }

    /// What is held of the range that is restored.
    fn sources(&self) -> impl Iterator<Item = &Held> {
        let restored = self.restored.clone().unwrap_or_default();
        self.held.iter().filter(move |held| held.covers(&restored))
    }

    /// Reads of other shards, so that k are held or expected, as far as that is needed or helps.
    fn restore_missing(&mut self, now: Instant) -> Vec<Part> {
        if self.restored.is_none() {
            let start = self.missing().map(|(_, range)| range.start).min().unwrap_or(0);
            let end = self.missing().map(|(_, range)| range.end).max().unwrap_or(0);
            self.restored = Some(start..end);
        }
        let restored = self.restored.clone().unwrap_or_default();
        let of_range = |hope: Hope| {
            let under_way = self.under_way();
            under_way.filter(move |(_, one)| one.hope == hope && covers(&one.range, &restored))
        };
        let good = self.sources().count() + of_range.clone()(Hope::Expected).count();
        let lacking = usize::from(self.stripe.location.k).saturating_sub(good);
        let coming = |shard: u8| {
            self.under_way().any(|(other, one)| other == shard && one.hope != Hope::Probe)
        };
        // Whether everything may still come by itself.
        let optional = self.missing().all(|(shard, _)| coming(*shard));
        let late = of_range(Hope::Late);
        let late_others =
            late.filter(|(shard, _)| !self.missing().any(|(missing, _)| missing == shard)).count();
        let needed = if optional { 0 } else { lacking.saturating_sub(late_others) };
        let mut candidates = self.candidates(now);
        candidates.truncate(lacking);
        let helpful = candidates.iter().skip(needed).all(|shard| self.may_overtake(*shard, now));
        if !helpful {
            candidates.truncate(needed);
        }
        let restored = self.restored.clone().unwrap_or_default();
        let start = |shard| self.start(shard, restored.clone(), Hope::Expected, now);
        candidates.into_iter().map(start).collect()
    }

    /// Shards that could be read, the most promising first; poisoned drives come last.
    fn candidates(&self, now: Instant) -> Vec<u8> {
        let restored = self.restored.clone().unwrap_or_default();
        let is_candidate = |shard: &u8| match &self.trials[usize::from(*shard)] {
            Trial::Untried => true,
            // Less of it was wanted before.
            Trial::Read => {
                let of_shard = |held: &&Held| held.shard == *shard;
                !self.held.iter().filter(of_shard).any(|held| held.covers(&restored))
            }
            Trial::UnderWay(_) | Trial::Failed => false,
        };
        let mut candidates: Vec<(bool, Duration, u8)> = (0u8..)
            .take(self.trials.len())
            .filter(is_candidate)
            .filter_map(|shard| {
                let pace = &self.stripe.drive(shard)?.pace;
                // Below this all are alike, and the order is that of the shards.
                let lag = pace.lag(now).max(READ_PATIENCE_MIN);
                let queue = if pace.has_room() { Duration::ZERO } else { READ_PATIENCE_MAX };
                let poisoned = self.stripe.state(shard) == DriveState::Poisoned;
                Some((poisoned, lag + queue, shard))
            })
            .collect();
        candidates.sort_unstable();
        candidates.into_iter().map(|(_, _, shard)| shard).collect()
    }

    /// Is a read of this shard likely to come before one that is late? Why so careful: when all
    /// drives are slow because there is much to do, more reads make it worse.
    fn may_overtake(&self, shard: u8, now: Instant) -> bool {
        let late = self.under_way().filter(|(_, one)| one.hope == Hope::Late);
        let waited = late.map(|(_, one)| now.since(one.since)).max().unwrap_or_default();
        let at_once = self.live_pace(shard).is_some_and(Pace::has_room);
        self.stripe.drive(shard).is_some_and(|drive| {
            drive.pace.lag(now) * 2 <= waited && (at_once || waited >= READ_PATIENCE_MAX)
        })
    }
}
