//! How every query reads: in place what is in memory, else on a thread that may wait for the drive;
//! and of the state that is in use when the answer is given, not of one that was replaced meanwhile.

use super::{Meta, MetaError};
use crate::recall::{Notes, Noting, Recall};
use crate::shared::Reading;
use crate::state::{Database, Reach, ReadError, View};
use hamster_core::Queue;
use std::cell::RefCell;
use std::sync::Arc;

impl Meta {
    /// Looks at the state that is to be read from now.
    pub(super) fn now<T>(&self, look: impl FnOnce(&Reading) -> T) -> T {
        let shared = &self.0.shared;
        let mut known = self.0.state.borrow_mut();
        if known.as_ref().is_none_or(|known| known.number != shared.reading())
            && let Some(former) = known.replace(shared.state())
        {
            let core = self.0.core.clone();
            // Why there: the last one to let a database go closes it, which blocks.
            self.0.core.spawn(Queue::Background, async move {
                core.blocking(move || drop(former)).await;
            });
        }
        look(known.get_or_insert_with(|| shared.state()))
    }

    /// As [`Meta::read`], with notes of the rows that the answer came from.
    pub(super) async fn read_noting<T: Send + 'static>(
        &self,
        consistent: bool,
        query: impl Fn(&dyn View) -> Result<T, ReadError> + Clone + Send + 'static,
    ) -> Result<(T, Notes), MetaError> {
        let shared = Arc::clone(&self.0.shared);
        let look = move |view: &dyn View| {
            let noting = Noting::new(view, shared.stamps());
            let answer = query(&noting)?;
            Ok((answer, noting.into_notes()))
        };
        self.read(consistent, look).await
    }

    /// A remembered answer, if it still stands and this node leads.
    pub(super) fn recall<T: Clone>(&self, memory: &RefCell<Recall<T>>, row: &[u8]) -> Option<T> {
        let shared = &self.0.shared;
        let answer = memory.borrow().get(row, shared.stamps());
        answer.filter(|_| shared.leads())
    }

    /// Answers `query` from what is in memory, or else on a thread that may wait for the drive.
    /// `consistent`: all that it reads is of one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        consistent: bool,
        query: impl Fn(&dyn View) -> Result<T, ReadError> + Clone + Send + 'static,
    ) -> Result<T, MetaError> {
        let see = move |state: &Database, reach| match consistent {
            true => query(&state.snapshot(reach)),
            false => query(&state.now(reach)),
        };
        loop {
            let in_memory = |state: &Reading| (state.number, see(&state.database, Reach::Memory));
            let (mut number, mut result) = self.now(in_memory);
            if let Err(ReadError::WouldBlock) = result {
                let _place = self.0.on_threads.acquire(1).await;
                let (state, see) = (self.now(Reading::clone), see.clone());
                number = state.number;
                let work = move || see(&state.database, Reach::Drive);
                result = self.0.core.blocking(work).await;
                self.end_tombstones();
            }
            if let Some(answer) = self.while_leading(number, result) {
                return answer;
            }
        }
    }

    /// Answers `query`, which reads many rows, on a thread that may wait: no core stands still for
    /// it. Of one moment if it is one scan.
    pub(super) async fn walk<T: Send + 'static>(
        &self,
        query: impl Fn(&dyn View) -> Result<T, ReadError> + Clone + Send + 'static,
    ) -> Result<T, MetaError> {
        let _place = self.0.on_threads.acquire(1).await;
        loop {
            let (state, query) = (self.now(Reading::clone), query.clone());
            let number = state.number;
            let work = move || query(&state.database.now(Reach::Drive));
            let result = self.0.core.blocking(work).await;
            self.end_tombstones();
            if let Some(answer) = self.while_leading(number, result) {
                return answer;
            }
        }
    }

    /// Has the deleted rows ended that a read has just met, if they were many. Nobody waits for it.
    fn end_tombstones(&self) {
        let state = self.now(|state| state.database.has_tombstones().then(|| state.clone()));
        if let Some(state) = state {
            let core = self.0.core.clone();
            self.0.core.spawn(Queue::Background, async move {
                core.blocking(move || state.database.end_tombstones()).await;
            });
        }
    }

    /// The answer to a read of the `number`th state that has just been made. `None`: another state
    /// was put in its place meanwhile, and that must be read.
    fn while_leading<T>(
        &self,
        number: u64,
        result: Result<T, ReadError>,
    ) -> Option<Result<T, MetaError>> {
        let shared = &self.0.shared;
        if number != shared.reading() {
            return None;
        }
        // Why behind the read: what was read is the truth only if this node still led then.
        if !shared.leads() {
            let why = shared.stopped().map_or(MetaError::NoLeader, MetaError::Stopped);
            return Some(Err(why));
        }
        Some(result.map_err(|error| {
            if let ReadError::Failed(_) = error {
                shared.doubt_state(number);
            }
            MetaError::Unreadable(error.to_string())
        }))
    }
}
