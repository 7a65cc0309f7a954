//! Randomness. Production seeds it from the operating system; the simulator from the seed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::cell::RefCell;
use std::rc::Rc;

/// One core's source of random bytes (a cryptographically strong generator).
#[derive(Clone)]
pub struct Entropy(Rc<RefCell<StdRng>>);

impl Entropy {
    /// A source that gives the same bytes for the same seed: simulator and tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(StdRng::seed_from_u64(seed))))
    }

    /// A source from 32 bytes of the operating system's randomness: the uring backend.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self(Rc::new(RefCell::new(StdRng::from_seed(seed))))
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill_bytes(bytes);
    }

    /// A random number.
    pub fn next_u64(&self) -> u64 {
        self.0.borrow_mut().next_u64()
    }

    /// A random number below `bound`.
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a product of two u64")
    }
}
