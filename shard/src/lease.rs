//! What this core reads or writes: the bytes of a data id that someone here needs stay where they
//! are. Whoever writes holds a lease until it is known whether the commit was applied.
//!
//! A look-up is *pinned* before it reads the metadata and turns into a *lease* on what it found.
//! Whoever asks what is leased is answered only when the look-ups that began before the question
//! have ended: one of them may have read what has died since (DESIGN.md, invariant 10).

use hamster_core::Map;
use hamster_core::ids::DataId;
use hamster_core::sync::Event;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The leases of one core.
#[derive(Clone, Default)]
pub(crate) struct Leases(Rc<Inner>);

#[derive(Default)]
struct Inner {
    held: RefCell<Map<DataId, u32>>,
    pins: RefCell<Pins>,
    unpinned: Event,
}

#[derive(Default)]
struct Pins {
    next: u64,
    open: BTreeSet<u64>,
}

/// A look-up under way.
#[must_use]
pub struct Pin {
    leases: Leases,
    number: u64,
}

/// As long as it is held, nothing of its data ids is freed.
#[must_use]
pub struct Lease {
    leases: Leases,
    data: Vec<DataId>,
}

impl Leases {
    pub fn pin(&self) -> Pin {
        let mut pins = self.0.pins.borrow_mut();
        let number = pins.next;
        pins.next += 1;
        pins.open.insert(number);
        Pin { leases: self.clone(), number }
    }

    /// Which of these are held, by leases or by look-ups that began before this call.
    pub async fn held(&self, data: &[DataId]) -> Vec<bool> {
        let asked = self.0.pins.borrow().next;
        loop {
            let unpinned = self.0.unpinned.listen();
            if self.0.pins.borrow().open.first().is_none_or(|first| *first >= asked) {
                break;
            }
            unpinned.await;
        }
        let held = self.0.held.borrow();
        data.iter().map(|data| held.contains_key(data)).collect()
    }
}

impl Pin {
    /// Ends the look-up, which has found these.
    pub fn lease(self, data: Vec<DataId>) -> Lease {
        let leases = self.leases.clone();
        let mut held = leases.0.held.borrow_mut();
        for data in &data {
            *held.entry(*data).or_default() += 1;
        }
        drop(held);
        Lease { leases, data }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.leases.0.pins.borrow_mut().open.remove(&self.number);
        self.leases.0.unpinned.notify();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.0.held.borrow_mut();
        for data in &self.data {
            if let Some(count) = held.get_mut(data) {
                *count -= 1;
                if *count == 0 {
                    held.remove(data);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn id(byte: u8) -> DataId {
        DataId::from_bytes([byte; 16])
    }

    #[test]
    fn a_data_id_is_held_until_its_last_reader_is_done() {
        let leases = Leases::default();
        let held = || leases.held(&[id(1), id(2)]).now_or_never();
        let first = leases.pin().lease(vec![id(1), id(2)]);
        let second = leases.pin().lease(vec![id(1)]);
        drop(first);
        assert_eq!(held(), Some(vec![true, false]));
        drop(second);
        assert_eq!(held(), Some(vec![false, false]));
    }

    #[test]
    fn an_answer_waits_for_look_ups_that_began_before_and_for_no_other() {
        let leases = Leases::default();
        let before = leases.pin();
        let asked = [id(1)];
        let mut answer = Box::pin(leases.held(&asked));
        assert_eq!(answer.as_mut().now_or_never(), None);
        let after = leases.pin();
        let lease = before.lease(vec![id(1)]);
        assert_eq!(answer.now_or_never(), Some(vec![true]));
        drop((after, lease));
    }
}
