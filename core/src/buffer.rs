//! Aligned memory for direct I/O, within a budget per core.
//!
//! A [`Buffer`] may be dropped on any core; its memory goes back to the pool it came from.

use crate::limits::{BLOCK_BYTES, BUFFER_BYTES_MAX, BUFFER_BYTES_MIN};
use crate::units::ByteCount;
use bytes::Bytes;
use crossbeam::queue::{ArrayQueue, SegQueue};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};

const CLASSES: usize = (BUFFER_BYTES_MAX.get() / BUFFER_BYTES_MIN.get()).ilog2() as usize + 1;
/// Free buffers kept per size; more go back to the allocator.
const FREE_PER_CLASS_MAX: usize = 1024;

/// One core's budget of aligned buffers. Cheap to clone.
#[derive(Clone)]
pub struct BufferPool(Arc<Pool>);

struct Pool {
    budget: ByteCount,
    /// Bytes in buffers that are out; free buffers kept for reuse do not count.
    out: AtomicU64,
    free: [ArrayQueue<Block>; CLASSES],
    waiting: SegQueue<Waker>,
}

/// Memory of one size class.
struct Block {
    start: NonNull<u8>,
    class: usize,
}

// SAFETY: a block is owned memory, reachable through nothing else.
unsafe impl Send for Block {}

const fn class_bytes(class: usize) -> usize {
    BUFFER_BYTES_MIN.as_usize() << class
}

fn layout(class: usize) -> Layout {
    Layout::from_size_align(class_bytes(class), BLOCK_BYTES.as_usize())
        .expect("sizes and alignment are powers of two")
}

impl Block {
    fn new(class: usize) -> Self {
        let layout = layout(class);
        // SAFETY: no class has size zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        Self { start, class }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.start.as_ptr(), layout(self.class)) };
    }
}

impl BufferPool {
    /// A pool that lends at most `budget` at a time.
    pub fn new(budget: ByteCount) -> Self {
        Self(Arc::new(Pool {
            budget,
            out: AtomicU64::new(0),
            free: std::array::from_fn(|_| ArrayQueue::new(FREE_PER_CLASS_MAX)),
            waiting: SegQueue::new(),
        }))
    }

    /// The most it lends.
    pub fn budget(&self) -> ByteCount {
        self.0.budget
    }

    /// What is lent now.
    pub fn lent(&self) -> ByteCount {
        ByteCount::new(self.0.out.load(Ordering::Relaxed))
    }

    /// A buffer of `length` bytes (its content is whatever was there), or `None` if the budget is
    /// spent.
    ///
    /// # Panics
    /// If `length` is zero or over [`BUFFER_BYTES_MAX`].
    pub fn try_take(&self, length: ByteCount) -> Option<Buffer> {
        assert!(length > ByteCount::ZERO && length <= BUFFER_BYTES_MAX, "no buffer of {length}");
        let class = length.get().next_power_of_two().max(BUFFER_BYTES_MIN.get());
        let class = (class / BUFFER_BYTES_MIN.get()).ilog2() as usize;
        let bytes = class_bytes(class) as u64;
        let spent = self.0.out.fetch_add(bytes, Ordering::AcqRel);
        if spent + bytes > self.0.budget.get() {
            self.0.give_back_budget(bytes);
            return None;
        }
        let block = self.0.free[class].pop().unwrap_or_else(|| Block::new(class));
        Some(Buffer { block: Some(block), length: length.as_usize(), pool: Arc::clone(&self.0) })
    }

    /// A buffer of `length` bytes, as soon as the budget has room.
    ///
    /// # Panics
    /// As [`BufferPool::try_take`].
    pub async fn take(&self, length: ByteCount) -> Buffer {
        std::future::poll_fn(|context| {
            if let Some(buffer) = self.try_take(length) {
                return Poll::Ready(buffer);
            }
            self.0.waiting.push(context.waker().clone());
            // Why twice: a buffer may have come back between the look and the registration.
            match self.try_take(length) {
                Some(buffer) => Poll::Ready(buffer),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl Pool {
    fn give_back_budget(&self, bytes: u64) {
        self.out.fetch_sub(bytes, Ordering::AcqRel);
        while let Some(waker) = self.waiting.pop() {
            waker.wake();
        }
    }
}

/// A piece of aligned memory that nobody else sees. Its capacity is a power of two.
pub struct Buffer {
    block: Option<Block>,
    length: usize,
    pool: Arc<Pool>,
}

impl Buffer {
    /// Bytes it could hold.
    pub fn capacity(&self) -> usize {
        class_bytes(self.block().class)
    }

    /// Changes the length, within the capacity. Bytes gained are whatever was there.
    ///
    /// # Panics
    /// If `length` is over the capacity.
    pub fn set_length(&mut self, length: usize) {
        assert!(length <= self.capacity(), "{length} bytes in a buffer of {}", self.capacity());
        self.length = length;
    }

    /// The bytes, to be shared from now on and never changed again.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }

    fn block(&self) -> &Block {
        self.block.as_ref().expect("present until drop")
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `length` is within the block, whose memory was initialised when allocated.
        unsafe { std::slice::from_raw_parts(self.block().start.as_ptr(), self.length) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.block().start.as_ptr(), self.length) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let block = self.block.take().expect("dropped once");
        let class = block.class;
        // A full free list drops the block: back to the allocator.
        drop(self.pool.free[class].push(block));
        self.pool.give_back_budget(class_bytes(class) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_and_as_long_as_asked() {
        let pool = BufferPool::new(ByteCount::mib(1));
        let buffer = pool.try_take(ByteCount::new(5000)).expect("within budget");
        assert_eq!(buffer.len(), 5000);
        assert_eq!(buffer.capacity(), 8192);
        assert_eq!(buffer.as_ptr() as usize % BLOCK_BYTES.as_usize(), 0);
    }

    #[test]
    fn the_budget_is_never_exceeded_and_comes_back() {
        let pool = BufferPool::new(ByteCount::kib(8));
        let first = pool.try_take(ByteCount::kib(8)).expect("within budget");
        assert!(pool.try_take(ByteCount::kib(4)).is_none());
        drop(first);
        assert_eq!(pool.lent(), ByteCount::ZERO);
        assert!(pool.try_take(ByteCount::kib(4)).is_some());
    }

    #[test]
    fn frozen_bytes_return_the_memory_with_their_last_clone() {
        let pool = BufferPool::new(ByteCount::kib(4));
        let bytes = pool.try_take(ByteCount::kib(4)).expect("within budget").freeze();
        let tail = bytes.slice(4000..);
        drop(bytes);
        assert_eq!(pool.lent(), ByteCount::kib(4));
        drop(tail);
        assert_eq!(pool.lent(), ByteCount::ZERO);
    }
}
