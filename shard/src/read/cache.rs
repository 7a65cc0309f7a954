//! Verified bytes of one core, kept for the next reader: direct I/O gives up the page cache.
//!
//! S3-FIFO (Yang et al., SOSP 2023): newcomers go through a small queue and are soon gone unless
//! they are asked for again; what is asked for again goes to the main queue; a ghost queue remembers
//! the names of those that left too early. A scan passes through the small queue only.

use bytes::Bytes;
use hamster_core::ids::DataId;
use hamster_core::limits::{CACHE_ENTRY_OVERHEAD_BYTES, CACHE_GHOSTS_MAX};
use hamster_core::{ByteCount, Map, Set};
use std::collections::VecDeque;
use std::ops::Range;

/// A data slice of a body, counted through all its stripes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SliceName {
    pub data: DataId,
    pub slice: u64,
}

/// Hits and misses of a cache since the start, and what it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheFigures {
    /// Slices found.
    pub hits: u64,
    /// Slices not found, or not all of what was wanted of them.
    pub misses: u64,
    /// Memory that is held.
    pub held: ByteCount,
}

/// One range of whole chunks of a slice.
struct Cached {
    start: u64,
    bytes: Bytes,
    cost: u64,
    /// Asked for since it last moved; 3 at most.
    asked: u8,
    in_main: bool,
}

const ASKED_MAX: u8 = 3;

impl Cached {
    /// Where `range` of the slice is in the bytes, if all of it is.
    fn part(&self, range: &Range<u64>) -> Option<Range<usize>> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let upto = from.checked_add(length)?;
        (upto <= self.bytes.len()).then_some(from..upto)
    }
}

pub(crate) struct Cache {
    budget: u64,
    entries: Map<SliceName, Cached>,
    small: VecDeque<SliceName>,
    main: VecDeque<SliceName>,
    small_bytes: u64,
    main_bytes: u64,
    ghosts: VecDeque<SliceName>,
    ghost_names: Set<SliceName>,
    hits: u64,
    misses: u64,
}

impl Cache {
    pub fn new(budget: ByteCount) -> Self {
        Self {
            budget: budget.get(),
            entries: Map::default(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_bytes: 0,
            main_bytes: 0,
            ghosts: VecDeque::new(),
            ghost_names: Set::default(),
            hits: 0,
            misses: 0,
        }
    }

    /// Is all of `range` of a slice here?
    pub fn holds(&self, name: SliceName, range: &Range<u64>) -> bool {
        self.entries.get(&name).is_some_and(|cached| cached.part(range).is_some())
    }

    /// The bytes of `range` of a slice, if all of it is here.
    pub fn get(&mut self, name: SliceName, range: &Range<u64>) -> Option<Bytes> {
        let found = self.entries.get_mut(&name).and_then(|cached| {
            let part = cached.part(range)?;
            cached.asked = (cached.asked + 1).min(ASKED_MAX);
            Some(cached.bytes.slice(part))
        });
        match found {
            Some(_) => self.hits += 1,
            None => self.misses += 1,
        }
        found
    }

    /// Keeps verified `bytes` from `start` of a slice, which take `memory` as long as they are kept.
    pub fn insert(&mut self, name: SliceName, start: u64, bytes: Bytes, memory: ByteCount) {
        let cost = (memory + CACHE_ENTRY_OVERHEAD_BYTES).get();
        if cost > self.budget / 8 {
            return;
        }
        if let Some(cached) = self.entries.get_mut(&name) {
            if cached.bytes.len() < bytes.len() {
                let bytes_held =
                    if cached.in_main { &mut self.main_bytes } else { &mut self.small_bytes };
                *bytes_held = *bytes_held - cached.cost + cost;
                (cached.start, cached.bytes, cached.cost) = (start, bytes, cost);
            }
        } else {
            let in_main = self.ghost_names.contains(&name);
            self.entries.insert(name, Cached { start, bytes, cost, asked: 0, in_main });
            if in_main {
                self.main.push_back(name);
                self.main_bytes += cost;
            } else {
                self.small.push_back(name);
                self.small_bytes += cost;
            }
        }
        self.shrink_to(self.budget);
    }

    /// Lets go of at least a sixteenth of the budget, for reads that need the memory.
    pub fn yield_memory(&mut self) {
        let held = self.small_bytes + self.main_bytes;
        self.shrink_to(held.saturating_sub(self.budget / 16));
    }

    pub fn figures(&self) -> CacheFigures {
        let held = ByteCount::new(self.small_bytes + self.main_bytes);
        CacheFigures { hits: self.hits, misses: self.misses, held }
    }

    fn shrink_to(&mut self, bytes: u64) {
        while self.small_bytes + self.main_bytes > bytes {
            let from_small = self.small_bytes > self.budget / 10 || self.main.is_empty();
            if from_small { self.evict_from_small() } else { self.evict_from_main() }
        }
    }

    fn evict_from_small(&mut self) {
        let Some(name) = self.small.pop_front() else { return };
        let Some(cached) = self.entries.get_mut(&name) else { return };
        self.small_bytes -= cached.cost;
        if cached.asked > 0 {
            cached.asked = 0;
            cached.in_main = true;
            self.main_bytes += cached.cost;
            self.main.push_back(name);
            return;
        }
        self.entries.remove(&name);
        if self.ghost_names.insert(name) {
            self.ghosts.push_back(name);
        }
        if self.ghosts.len() > CACHE_GHOSTS_MAX {
            let oldest = self.ghosts.pop_front();
            oldest.inspect(|oldest| {
                self.ghost_names.remove(oldest);
            });
        }
    }

    fn evict_from_main(&mut self) {
        let Some(name) = self.main.pop_front() else { return };
        let Some(cached) = self.entries.get_mut(&name) else { return };
        if cached.asked > 0 {
            cached.asked -= 1;
            self.main.push_back(name);
            return;
        }
        self.main_bytes -= cached.cost;
        self.entries.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(slice: u64) -> SliceName {
        SliceName { data: DataId::from_bytes([7; 16]), slice }
    }

    fn insert(cache: &mut Cache, slice: u64) {
        cache.insert(name(slice), 0, Bytes::from(vec![1; 1000]), ByteCount::new(1000));
    }

    #[test]
    fn a_scan_does_not_push_out_what_is_asked_for_again() {
        let mut cache = Cache::new(ByteCount::kib(128));
        for slice in 0..20 {
            insert(&mut cache, slice);
            assert!(cache.get(name(slice), &(0..1000)).is_some());
        }
        for slice in 1000..5000 {
            insert(&mut cache, slice);
        }
        let kept = (0..20).filter(|slice| cache.get(name(*slice), &(0..1000)).is_some()).count();
        assert_eq!(kept, 20);
        assert!(cache.figures().held <= ByteCount::kib(128));
    }

    #[test]
    fn only_ranges_that_are_all_there_are_hits() {
        let mut cache = Cache::new(ByteCount::kib(128));
        cache.insert(name(1), 4096, Bytes::from_static(b"0123456789"), ByteCount::new(10));
        assert_eq!(cache.get(name(1), &(4098..4101)).as_deref(), Some(&b"234"[..]));
        assert_eq!(cache.get(name(1), &(4095..4097)), None);
        assert_eq!(cache.get(name(1), &(4100..4107)), None);
        assert_eq!(cache.get(name(2), &(4096..4097)), None);
        let figures = cache.figures();
        assert_eq!((figures.hits, figures.misses), (1, 3));
    }

    #[test]
    fn one_that_left_too_early_comes_back_to_stay() {
        let mut cache = Cache::new(ByteCount::kib(32));
        insert(&mut cache, 0);
        for slice in 1..100 {
            insert(&mut cache, slice);
        }
        assert!(cache.get(name(0), &(0..1)).is_none());
        insert(&mut cache, 0);
        for slice in 100..200 {
            insert(&mut cache, slice);
        }
        assert!(cache.get(name(0), &(0..1)).is_some());
    }
}
