//! Verified blocks of tables, of one core.
//!
//! A clock: a block that was asked for again since the hand last passed gets another round. A
//! newcomer has none, so that what is read once is soon gone. Removed tables' blocks just age.

use super::block::Block;
#[cfg(test)]
use crate::read::CacheFigures;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::{BLOCK_BYTES, CACHE_ENTRY_OVERHEAD_BYTES};
use hamster_core::{ByteCount, Map};
use std::cell::RefCell;
use std::rc::Rc;

/// (drive, number of the table, block)
pub(super) type CacheKey = (DriveOrdinal, u64, u64);

/// Cheap to clone; clones share the blocks.
#[derive(Clone)]
pub(crate) struct BlockCache(Rc<RefCell<Clock>>);

struct Clock {
    slots_max: usize,
    slots: Vec<Slot>,
    by_key: Map<CacheKey, usize>,
    hand: usize,
    hits: u64,
    misses: u64,
}

struct Slot {
    key: CacheKey,
    block: Block,
    asked_again: bool,
}

/// What a cached block takes.
const SLOT_BYTES: ByteCount = ByteCount::new(BLOCK_BYTES.get() + CACHE_ENTRY_OVERHEAD_BYTES.get());

impl BlockCache {
    /// A cache that holds at most `budget`, its own book-keeping included.
    pub fn new(budget: ByteCount) -> Self {
        Self(Rc::new(RefCell::new(Clock {
            slots_max: budget.as_usize() / SLOT_BYTES.as_usize(),
            slots: Vec::new(),
            by_key: Map::default(),
            hand: 0,
            hits: 0,
            misses: 0,
        })))
    }

    #[cfg(test)]
    pub fn figures(&self) -> CacheFigures {
        let clock = self.0.borrow();
        let held = ByteCount::new(clock.slots.len() as u64 * SLOT_BYTES.get());
        CacheFigures { hits: clock.hits, misses: clock.misses, held }
    }

    pub(super) fn get(&self, key: CacheKey) -> Option<Block> {
        let clock = &mut *self.0.borrow_mut();
        let Some(slot) = clock.by_key.get(&key).and_then(|at| clock.slots.get_mut(*at)) else {
            clock.misses += 1;
            return None;
        };
        clock.hits += 1;
        slot.asked_again = true;
        Some(slot.block.clone())
    }

    pub(super) fn insert(&self, key: CacheKey, block: Block) {
        let clock = &mut *self.0.borrow_mut();
        // Two may have missed it at once.
        if clock.slots_max == 0 || clock.by_key.contains_key(&key) {
            return;
        }
        let slot = Slot { key, block, asked_again: false };
        if clock.slots.len() < clock.slots_max {
            clock.by_key.insert(key, clock.slots.len());
            clock.slots.push(slot);
            return;
        }
        while std::mem::take(&mut clock.slots[clock.hand].asked_again) {
            clock.step();
        }
        let former = std::mem::replace(&mut clock.slots[clock.hand], slot);
        clock.by_key.remove(&former.key);
        clock.by_key.insert(key, clock.hand);
        clock.step();
    }
}

impl Clock {
    fn step(&mut self) {
        self.hand = (self.hand + 1) % self.slots.len();
    }
}
