//! What a core remembers of its reads, so that a hot object costs no look-up in the database.
//!
//! Every row of the state has a stamp (one of a fixed number, by the hash of its key), which apply
//! raises after it has written the row and before the command is answered. What was read from rows
//! whose stamps still stand is what a read would give now: the answer stays linearizable.
//! [`Meta`](crate::Meta) asks here first; nothing else may.

use crate::state::{Batch, ReadError, View, Visitor, Write};
use hamster_core::limits::{RECALL_ENTRY_BYTES_MAX, RECALL_STAMPS};
use std::cell::RefCell;
use std::hash::Hasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// The stamps of all rows. Shared by the cores of a node.
pub(crate) struct Stamps(Box<[AtomicU64]>);

impl Stamps {
    pub(crate) fn new() -> Self {
        Self((0..RECALL_STAMPS).map(|_| AtomicU64::new(0)).collect())
    }

    /// The stamps to raise once `batch` is written.
    pub(crate) fn of(&self, batch: &Batch) -> Vec<usize> {
        let ranged = batch.0.iter().any(|write| matches!(write, Write::DeleteRange(..)));
        if ranged {
            return (0..self.0.len()).collect();
        }
        let rows = batch.0.iter().filter_map(|write| match write {
            Write::Put(row, _) | Write::Delete(row) => Some(row),
            Write::DeleteRange(..) => None,
        });
        rows.map(|row| place(row, self.0.len())).collect()
    }

    /// What these stamps stand for has changed.
    pub(crate) fn raise(&self, places: &[usize]) {
        for place in places {
            self.0[*place].fetch_add(1, Ordering::Release);
        }
    }

    /// Everything has changed.
    pub(crate) fn raise_all(&self) {
        for stamp in &self.0 {
            stamp.fetch_add(1, Ordering::Release);
        }
    }

    fn at(&self, place: usize) -> u64 {
        self.0[place].load(Ordering::Acquire)
    }
}

fn place(row: &[u8], places: usize) -> usize {
    let mut hasher = hamster_core::map::FixedHasher::default();
    hasher.write(row);
    // Invariant: below `places`, which is far below what 32 bits count.
    usize::try_from((hasher.finish() >> 16) % places as u64).expect("a remainder of a usize")
}

/// The rows that an answer was read from: their stamps, each taken before its row was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    stamps: Vec<(usize, u64)>,
    bytes: usize,
    /// Rows were scanned: the answer cannot be told from stamps.
    scanned: bool,
}

/// A view that notes what is read through it.
pub(crate) struct Noting<'a> {
    view: &'a dyn View,
    stamps: &'a Stamps,
    notes: RefCell<Notes>,
}

impl<'a> Noting<'a> {
    pub(crate) fn new(view: &'a dyn View, stamps: &'a Stamps) -> Self {
        Self { view, stamps, notes: RefCell::default() }
    }

    pub(crate) fn into_notes(self) -> Notes {
        self.notes.into_inner()
    }
}

impl View for Noting<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let place = place(key, self.stamps.0.len());
        let stamp = self.stamps.at(place);
        let value = self.view.get(key)?;
        let mut notes = self.notes.borrow_mut();
        notes.stamps.push((place, stamp));
        notes.bytes += value.as_ref().map_or(0, Vec::len);
        Ok(value)
    }

    fn scan(&self, range: &crate::key::KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        self.notes.borrow_mut().scanned = true;
        self.view.scan(range, visit)
    }
}

/// Answers by the row that names them, two to a place: a newcomer takes that of the older. (With one
/// to a place, every seventh of 10,000 hot objects would push out another again and again.) One
/// core's. A clone of an answer must be cheap.
pub(crate) struct Recall<T>(Vec<[Option<Box<Known<T>>>; 2]>);

struct Known<T> {
    row: Vec<u8>,
    notes: Notes,
    answer: T,
}

impl<T: Clone> Recall<T> {
    pub(crate) fn new(answers: usize) -> Self {
        Self((0..answers / 2).map(|_| [None, None]).collect())
    }

    /// The answer named by `row`, if it is known and nothing that it was read from has changed.
    pub(crate) fn get(&self, row: &[u8], stamps: &Stamps) -> Option<T> {
        let mut pair = self.0[place(row, self.0.len())].iter().flatten();
        let known = pair.find(|known| known.row == row)?;
        let stands = known.notes.stamps.iter().all(|(place, stamp)| stamps.at(*place) == *stamp);
        stands.then(|| known.answer.clone())
    }

    /// Remembers an answer, unless it was scanned for or is large.
    pub(crate) fn keep(&mut self, row: Vec<u8>, notes: Notes, answer: T) {
        if notes.scanned || row.len() + notes.bytes > RECALL_ENTRY_BYTES_MAX.as_usize() {
            return;
        }
        let place = place(&row, self.0.len());
        let [newer, older] = &mut self.0[place];
        // What was known of the same row is outdated: the other one stays.
        if newer.as_ref().is_some_and(|known| known.row != row) {
            std::mem::swap(newer, older);
        }
        *newer = Some(Box::new(Known { row, notes, answer }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRange;

    struct OneRow(RefCell<Vec<u8>>);

    impl View for OneRow {
        fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
            Ok(Some(self.0.borrow().clone()))
        }

        fn scan(&self, _range: &KeyRange, _visit: &mut Visitor<'_>) -> Result<(), ReadError> {
            Ok(())
        }
    }

    fn remembered(stamps: &Stamps, view: &OneRow, scan: bool) -> Recall<Vec<u8>> {
        let noting = Noting::new(view, stamps);
        let answer = noting.get(b"row").expect("it answers").expect("it is there");
        if scan {
            let all = KeyRange { from: vec![], to: vec![] };
            noting.scan(&all, &mut |_, _| unreachable!("no rows")).expect("it answers");
        }
        let mut recall = Recall::new(64);
        recall.keep(b"row".to_vec(), noting.into_notes(), answer);
        recall
    }

    #[test]
    fn an_answer_stands_until_one_of_its_rows_is_written() {
        let stamps = Stamps::new();
        let recall = remembered(&stamps, &OneRow(RefCell::new(b"old".to_vec())), false);
        assert_eq!(recall.get(b"row", &stamps), Some(b"old".to_vec()));
        let batch = Batch(vec![Write::Put(b"row".to_vec(), b"new".to_vec())]);
        stamps.raise(&stamps.of(&batch));
        assert_eq!(recall.get(b"row", &stamps), None);
    }

    #[test]
    fn a_deleted_range_lets_no_answer_stand() {
        let stamps = Stamps::new();
        let recall = remembered(&stamps, &OneRow(RefCell::new(b"old".to_vec())), false);
        stamps.raise(&stamps.of(&Batch(vec![Write::DeleteRange(vec![], vec![0xff])])));
        assert_eq!(recall.get(b"row", &stamps), None);
    }

    #[test]
    fn what_was_scanned_for_or_is_large_is_not_remembered() {
        let stamps = Stamps::new();
        let scanned = remembered(&stamps, &OneRow(RefCell::new(b"old".to_vec())), true);
        assert_eq!(scanned.get(b"row", &stamps), None);
        let large = vec![0; RECALL_ENTRY_BYTES_MAX.as_usize()];
        let recall = remembered(&stamps, &OneRow(RefCell::new(large)), false);
        assert_eq!(recall.get(b"row", &stamps), None);
    }

    #[test]
    fn two_rows_of_one_place_are_both_remembered_and_the_older_gives_way() {
        let stamps = Stamps::new();
        let mut recall = Recall::new(2);
        for (row, answer) in [(b"a", 1), (b"b", 2), (b"b", 3), (b"c", 4)] {
            recall.keep(row.to_vec(), Notes::default(), answer);
        }
        let known = [b"a", b"b", b"c"].map(|row| recall.get(row, &stamps));
        assert_eq!(known, [None, Some(3), Some(4)]);
    }

    #[test]
    fn another_row_in_the_same_place_is_not_mistaken() {
        let stamps = Stamps::new();
        let recall = remembered(&stamps, &OneRow(RefCell::new(b"old".to_vec())), false);
        let others = (0u16..1000).map(|number| number.to_be_bytes());
        assert!(others.into_iter().all(|other| recall.get(&other, &stamps).is_none()));
    }
}
