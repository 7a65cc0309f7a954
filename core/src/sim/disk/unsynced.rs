//! What has changed and is not durable yet, oldest first.

use std::collections::VecDeque;

/// Changes, numbered from the first one ever, so that a sync takes those it was asked for and no
/// later ones, whatever other syncs have taken meanwhile.
#[derive(Clone)]
pub(super) struct Unsynced<C> {
    taken: usize,
    changes: VecDeque<C>,
}

impl<C> Default for Unsynced<C> {
    fn default() -> Self {
        Self { taken: 0, changes: VecDeque::new() }
    }
}

impl<C> Unsynced<C> {
    pub fn push(&mut self, change: C) {
        self.changes.push_back(change);
    }

    /// The end of what there is now, for [`Unsynced::take_until`].
    pub fn mark(&self) -> usize {
        self.taken + self.changes.len()
    }

    /// Takes what came before `mark`.
    pub fn take_until(&mut self, mark: usize) -> Vec<C> {
        let count = mark.saturating_sub(self.taken);
        self.take(count)
    }

    /// The same changes, each made into another.
    pub fn map(&self, to: impl FnMut(&C) -> C) -> Self {
        Self { taken: self.taken, changes: self.changes.iter().map(to).collect() }
    }

    /// Takes everything.
    pub fn take_all(&mut self) -> Vec<C> {
        self.take(self.changes.len())
    }

    fn take(&mut self, count: usize) -> Vec<C> {
        self.taken += count;
        self.changes.drain(..count).collect()
    }
}
