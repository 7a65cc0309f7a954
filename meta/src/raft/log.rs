//! openraft's log over the mirrors. Appends are gathered while a write is under way and written
//! together: one sync for all of them. The newest entries stay in memory, those that are not durable
//! yet among them; older ones come from the log database.

use super::adapter;
use super::types::Types;
use crate::log::{
    Entry, EntryFrame, Inspected, Position, Vote, acknowledged_key, entry_key, entry_keys,
    entry_keys_from, purged_key, vote_key,
};
use crate::mirror::Mirrors;
use crate::record::Record;
use crate::state::{Batch, Reach, View, Visit, Write};
use futures_util::{Stream, stream};
use hamster_core::sync::{self, OneshotSender};
use hamster_core::{Core, Queue, limits};
use openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::rc::Rc;

/// Entries that are read from the database at once.
const READ_ENTRIES_MAX: u64 = 64;

/// The log. Cheap to clone.
#[derive(Clone)]
pub(super) struct LogStore(Rc<Inner>);

struct Inner {
    core: Core,
    mirrors: Mirrors,
    head: RefCell<Head>,
    gathered: RefCell<Gathered>,
}

/// What the log holds, written or about to be.
struct Head {
    vote: Option<Vote>,
    purged: Option<Position>,
    last: Option<Position>,
    /// Entries up to this index are durable on all mirrors.
    durable: Option<u64>,
    /// The newest entries in order, and their encoded sizes.
    recent: VecDeque<(Entry, usize)>,
    recent_bytes: usize,
}

/// Changes that wait for the write under way, and who waits for them.
#[derive(Default)]
struct Gathered {
    batch: Batch,
    waiting: Vec<Waiting>,
    writing: bool,
}

enum Waiting {
    Append { up_to: u64, flushed: IOFlushed<Types> },
    Other(OneshotSender<io::Result<()>>),
}

impl LogStore {
    /// The log that `inspected` found in the mirrors.
    pub(super) fn new(core: &Core, mirrors: Mirrors, inspected: Inspected) -> Self {
        let Inspected { vote, purged, last } = inspected;
        let durable = last.map(|last| last.index);
        let head = Head { vote, purged, last, durable, recent: VecDeque::new(), recent_bytes: 0 };
        Self(Rc::new(Inner {
            core: core.clone(),
            mirrors,
            head: RefCell::new(head),
            gathered: RefCell::default(),
        }))
    }

    /// Adds writes to what is gathered, and starts the writing if none is under way.
    fn gather(&self, writes: impl IntoIterator<Item = Write>, waiting: Waiting) {
        let mut gathered = self.0.gathered.borrow_mut();
        gathered.batch.0.extend(writes);
        gathered.waiting.push(waiting);
        if !std::mem::replace(&mut gathered.writing, true) {
            let log = self.clone();
            self.0.core.spawn(Queue::Latency, async move { log.write_gathered().await });
        }
    }

    async fn gather_and_wait(&self, writes: impl IntoIterator<Item = Write>) -> io::Result<()> {
        let (answer, answered) = sync::oneshot();
        self.gather(writes, Waiting::Other(answer));
        answered.await.unwrap_or_else(|_| Err(io::Error::other("the log has ended")))
    }

    /// Writes what is gathered, again and again until there is nothing more.
    async fn write_gathered(&self) {
        loop {
            let (mut batch, waiting) = {
                let mut gathered = self.0.gathered.borrow_mut();
                if gathered.waiting.is_empty() {
                    gathered.writing = false;
                    return;
                }
                (std::mem::take(&mut gathered.batch), std::mem::take(&mut gathered.waiting))
            };
            if let Some(durable) = self.0.head.borrow().durable {
                batch.put(acknowledged_key(), durable.to_be_bytes().into());
            }
            let result = self.0.mirrors.write_log(batch).await;
            for waiting in waiting {
                let result = result.as_ref().map_or_else(|error| Err(again(error)), |()| Ok(()));
                self.tell(waiting, result);
            }
        }
    }

    fn tell(&self, waiting: Waiting, result: io::Result<()>) {
        match waiting {
            Waiting::Append { up_to, flushed } => {
                if result.is_ok() {
                    self.0.head.borrow_mut().acknowledge(up_to);
                }
                flushed.io_completed(result);
            }
            Waiting::Other(answer) => {
                // Nobody waits any more: then nobody needs to know.
                let _gone = answer.send(result);
            }
        }
    }

    /// Entries from one index to another, those that are there.
    async fn read(&self, from: u64, to: u64) -> io::Result<Vec<EntryOf<Types>>> {
        // Why before the others: while those are read, these may leave memory.
        let (recent_from, recent) = self.0.head.borrow().recent(from, to);
        let mut entries = Vec::new();
        if from < recent_from.min(to) {
            let database = self.0.mirrors.log()?;
            let range = entry_keys(from, to.min(recent_from));
            let stored = self.0.core.blocking(move || {
                let mut stored = Vec::new();
                let read = database.now(Reach::Drive).scan(&range, &mut |key, value| {
                    let index = key.last_chunk().map_or(0, |index| u64::from_be_bytes(*index));
                    stored.push(EntryFrame::decode(index, value)?);
                    Ok(Visit::Next)
                });
                read.map(|()| stored)
            });
            entries = stored.await.map_err(io::Error::other)?;
        }
        entries.into_iter().chain(recent).map(adapter::raft_entry).collect()
    }
}

/// The same error for another who waits.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

impl Head {
    fn push(&mut self, entry: Entry, size: usize) {
        self.last = Some(entry.position);
        self.recent_bytes += size;
        self.recent.push_back((entry, size));
    }

    /// Where memory begins, and what of it is wanted.
    fn recent(&self, from: u64, to: u64) -> (u64, Vec<Entry>) {
        let begin = self.recent.front().map_or(u64::MAX, |(entry, _)| entry.position.index);
        let wanted = self.recent.iter().map(|(entry, _)| entry);
        let wanted = wanted.skip_while(|entry| entry.position.index < from);
        (begin, wanted.take_while(|entry| entry.position.index < to).cloned().collect())
    }

    /// Entries up to `index` are durable; the oldest of them leave memory if there are too many.
    fn acknowledge(&mut self, index: u64) {
        self.durable = self.durable.max(Some(index));
        while self.recent.len() > limits::LOG_ENTRIES_CACHED_MAX
            || self.recent_bytes > limits::LOG_CACHE_BYTES_MAX.as_usize()
        {
            let oldest = self.recent.front().map(|(entry, _)| entry.position.index);
            if oldest > self.durable {
                return;
            }
            let Some((_, size)) = self.recent.pop_front() else {
                return;
            };
            self.recent_bytes -= size;
        }
    }

    /// Entries behind `last` are gone.
    fn truncate(&mut self, last: Option<Position>) {
        let end = last.map(|last| last.index);
        while self.recent.back().is_some_and(|(entry, _)| Some(entry.position.index) > end) {
            let Some((_, size)) = self.recent.pop_back() else {
                return;
            };
            self.recent_bytes -= size;
        }
        self.last = last;
        self.durable = self.durable.min(end);
    }

    /// Entries up to `position` are gone.
    fn purge(&mut self, position: Position) {
        while self.recent.front().is_some_and(|(entry, _)| entry.position.index <= position.index) {
            let Some((_, size)) = self.recent.pop_front() else {
                return;
            };
            self.recent_bytes -= size;
        }
        self.purged = Some(position);
        self.last = self.last.max(Some(position));
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<EntryOf<Types>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Why in pieces: after a start, thousands of large entries may be wanted at once.
        let log = self.clone();
        let pieces = stream::try_unfold(bounds(&range), move |(from, to)| {
            let log = log.clone();
            async move {
                let piece = log.read(from, to.min(from.saturating_add(READ_ENTRIES_MAX))).await?;
                let read = u64::try_from(piece.len()).unwrap_or(READ_ENTRIES_MAX);
                let next = (from.saturating_add(read), to);
                let entries = stream::iter(piece.into_iter().map(Ok));
                Ok::<_, io::Error>((read > 0).then_some((entries, next)))
            }
        });
        Box::pin(futures_util::TryStreamExt::try_flatten(pieces))
    }

    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<EntryOf<Types>>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = bounds(&range);
        self.read(from, to).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        Ok(self.0.head.borrow().vote.map(adapter::raft_vote))
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let head = self.0.head.borrow();
        Ok(LogState {
            last_purged_log_id: head.purged.map(adapter::log_id),
            last_log_id: head.last.map(adapter::log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        let vote = adapter::vote(vote);
        self.0.head.borrow_mut().vote = Some(vote);
        self.gather_and_wait([Write::Put(vote_key(), vote.encode())]).await
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = EntryOf<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut writes = Vec::new();
        let mut up_to = 0;
        for entry in entries {
            let entry = adapter::entry(&entry);
            let frame = EntryFrame::encode(&entry);
            up_to = entry.position.index;
            self.0.head.borrow_mut().push(entry, frame.len());
            writes.push(Write::Put(entry_key(up_to), frame));
        }
        self.gather(writes, Waiting::Append { up_to, flushed });
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<Types>>) -> io::Result<()> {
        let last = last.as_ref().map(adapter::position);
        self.0.head.borrow_mut().truncate(last);
        let gone = entry_keys_from(last.map_or(0, |last| last.index + 1));
        self.gather_and_wait([Write::DeleteRange(gone.from, gone.to)]).await
    }

    async fn purge(&mut self, up_to: LogIdOf<Types>) -> io::Result<()> {
        let position = adapter::position(&up_to);
        // Why not behind the last entry: a snapshot was installed there, and the next entry follows it.
        if self.0.mirrors.is_seeding() && Some(position) <= self.0.head.borrow().last {
            // Why: the mirror that is being made still needs them. The next purge takes them along.
            return Ok(());
        }
        let former = self.0.head.borrow().purged;
        self.0.head.borrow_mut().purge(position);
        let gone = entry_keys(former.map_or(0, |former| former.index + 1), position.index + 1);
        let mark = Write::Put(purged_key(), position.encode());
        self.gather_and_wait([Write::DeleteRange(gone.from, gone.to), mark]).await
    }
}

#[cfg(test)]
mod tests;
