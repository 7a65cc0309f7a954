//! What reads of the log find while others leave memory.

use super::*;
use crate::log::Payload;
use crate::mirror::MirrorSet;
use crate::mirror::seed::{self, Place};
use crate::shared::Shared;
use crate::state::{Storage, twin::TwinWorld};
use hamster_core::ids::DriveOrdinal;
use hamster_core::sim;
use std::future::ready;
use std::sync::Arc;

fn empty_log(core: &Core) -> LogStore {
    let place = Place { drive: DriveOrdinal::new(0), path: "/d0/meta".into() };
    let storage = Storage::Twin(TwinWorld::default());
    let made = seed::create(&storage, &place).expect("made");
    let shared = Arc::new(Shared::new());
    let inspected = made.inspected;
    let set = MirrorSet { epoch: 1, drives: vec![place.drive] };
    let record = Box::new(|_| Box::pin(ready(Ok(()))) as _);
    let mirrors = Mirrors::new(core, storage, shared, record, set);
    mirrors.start(made);
    LogStore::new(core, mirrors, inspected)
}

fn entry(index: u64) -> Entry {
    Entry { position: Position { term: 1, node: 1, index }, payload: Payload::Blank }
}

/// Appends entries and has them durable, as an append does.
async fn append(log: &LogStore, indexes: std::ops::Range<u64>) {
    let writes = indexes.clone().map(|index| {
        let frame = EntryFrame::encode(&entry(index));
        log.0.head.borrow_mut().push(entry(index), frame.len());
        Write::Put(entry_key(index), frame)
    });
    log.gather_and_wait(writes.collect::<Vec<_>>()).await.expect("written");
    log.0.head.borrow_mut().acknowledge(indexes.end - 1);
}

#[test]
fn entries_that_leave_memory_during_a_read_are_in_it() {
    sim::run(1, |core| async move {
        let log = empty_log(&core);
        let kept = u64::try_from(limits::LOG_ENTRIES_CACHED_MAX).expect("a small limit");
        append(&log, 0..kept + 6).await;
        let mut reading = Box::pin(log.read(0, 60));
        assert!(futures_util::poll!(&mut reading).is_pending(), "the oldest are on the drive");
        append(&log, kept + 6..kept + 40).await;
        let read = reading.await.expect("readable");
        assert!(read.iter().map(|entry| entry.log_id.index).eq(0..60));
    });
}
