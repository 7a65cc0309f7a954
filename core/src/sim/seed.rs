//! What a seed decides, and the trace of what came of it.

use crate::entropy::Entropy;
use crate::map::FixedHasher;
use std::cell::Cell;
use std::hash::Hasher;

/// Who draws from the seed.
#[derive(Clone, Copy)]
pub(crate) enum Concern {
    Scheduling,
    Disk,
    Network,
    Worker,
    Node,
    Faults,
}

/// A stream of draws for each concern: one draw more in one moves no other.
pub(crate) struct Streams([Entropy; 6]);

impl Streams {
    pub fn new(seed: u64) -> Self {
        let stream = |number: u64| seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self([1, 2, 3, 4, 5, 6].map(|number| Entropy::seeded(stream(number))))
    }

    pub fn of(&self, concern: Concern) -> &Entropy {
        &self.0[concern as usize]
    }
}

/// What happened, as far as the trace tells it apart.
#[derive(Clone, Copy)]
pub(crate) enum Happened {
    Polled = 1,
    Disk,
    Delivered,
    Worked,
    Crashed,
    Struck,
}

/// A hash of everything that happened, in order.
#[derive(Default)]
pub(crate) struct Trace(Cell<FixedHasher>);

impl Trace {
    pub fn fold(&self, now: u64, happened: Happened, subject: u64) {
        let mut trace = self.0.get();
        trace.write_u64(happened as u64);
        trace.write_u64(now);
        trace.write_u64(subject);
        self.0.set(trace);
    }

    pub fn hash(&self) -> u64 {
        self.0.get().finish()
    }
}
