//! What a seed draws before anything happens: the node, its clients, and which faults there are.

use hamster_core::Entropy;
use hamster_core::sim::Fault;
use std::time::Duration;

/// One world to be.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// All follows from it.
    pub seed: u64,
    /// Drives of the node.
    pub drives: u32,
    /// Its cores.
    pub cores: u16,
    /// Clients at the same time.
    pub clients: usize,
    /// Requests of all clients, about.
    pub operations: usize,
    /// How long clients work, in virtual time; healing comes on top.
    pub duration: Duration,
    /// Faults that do not strike.
    pub without: Vec<Fault>,
}

/// Between two healings of everything, and how many there are.
pub const EPOCHS: u32 = 3;

impl Scenario {
    /// What `seed` draws.
    pub fn new(seed: u64, operations: usize, without: &[Fault]) -> Self {
        let entropy = Entropy::seeded(seed ^ 0x5ce4_a710);
        let pick =
            |from: &[u32]| from[usize::try_from(entropy.below(from.len() as u64)).unwrap_or(0)];
        Self {
            seed,
            drives: pick(&[1, 2, 3, 4, 5, 6, 6, 6, 7]),
            cores: u16::try_from(pick(&[1, 2, 2, 3])).unwrap_or(1),
            clients: usize::try_from(pick(&[2, 3, 4, 6])).unwrap_or(2),
            operations,
            duration: Duration::from_secs(30 * 60),
            without: without.to_vec(),
        }
    }

    /// How many drives may be lost without losing anything that was written while all lived.
    pub fn tolerance(&self) -> u32 {
        tolerance(self.drives)
    }

    /// Whether as many may be lost again, others this time, without losing what was written
    /// meanwhile: that has the narrower profile of the drives that were left.
    pub fn outlasts_degraded_writes(&self) -> bool {
        tolerance(self.drives - self.tolerance()) >= self.tolerance()
    }

    /// Whether a fault of this kind may strike.
    pub fn has(&self, fault: Fault) -> bool {
        !self.without.contains(&fault)
    }
}

/// Drive losses that the profile of so many drives survives.
fn tolerance(drives: u32) -> u32 {
    match drives {
        0 | 1 => 0,
        2 | 3 => 1,
        _ => 2,
    }
}
