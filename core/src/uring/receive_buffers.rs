//! Receive buffers that the kernel picks from when bytes arrive, so that an idle connection holds
//! none. Used by `ring` only. A buffer is with the kernel, or named by one completion or one
//! [`Received`](super::network::Received): never two of these.

use crate::limits::{RECEIVE_BUFFER_BYTES, RECEIVE_BUFFERS};
use io_uring::{IoUring, types::BufRingEntry};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The group that receives select from; the ring has no other.
pub(super) const BUFFER_GROUP: u16 = 0;

const MASK: u16 = RECEIVE_BUFFERS - 1;
/// One buffer.
pub(super) const BUFFER_BYTES: usize = RECEIVE_BUFFER_BYTES.as_usize();
/// From the start of one buffer to the start of the next. Why not the length of one: the heads of
/// all buffers would fall into the same few sets of the CPU's caches.
const STRIDE_BYTES: usize = BUFFER_BYTES + 64;
const MEMORY_BYTES: usize = RECEIVE_BUFFERS as usize * STRIDE_BYTES;
const ENTRIES_BYTES: usize = RECEIVE_BUFFERS as usize * size_of::<BufRingEntry>();

const _: () = assert!(RECEIVE_BUFFERS.is_power_of_two() && RECEIVE_BUFFERS <= 1 << 15);

/// The buffers, and the queue through which they go back to the kernel.
pub(super) struct ReceiveBuffers {
    entries: Mapping,
    memory: Mapping,
    tail: u16,
    /// Buffers that are not with the kernel.
    out: u16,
}

impl ReceiveBuffers {
    /// Buffers registered with `uring`, all with the kernel.
    ///
    /// # Errors
    /// Out of memory, or the kernel has no provided buffers (before 5.19).
    pub(super) fn register(uring: &IoUring) -> io::Result<Self> {
        let entries = Mapping::new(ENTRIES_BYTES)?;
        let memory = Mapping::new(MEMORY_BYTES)?;
        memory.prefer_huge_pages();
        let address = entries.0.as_ptr().addr() as u64;
        // SAFETY: the mapping is page aligned, has room for every entry, and outlives the ring
        // (fields of `ring::State` drop in order, the ring first).
        unsafe {
            uring.submitter().register_buf_ring_with_flags(
                address,
                RECEIVE_BUFFERS,
                BUFFER_GROUP,
                0,
            )?;
        }
        let mut buffers = Self { entries, memory, tail: 0, out: RECEIVE_BUFFERS };
        (0..RECEIVE_BUFFERS).for_each(|buffer| buffers.give_back(buffer));
        Ok(buffers)
    }

    /// A completion named a buffer: it is out until [`ReceiveBuffers::give_back`].
    pub(super) fn taken(&mut self) {
        self.out += 1;
    }

    /// Gives `buffer` to the kernel again.
    pub(super) fn give_back(&mut self, buffer: u16) {
        assert!(buffer < RECEIVE_BUFFERS, "no such receive buffer");
        self.out -= 1;
        let entries = self.entries.0.cast::<BufRingEntry>();
        let start = self.bytes(buffer, 0).as_ptr();
        // SAFETY: the index is masked to the entries of the mapping; the kernel reads an entry only
        // once the tail beyond it is published, which the release store does.
        unsafe {
            let entry = entries.add(usize::from(self.tail & MASK)).as_mut();
            entry.set_addr(start.addr() as u64);
            entry.set_len(u32::try_from(BUFFER_BYTES).expect("a receive buffer is below 4 GiB"));
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(entries.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }

    /// The first `length` bytes of `buffer`, which must be out for as long as the slice lives.
    pub(super) fn bytes(&self, buffer: u16, length: usize) -> NonNull<[u8]> {
        assert!(buffer < RECEIVE_BUFFERS && length <= BUFFER_BYTES, "within one receive buffer");
        // SAFETY: within the mapping, by the assertion.
        let start = unsafe { self.memory.0.add(usize::from(buffer) * STRIDE_BYTES) };
        NonNull::slice_from_raw_parts(start, length)
    }

    /// Gives the memory up for good: the kernel may still write to it.
    pub(super) fn leak(&mut self) {
        self.memory.1 = 0;
        self.entries.1 = 0;
    }

    /// Buffers that are not with the kernel.
    pub(super) fn out(&self) -> u16 {
        self.out
    }
}

/// Anonymous memory of its own pages, with its length (zero: given up).
struct Mapping(NonNull<u8>, usize);

impl Mapping {
    fn new(bytes: usize) -> io::Result<Self> {
        // SAFETY: a new anonymous mapping aliases nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_ANONYMOUS | libc::MAP_PRIVATE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(NonNull::new(start.cast()).expect("a mapping is never at zero"), bytes))
    }

    /// Why: one small request touches one line of a buffer; 64 KiB strides would miss the TLB.
    fn prefer_huge_pages(&self) {
        // SAFETY: advice on our own mapping; refusing it changes nothing.
        unsafe { libc::madvise(self.0.as_ptr().cast(), self.1, libc::MADV_HUGEPAGE) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.1 == 0 {
            return;
        }
        // SAFETY: mapped in `new` with this length; nothing refers to it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), self.1) };
    }
}
