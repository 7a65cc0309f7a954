//! Reading: what apply and the queries see of a database.

use crate::key::KeyRange;
use crate::record::{Malformed, Record};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Why a read gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The answer is not in memory and the caller must not wait for the drive: read again on a
    /// thread that may.
    #[error("not in memory")]
    WouldBlock,
    /// The database refused.
    #[error("{0}")]
    Failed(String),
    /// A stored value cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// How a scan goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Visit {
    /// With the next row.
    Next,
    /// With the first row at or behind this key, which is behind the row visited.
    Seek(Vec<u8>),
    /// Not at all.
    Stop,
}

/// What a visitor of rows is: key and value in, how to go on out.
pub(crate) type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Visit, ReadError> + 'a;

/// One moment of a database.
pub(crate) trait View {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Visits the rows of a range in order, until `visit` stops.
    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError>;
}

/// The record under `key`.
pub(crate) fn get_record<R: Record>(view: &dyn View, key: &[u8]) -> Result<Option<R>, ReadError> {
    let Some(value) = view.get(key)? else {
        return Ok(None);
    };
    Ok(Some(R::decode(&value)?))
}

/// A view with changes on top that are not written yet.
pub(crate) struct Overlay<'a> {
    below: &'a dyn View,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Overlay<'a> {
    /// No changes yet.
    pub(crate) fn new(below: &'a dyn View) -> Self {
        Self { below, changes: BTreeMap::new() }
    }

    /// The key has this value from here on, or is gone.
    pub(crate) fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.changes.insert(key, value);
    }

    /// The changes.
    pub(crate) fn into_changes(self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        self.changes
    }
}

impl View for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.below.get(key),
        }
    }

    fn scan(&self, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        let mut merge = Merge { overlay: self, to: &range.to, floor: range.from.clone(), visit };
        let mut ended = false;
        self.below.scan(range, &mut |key, value| {
            let went_on = merge.changes_below(Some(key))?;
            let next = if went_on { merge.row(key, value)? } else { Visit::Stop };
            ended = next == Visit::Stop;
            Ok(next)
        })?;
        if !ended {
            merge.changes_below(None)?;
        }
        Ok(())
    }
}

/// A scan of two sources at once. Invariant: everything below `floor` was visited or passed over.
struct Merge<'a, 'v> {
    overlay: &'a Overlay<'a>,
    to: &'a [u8],
    floor: Vec<u8>,
    visit: &'a mut Visitor<'v>,
}

impl Merge<'_, '_> {
    /// Visits the changes from the floor up to `key`, or to the end. False: the visitor stopped.
    fn changes_below(&mut self, key: Option<&[u8]>) -> Result<bool, ReadError> {
        let end = key.unwrap_or(self.to).to_vec();
        while self.floor < end {
            let bounds: (Bound<&[u8]>, Bound<&[u8]>) =
                (Bound::Included(&self.floor), Bound::Excluded(&end));
            let mut changes = self.overlay.changes.range::<[u8], _>(bounds);
            let Some((key, value)) = changes.find_map(|(key, value)| Some((key, value.as_ref()?)))
            else {
                return Ok(true);
            };
            match (self.visit)(key, value)? {
                Visit::Next => self.floor = [key.as_slice(), &[0]].concat(),
                Visit::Seek(target) => self.floor = target,
                Visit::Stop => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Visits a row of the view below, unless it is changed or below the floor.
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<Visit, ReadError> {
        if key < self.floor.as_slice() {
            return Ok(Visit::Seek(self.floor.clone()));
        }
        let next = match self.overlay.changes.get(key) {
            Some(None) => Visit::Next,
            Some(Some(value)) => (self.visit)(key, value)?,
            None => (self.visit)(key, value)?,
        };
        self.floor = match &next {
            Visit::Seek(target) => target.clone(),
            Visit::Next | Visit::Stop => [key, &[0]].concat(),
        };
        Ok(next)
    }
}
