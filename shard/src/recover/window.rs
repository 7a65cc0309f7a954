//! A sliding view of a file, read in large steps.

use hamster_core::limits::BLOCK_BYTES;
use hamster_core::{Buffer, BufferPool, ByteCount, File};
use std::io;

pub(crate) struct Window {
    file: File,
    pool: BufferPool,
    /// Read at least this much at a time.
    step: u64,
    start: u64,
    buffer: Option<Buffer>,
}

impl Window {
    pub fn new(file: &File, pool: &BufferPool, step: ByteCount) -> Self {
        Self { file: file.clone(), pool: pool.clone(), step: step.get(), start: 0, buffer: None }
    }

    /// The bytes from `offset` on, `length` of them; fewer at the end of the file.
    pub async fn bytes(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let is_here = self.buffer.as_ref().is_some_and(|buffer| {
            self.start <= offset && offset + length <= self.start + buffer.len() as u64
        });
        if !is_here {
            self.read(offset, length).await?;
        }
        let bytes = self.buffer.as_deref().unwrap_or_default();
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX).min(bytes.len());
        let upto = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(&bytes[from..upto.min(bytes.len())])
    }

    async fn read(&mut self, offset: u64, length: u64) -> io::Result<()> {
        // Before the next is taken: a window holds one buffer.
        self.buffer = None;
        self.start = offset / BLOCK_BYTES.get() * BLOCK_BYTES.get();
        let end = (offset + length).max(self.start + self.step);
        let wanted = ByteCount::new(end - self.start).align_up(BLOCK_BYTES);
        let buffer = self.pool.take(wanted).await;
        let (mut buffer, outcome) = self.file.read_at(self.start, buffer).await;
        buffer.set_length(outcome?);
        self.buffer = Some(buffer);
        Ok(())
    }
}
