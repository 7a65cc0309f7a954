//! How packets fare on the way from one host to another.

use super::ETIMEDOUT;
use crate::sim::executor::Executor;
use crate::sim::fault::Fault;
use crate::sim::seed::Concern;
use std::time::Duration;

/// How packets fare on the way from one host to another; the default is without fault. Chances are
/// per million packets.
#[derive(Clone, Copy, Default, Debug)]
pub struct Link {
    /// Is lost, and sent again after a while.
    pub drops: u32,
    /// Arrives twice.
    pub duplicates: u32,
    /// Is overtaken by those behind it.
    pub reorders: u32,
    /// Takes up to `delay` longer.
    pub delays: u32,
    /// See `delays`.
    pub delay: Duration,
    /// The connection is reset when it arrives, with a part of it.
    pub resets: u32,
    /// Nothing arrives; what is sent waits until the link is set anew.
    pub clogged: bool,
    /// Nothing arrives; what is sent is lost.
    pub cut: bool,
}

/// What becomes of one packet.
pub(super) enum Fate {
    /// It arrives after so many nanoseconds (beside the usual latency), perhaps before those that
    /// were sent earlier, perhaps twice.
    Arrives { later: u64, overtakes: bool, twice: bool },
    /// It is sent again after so many nanoseconds.
    Again { after: u64 },
    /// It was sent too often.
    GivenUp,
    /// It waits until the link is set anew.
    Waits,
    /// A part of it arrives, and the connection is reset.
    Resets,
}

/// A lost packet is sent again after this, twice this, and so on; in all for half a minute.
const AGAIN_NANOS: u64 = 200_000_000;
const AGAIN_NANOS_MAX: u64 = 5_000_000_000;
const ATTEMPTS_MAX: u32 = 11;

impl Link {
    pub(super) fn fate(&self, executor: &Executor, attempt: u32, route: &str) -> Fate {
        if self.clogged {
            executor.strike(Fault::Clog, route);
            return Fate::Waits;
        }
        if self.cut || executor.chance(self.drops) {
            if !self.cut {
                executor.strike(Fault::Drop, route);
            }
            let after = AGAIN_NANOS.saturating_mul(1 << attempt.min(10)).min(AGAIN_NANOS_MAX);
            return if attempt < ATTEMPTS_MAX { Fate::Again { after } } else { Fate::GivenUp };
        }
        if executor.chance(self.resets) {
            executor.strike(Fault::Reset, route);
            return Fate::Resets;
        }
        let strikes = |chance, fault| {
            let strikes = executor.chance(chance);
            if strikes {
                executor.strike(fault, route);
            }
            strikes
        };
        let (overtakes, twice) =
            (strikes(self.reorders, Fault::Reorder), strikes(self.duplicates, Fault::Duplicate));
        let later = match strikes(self.delays, Fault::Delay) {
            true => {
                let most = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
                executor.between(Concern::Faults, 0, most.saturating_add(1))
            }
            false => 0,
        };
        Fate::Arrives { later, overtakes, twice }
    }
}

/// The error of a connection whose packets were given up.
pub(super) fn given_up() -> std::io::Error {
    super::error(ETIMEDOUT)
}
