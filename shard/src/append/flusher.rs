//! Takes what waits, writes it as one batch, syncs, acknowledges.

use super::supply::Supply;
use super::{AppendError, Job, Payload, Segment, Waiting};
use crate::drive::local::LocalDrive;
use crate::drive::{DriveState, Failure};
use crate::index::{Entry, Key, Placement, Stretch};
use crate::lane::Lanes;
use crate::segment::Class;
use crate::segment::header::RUNS_START;
use crate::segment::run::{Framing, RunHeader, RunPlace};
use futures_util::future::join_all;
use hamster_core::disk::is_full;
use hamster_core::ids::SegmentNumber;
use hamster_core::limits::{BLOCK_BYTES, BULK_BATCH_RUNS_MAX, SMALL_BATCH_BYTES_MAX};
use hamster_core::plant::{Plant, planted};
use hamster_core::sync::Receiver;
use hamster_core::{Buffer, ByteCount, Queue, Task};
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;

pub(super) struct Flusher {
    drive: Rc<LocalDrive>,
    lanes: Lanes,
    class: Class,
    queue: Receiver<Job>,
    /// Taken from the queue, but not for the last batch.
    held: Option<Job>,
    supply: Supply,
    /// Takes the next batch.
    active: Option<Segment>,
    /// The former stretch, on its way into a table.
    closing: Option<Task<()>>,
    /// Kept from batch to batch, so that a flush never waits for memory that others wait to free.
    buffers: Vec<Buffer>,
}

/// A run with its place.
struct Run {
    waiting: Waiting,
    header: RunHeader,
    framing: Framing,
}

impl Run {
    fn position(&self) -> u64 {
        self.header.place.position
    }

    fn end(&self) -> u64 {
        self.position() + self.framing.end
    }

    fn entry(&self, class: Class) -> Entry {
        let RunHeader { content, place } = &self.header;
        let chunks = &self.waiting.append.chunks;
        Entry {
            key: Key {
                data: content.data,
                shard_offset: content.shard_offset,
                shard: content.shard,
            },
            placement: Placement {
                segment: place.segment,
                generation: place.generation,
                class,
                position: place.position,
                payload_bytes: content.payload_bytes,
                writer_epoch: place.writer_epoch,
                chunks: (class == Class::Bulk).then(|| chunks.as_slice().into()),
            },
        }
    }
}

/// An aligned extent to be written.
struct Extent {
    offset: u64,
    buffer: Buffer,
    /// The buffer is the flusher's own.
    kept: bool,
}

impl Flusher {
    pub fn new(drive: Rc<LocalDrive>, lanes: Lanes, queue: Receiver<Job>, supply: Supply) -> Self {
        let class = supply.class;
        let (held, active, closing, buffers) = (None, None, None, Vec::new());
        Self { drive, lanes, class, queue, held, supply, active, closing, buffers }
    }

    pub async fn run(mut self) {
        loop {
            let next = match self.held.take() {
                Some(held) => Some(held),
                None => self.queue.receive().await,
            };
            match next {
                Some(Job::Append(first)) => {
                    let batch = self.gather(first);
                    let drive = Rc::clone(&self.drive);
                    // A batch that is given up is refused: nobody answers for it.
                    drive.answers(self.flush(batch)).await;
                }
                Some(Job::Settle(segment, done)) => {
                    let drive = Rc::clone(&self.drive);
                    drive.while_in_service(self.settle(segment)).await;
                    // Whoever asked may be gone.
                    let _ = done.send(());
                }
                None => return,
            }
        }
    }

    /// What waits now, as much as one batch takes.
    fn gather(&mut self, first: Waiting) -> Vec<Waiting> {
        let length = |one: &Waiting| one.append.content.framing(self.class).end;
        // A batch goes to one segment, and those of a small drive are short.
        let room = self.drive.segment_bytes(self.class).get() - RUNS_START;
        let (bytes_max, runs_max) = match self.class {
            Class::Small => (room.min(SMALL_BATCH_BYTES_MAX.get()), usize::MAX),
            Class::Bulk => (room, BULK_BATCH_RUNS_MAX),
        };
        let mut bytes = length(&first);
        let mut batch = vec![first];
        while batch.len() < runs_max {
            match self.queue.try_receive() {
                Some(Job::Append(next)) if bytes + length(&next) <= bytes_max => {
                    bytes += length(&next);
                    batch.push(next);
                }
                other => {
                    self.held = other;
                    break;
                }
            }
        }
        batch
    }

    async fn flush(&mut self, batch: Vec<Waiting>) {
        let length = batch.iter().map(|one| one.append.content.framing(self.class).end).sum();
        if let Err(error) = self.make_room(length).await {
            return refuse(batch, error);
        }
        let Some(active) = &mut self.active else { unreachable!("room was made") };
        let start = active.position;
        let runs = place(&self.drive, self.class, active, batch);
        let end = runs.last().map_or(active.position, Run::end);
        active.position = end.next_multiple_of(BLOCK_BYTES.get());
        if planted(Plant::SyncsBeforeWrite) {
            let _ = self.sync().await;
        }
        let (runs, outcome) = self.write(runs).await;
        if let Err(error) = outcome {
            let refusal = match is_full(&error) {
                true => self.leave(start).await,
                false => {
                    self.drive.fail(Failure::Poisoned, "writing a batch", &error);
                    AppendError::Failed
                }
            };
            return self.conclude(runs, Err(refusal)).await;
        }
        let (durable, written): (Vec<Run>, Vec<Run>) =
            runs.into_iter().partition(|run| run.waiting.append.durable);
        self.conclude(written, Ok(())).await;
        if !durable.is_empty() {
            let synced = match planted(Plant::SkipsSync) || planted(Plant::SyncsBeforeWrite) {
                true => Ok(()),
                false => self.sync().await,
            };
            self.conclude(durable, synced).await;
        }
        let is_long = |segment: &Segment| {
            segment.open.entries.len() >= self.drive.stretch_entries
                && segment.watermark == segment.position
        };
        if let Some(active) = self.active.as_mut().filter(|active| is_long(active)) {
            let stretch = active.close_stretch(self.class, false);
            self.tabulate(stretch).await;
        }
    }

    /// Has a table of the index made of what a segment holds, and waits for it.
    async fn settle(&mut self, number: SegmentNumber) {
        let active = self.active.as_mut().filter(|active| active.number == number);
        let segment = active.or_else(|| self.supply.unfinished(number));
        let Some(segment) = segment.filter(|one| one.position > one.open.from) else { return };
        if segment.watermark < segment.position {
            sync(&self.drive, segment).await;
        }
        if self.check_in_service().is_err() {
            return;
        }
        let active = self.active.as_mut().filter(|active| active.number == number);
        let segment = active.or_else(|| self.supply.unfinished(number));
        let Some(segment) = segment else { return };
        let stretch = segment.close_stretch(self.class, false);
        self.tabulate(stretch).await;
        if let Some(closing) = self.closing.take() {
            let _ = closing.await;
        }
    }

    /// Has a stretch made into a table of the index. Waits for the one before.
    async fn tabulate(&mut self, stretch: Stretch) {
        if let Some(closing) = self.closing.take() {
            // Why ignored: a task that ended with its core has made no table.
            let _ = closing.await;
        }
        let lanes = self.lanes.clone();
        let made = async move {
            // Why ignored: without a table the next start reads the segment again.
            let _ = lanes.tabulate(stretch).await;
        };
        self.closing = Some(self.drive.core.spawn(Queue::Background, made));
    }

    /// Enters runs in the index, if they are on the drive, and tells those who wait.
    async fn conclude(&mut self, runs: Vec<Run>, mut outcome: Result<(), AppendError>) {
        if outcome.is_ok() {
            let Some(active) = &mut self.active else { unreachable!("they were written there") };
            let entries: Vec<Entry> = runs.iter().map(|run| run.entry(self.class)).collect();
            active.open.entries.extend_from_slice(&entries);
            let kept = self.lanes.keep(active.open.part, entries).await;
            outcome = kept.map_err(|_| AppendError::Closed);
        }
        for run in runs {
            // Whoever waited may be gone.
            let _ = run.waiting.done.send(outcome);
        }
    }

    /// An active segment with room for `length` more, and the next one under way in time.
    async fn make_room(&mut self, length: u64) -> Result<(), AppendError> {
        self.check_in_service()?;
        loop {
            if let Some(segment) = &self.active {
                if segment.position + length <= segment.length {
                    if segment.position > segment.length / 2 {
                        self.supply.prepare();
                    }
                    return Ok(());
                }
                self.seal().await?;
            }
            self.active = Some(self.supply.next().await?);
        }
    }

    /// Ends the active segment.
    async fn seal(&mut self) -> Result<(), AppendError> {
        let Some(segment) = &self.active else { return Ok(()) };
        // What comes later is acknowledged by syncs of the next segment only.
        if segment.watermark < segment.position {
            self.sync().await?;
        }
        if let Some(active) = &mut self.active {
            let stretch = active.close_stretch(self.class, true);
            self.tabulate(stretch).await;
        }
        // Invariant: nothing is written behind what is sealed, also if there is no next one: no
        // start would look there.
        self.active = None;
        Ok(())
    }

    /// There was no space for a batch at `start` of the active segment, though it was allocated: the
    /// file system copies what it writes, or there is less behind it than it says. What was durable
    /// is, and some of the batch may be written: the segment ends before it.
    async fn leave(&mut self, start: u64) -> AppendError {
        self.drive.set_full();
        if let Some(active) = &mut self.active {
            active.position = start;
        }
        self.seal().await.err().unwrap_or(AppendError::NoSpace)
    }

    fn check_in_service(&self) -> Result<(), AppendError> {
        match self.drive.state() {
            DriveState::Live | DriveState::Full => Ok(()),
            DriveState::Poisoned | DriveState::Lost => Err(AppendError::Failed),
        }
    }

    async fn write(&mut self, runs: Vec<Run>) -> (Vec<Run>, io::Result<()>) {
        let Some(active) = &self.active else { unreachable!("room was made") };
        let file = active.file.clone();
        let (runs, extents) = match self.class {
            Class::Small => self.pack(runs).await,
            Class::Bulk => self.frame(runs).await,
        };
        let bytes: u64 = extents.iter().map(|extent| extent.buffer.len() as u64).sum();
        self.drive.gauges().writes.fetch_add(1, Ordering::Relaxed);
        self.drive.gauges().record_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.drive.count(bytes, 0);
        let writes = extents.into_iter().map(|extent| {
            let file = &file;
            async move {
                let (buffer, outcome) = file.write_at(extent.offset, extent.buffer).await;
                (extent.kept.then_some(buffer), outcome)
            }
        });
        let mut outcome = Ok(());
        for (buffer, written) in join_all(writes).await {
            self.buffers.extend(buffer);
            outcome = outcome.and(written);
        }
        (runs, outcome)
    }

    /// All runs in one extent, back to back.
    async fn pack(&mut self, runs: Vec<Run>) -> (Vec<Run>, Vec<Extent>) {
        let Some(first) = runs.first() else { return (runs, Vec::new()) };
        let start = first.position();
        let end = runs.last().map_or(start, Run::end).next_multiple_of(BLOCK_BYTES.get());
        let mut buffer = self.take_buffer(SMALL_BATCH_BYTES_MAX).await;
        buffer.set_length(usize::try_from(end - start).expect("at most a batch"));
        buffer.fill(0);
        let dropped = usize::from(planted(Plant::DropsTailOfBatch) && runs.len() > 1);
        for run in &runs[..runs.len() - dropped] {
            let mut put = |at: u64, bytes: &[u8]| {
                let at = usize::try_from(run.position() - start + at).expect("within the batch");
                buffer[at..at + bytes.len()].copy_from_slice(bytes);
            };
            let append = &run.waiting.append;
            put(0, &run.header.encode());
            if let Payload::Packed(body) = &append.payload {
                put(run.framing.payload, body);
            }
            put(run.framing.footer, &run.header.encode_footer(&append.chunks));
        }
        (runs, vec![Extent { offset: start, buffer, kept: true }])
    }

    /// Payloads as they are; between them, in one extent, the footer of one run and the header of
    /// the next.
    async fn frame(&mut self, mut runs: Vec<Run>) -> (Vec<Run>, Vec<Extent>) {
        let block = BLOCK_BYTES.as_usize();
        let mut extents = Vec::with_capacity(2 * runs.len() + 1);
        let mut frame: Vec<u8> = Vec::new();
        let mut frame_start = runs.first().map_or(0, Run::position);
        for run in &mut runs {
            let header = run.header.encode();
            frame.extend_from_slice(&header);
            frame.resize(frame.len().next_multiple_of(block), 0);
            let append = &mut run.waiting.append;
            if let Payload::Aligned(Some(buffer)) =
                std::mem::replace(&mut append.payload, Payload::Aligned(None))
            {
                extents.push(self.frame_extent(frame_start, &frame).await);
                frame.clear();
                frame_start = run.header.place.position + run.framing.footer;
                let offset = run.header.place.position + run.framing.payload;
                extents.push(Extent { offset, buffer, kept: false });
            }
            frame.extend_from_slice(&run.header.encode_footer(&append.chunks));
            frame.resize(frame.len().next_multiple_of(block), 0);
        }
        extents.push(self.frame_extent(frame_start, &frame).await);
        (runs, extents)
    }

    async fn frame_extent(&mut self, offset: u64, frame: &[u8]) -> Extent {
        let mut buffer = self.take_buffer(ByteCount::of(frame.len())).await;
        buffer.set_length(frame.len());
        buffer.copy_from_slice(frame);
        Extent { offset, buffer, kept: true }
    }

    async fn take_buffer(&mut self, length: ByteCount) -> Buffer {
        let fits = |buffer: &Buffer| buffer.capacity() >= length.as_usize();
        match self.buffers.iter().position(fits) {
            Some(at) => self.buffers.swap_remove(at),
            None => self.drive.core.buffers().take(length).await,
        }
    }

    /// Makes the active segment durable as far as it is written. Only here are segments synced once
    /// they are in use.
    async fn sync(&mut self) -> Result<(), AppendError> {
        self.check_in_service()?;
        let Some(active) = &mut self.active else { return Ok(()) };
        sync(&self.drive, active).await;
        // Asked again: another core may have failed the drive meanwhile.
        self.check_in_service()
    }
}

/// Syncs a segment; a drive that fails leaves service.
async fn sync(drive: &LocalDrive, segment: &mut Segment) {
    let upto = segment.position;
    drive.count(0, 1);
    let mut synced = segment.file.sync().await;
    if synced.is_err() && planted(Plant::RetriesSync) {
        synced = segment.file.sync().await;
    }
    if let Err(error) = synced {
        return drive.fail(Failure::Poisoned, "syncing a segment", &error);
    }
    // Why: bytes in a file that no directory names are gone with this process.
    match segment.file.is_linked().await {
        Ok(true) => segment.watermark = upto,
        Ok(false) => {
            let gone = io::Error::from(io::ErrorKind::NotFound);
            drive.fail(Failure::Lost, "the active segment was removed", &gone);
        }
        Err(error) => drive.fail(Failure::Lost, "looking at a segment", &error),
    }
}

fn place(drive: &LocalDrive, class: Class, active: &Segment, batch: Vec<Waiting>) -> Vec<Run> {
    let mut position = active.position;
    let runs = batch.into_iter().map(|waiting| {
        let content = waiting.append.content.clone();
        let framing = content.framing(class);
        let place = RunPlace {
            drive: drive.uuid,
            segment: active.number,
            generation: active.generation,
            position,
            watermark: active.watermark,
            writer_epoch: waiting.append.writer_epoch.unwrap_or(drive.writer_epoch),
        };
        position += framing.end;
        Run { waiting, header: RunHeader { content, place }, framing }
    });
    runs.collect()
}

fn refuse(batch: Vec<Waiting>, error: AppendError) {
    for waiting in batch {
        let _ = waiting.done.send(Err(error));
    }
}
