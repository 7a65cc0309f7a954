//! Aligned memory for direct I/O, within a budget per core.
//!
//! A [`Buffer`] may be dropped on any core; its memory goes back to the pool it came from.

use crate::limits::{BLOCK_BYTES, BUFFER_BYTES_MAX, BUFFER_BYTES_MIN};
use crate::units::ByteCount;
use bytes::Bytes;
use crossbeam::queue::ArrayQueue;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

const CLASSES: usize = (BUFFER_BYTES_MAX.get() / BUFFER_BYTES_MIN.get()).ilog2() as usize + 1;
/// Free buffers kept per size; more go back to the allocator.
const FREE_PER_CLASS_MAX: usize = 1024;

/// One core's budget of aligned buffers. Cheap to clone.
#[derive(Clone)]
pub struct BufferPool(Arc<Pool>);

struct Pool {
    budget: ByteCount,
    /// Bytes in buffers that are out.
    out: AtomicU64,
    /// Bytes in free buffers, kept for reuse as far as the budget has room beside those that are out.
    kept: AtomicU64,
    free: [ArrayQueue<Block>; CLASSES],
    /// How many wait: buffers come back without a look at the queue when it is zero.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Those who wait for room in the budget, first come first: a large buffer is not starved by small
/// ones. Bounded by the tasks that wait.
#[derive(Default)]
struct Queue {
    tickets: VecDeque<(u64, Waker)>,
    next: u64,
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
            kept: AtomicU64::new(0),
            free: std::array::from_fn(|_| ArrayQueue::new(FREE_PER_CLASS_MAX)),
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
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
        // Why not add and take back: a look that finds no room must wake nobody, itself least of all.
        let room = |out: u64| Some(out + bytes).filter(|sum| *sum <= self.0.budget.get());
        self.0.out.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).ok()?;
        let block = self.0.reuse(class).unwrap_or_else(|| {
            self.0.make_room();
            Block::new(class)
        });
        Some(Buffer { block: Some(block), length: length.as_usize(), pool: Arc::clone(&self.0) })
    }

    /// A buffer of `length` bytes, as soon as the budget has room and those who asked before have
    /// theirs.
    ///
    /// # Panics
    /// As [`BufferPool::try_take`].
    pub async fn take(&self, length: ByteCount) -> Buffer {
        Take { pool: self, length, ticket: None }.await
    }
}

impl Pool {
    fn reuse(&self, class: usize) -> Option<Block> {
        let block = self.free[class].pop()?;
        self.kept.fetch_sub(class_bytes(class) as u64, Ordering::SeqCst);
        Some(block)
    }

    fn keep(&self, block: Block) {
        let (class, bytes) = (block.class, class_bytes(block.class) as u64);
        // Before the push: whoever takes the block subtracts.
        self.kept.fetch_add(bytes, Ordering::SeqCst);
        if self.free[class].push(block).is_err() {
            self.kept.fetch_sub(bytes, Ordering::SeqCst);
        }
    }

    /// Gives free buffers back to the allocator, large ones first, until what is out and what is
    /// kept are within the budget.
    fn make_room(&self) {
        let memory = || self.out.load(Ordering::SeqCst) + self.kept.load(Ordering::SeqCst);
        let mut classes = (0..CLASSES).rev();
        let mut class = classes.next();
        while let Some(at) = class.filter(|_| memory() > self.budget.get()) {
            if self.reuse(at).is_none() {
                class = classes.next();
            }
        }
    }

    fn give_back_budget(&self, bytes: u64) {
        self.out.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let first =
                self.with_queue(|queue| queue.tickets.front().map(|(_, waker)| waker.clone()));
            first.into_iter().for_each(Waker::wake);
        }
    }

    fn with_queue<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let result = look(&mut queue);
        self.waiting.store(queue.tickets.len(), Ordering::SeqCst);
        result
    }

    /// Takes `ticket` out of the queue; who is first then may have room.
    fn leave(&self, ticket: u64) {
        let (former, first) = self.with_queue(|queue| {
            let position = queue.tickets.iter().position(|(number, _)| *number == ticket);
            let former = position.and_then(|position| queue.tickets.remove(position));
            (former, queue.tickets.front().map(|(_, waker)| waker.clone()))
        });
        drop(former);
        first.into_iter().for_each(Waker::wake);
    }
}

/// Waits for a buffer.
struct Take<'a> {
    pool: &'a BufferPool,
    length: ByteCount,
    ticket: Option<u64>,
}

impl Future for Take<'_> {
    type Output = Buffer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Buffer> {
        let pool = &*self.pool.0;
        let ticket = self.ticket;
        let (ticket, first, former) = match ticket {
            None if pool.waiting.load(Ordering::SeqCst) == 0 => {
                if let Some(buffer) = self.pool.try_take(self.length) {
                    return Poll::Ready(buffer);
                }
                pool.with_queue(|queue| queue.join(context.waker()))
            }
            None => pool.with_queue(|queue| queue.join(context.waker())),
            Some(ticket) => pool.with_queue(|queue| queue.look(ticket, context.waker())),
        };
        drop(former);
        self.ticket = Some(ticket);
        // Why once more after joining: a buffer may have come back just before.
        match first.then(|| self.pool.try_take(self.length)).flatten() {
            Some(buffer) => Poll::Ready(buffer),
            None => Poll::Pending,
        }
    }
}

impl Drop for Take<'_> {
    fn drop(&mut self) {
        self.ticket.into_iter().for_each(|ticket| self.pool.0.leave(ticket));
    }
}

impl Queue {
    /// A new ticket, whether it is the first, and nobody's former waker.
    fn join(&mut self, waker: &Waker) -> (u64, bool, Option<Waker>) {
        let ticket = self.next;
        self.next += 1;
        self.tickets.push_back((ticket, waker.clone()));
        (ticket, self.tickets.len() == 1, None)
    }

    /// The ticket, whether it is the first, and its former waker.
    fn look(&mut self, ticket: u64, waker: &Waker) -> (u64, bool, Option<Waker>) {
        let first = self.tickets.front().is_some_and(|(number, _)| *number == ticket);
        let own = self.tickets.iter_mut().find(|(number, _)| *number == ticket);
        let former = own.map(|(_, former)| std::mem::replace(former, waker.clone()));
        (ticket, first, former)
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
        let bytes = class_bytes(block.class) as u64;
        self.pool.keep(block);
        self.pool.give_back_budget(bytes);
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
    fn free_buffers_of_other_sizes_make_room() {
        let pool = BufferPool::new(ByteCount::kib(64));
        for size in [4, 64, 32, 4, 16] {
            let held: Vec<_> =
                (0..64 / size).map(|_| pool.try_take(ByteCount::kib(size))).collect();
            assert!(held.iter().all(Option::is_some));
            assert_eq!(pool.0.kept.load(Ordering::Relaxed), 0);
            drop(held);
            assert_eq!(pool.0.kept.load(Ordering::Relaxed), pool.budget().get());
        }
    }

    #[test]
    fn whoever_asked_first_is_served_first_and_the_rest_after() {
        let pool = BufferPool::new(ByteCount::kib(8));
        let held = [pool.try_take(ByteCount::kib(4)), pool.try_take(ByteCount::kib(4))];
        let mut context = Context::from_waker(Waker::noop());
        let mut large = Box::pin(pool.take(ByteCount::kib(8)));
        let mut small = Box::pin(pool.take(ByteCount::kib(4)));
        let mut last = Box::pin(pool.take(ByteCount::kib(4)));
        assert!(large.as_mut().poll(&mut context).is_pending());
        assert!(small.as_mut().poll(&mut context).is_pending());
        assert!(last.as_mut().poll(&mut context).is_pending());
        let [one, other] = held;
        drop(one);
        assert!(small.as_mut().poll(&mut context).is_pending(), "the large one asked first");
        drop(other);
        let Poll::Ready(taken) = large.as_mut().poll(&mut context) else { panic!("room for all") };
        drop((taken, large));
        drop(small);
        assert!(last.as_mut().poll(&mut context).is_ready(), "one that gave up holds nobody up");
    }

    #[test]
    fn whoever_waits_is_woken_by_memory_that_comes_back_and_by_nothing_else() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let pool = BufferPool::new(ByteCount::kib(4));
        let held = pool.try_take(ByteCount::kib(4));
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut waiting = Box::pin(pool.take(ByteCount::kib(4)));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(pool.try_take(ByteCount::kib(4)).is_none());
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "nothing came back");
        drop(held);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
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
