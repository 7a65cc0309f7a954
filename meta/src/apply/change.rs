//! The state as the commands of a proposal see it: with what those before them changed.

use crate::key;
use crate::record::{DataRecord, Owner, Record, Sequence};
use crate::state::{Batch, Overlay, ReadError, View, get_record};
use hamster_core::ids::DataId;

/// Changes under way.
pub(super) struct Change<'a> {
    state: Overlay<'a>,
    sequence: Sequence,
}

impl<'a> Change<'a> {
    /// None yet.
    pub(super) fn new(state: &'a dyn View) -> Self {
        Self { state: Overlay::new(state), sequence: Sequence::default() }
    }

    /// The command at `sequence` is next.
    pub(super) fn at(&mut self, sequence: Sequence) {
        self.sequence = sequence;
    }

    /// The commit sequence of the command.
    pub(super) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// For scans.
    pub(super) fn view(&self) -> &dyn View {
        &self.state
    }

    /// The record under `key`.
    pub(super) fn get<R: Record>(&self, key: &[u8]) -> Result<Option<R>, ReadError> {
        get_record(&self.state, key)
    }

    /// The record under `key` is this from here on.
    pub(super) fn put(&mut self, key: Vec<u8>, record: &impl Record) {
        self.state.set(key, Some(record.encode()));
    }

    /// There is a row under `key` from here on, which says all by being there.
    pub(super) fn mark(&mut self, key: Vec<u8>) {
        self.state.set(key, Some(vec![]));
    }

    /// There is nothing under `key` from here on.
    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.state.set(key, None);
    }

    /// All changes.
    pub(super) fn into_batch(self) -> Batch {
        self.state.into_changes().into()
    }

    /// Whether a data id is known already: then it must be neither stored nor given up again.
    pub(super) fn knows(&self, data: DataId) -> Result<bool, ReadError> {
        Ok(self.state.get(&key::data(data))?.is_some())
    }

    /// `owner` refers to these shards from here on.
    pub(super) fn claim(&mut self, data: &DataRecord, owner: Owner) {
        self.put(key::data(data.data), &DataRecord { owner, ..data.clone() });
    }

    /// Shards that were written but never referred to are dead.
    pub(super) fn reject(&mut self, data: Option<&DataRecord>) -> Result<(), ReadError> {
        if let Some(data) = data
            && !self.knows(data.data)?
        {
            self.put(key::dead(self.sequence, data.data), data);
        }
        Ok(())
    }

    /// Nothing refers to these shards any more: they go to the dead queue with their places.
    pub(super) fn release(&mut self, data: DataId) -> Result<(), ReadError> {
        if let Some(record) = self.get::<DataRecord>(&key::data(data))? {
            self.delete(key::data(data));
            self.put(key::dead(self.sequence, data), &record);
        }
        Ok(())
    }
}
