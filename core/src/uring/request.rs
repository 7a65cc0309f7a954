//! Requests with one result: send, connect, shutdown, read, write, sync. Called by `network`,
//! `disk` and `environment`.
//!
//! The memory goes with the request and comes back with its result. A dropped future leaves it to
//! the slot until the kernel is done.

use super::disk::OpenFile;
use super::ring::Ring;
use super::slot::{Message, Once, Payload, Slot};
use crate::buffer::Buffer;
use crate::units::ByteCount;
use bytes::Bytes;
use io_uring::{opcode, squeue::Entry, types};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The longest piece of one send; the kernel's own bound is 2 GiB.
const SEND_BYTES_MAX: usize = 1 << 30;

/// A request under way: resolves to its result (negative: an error number) and its memory.
pub(super) struct Request {
    ring: Rc<Ring>,
    index: usize,
    /// A network request, which a dropped future cancels. Disk requests run to their end: a write
    /// or sync half done tells nothing, and a read in the device cannot be called back.
    cancellable: bool,
    done: bool,
}

impl Request {
    fn start(ring: &Rc<Ring>, entry: Entry, payload: Payload, file: Option<&Rc<OpenFile>>) -> Self {
        let once = Once { waker: None, result: None, payload, file: file.cloned(), orphan: false };
        let index = ring.start(entry, once);
        Self { ring: Rc::clone(ring), index, cancellable: file.is_none(), done: false }
    }

    /// Sends `bytes[from..]`, or the longest piece of it that one send takes.
    pub(super) fn send(ring: &Rc<Ring>, socket: RawFd, bytes: Bytes, from: usize) -> Self {
        let rest = &bytes[from..];
        let entry = opcode::Send::new(types::Fd(socket), rest.as_ptr(), send_length(rest.len()))
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build();
        Self::start(ring, entry, Payload::Bytes(bytes), None)
    }

    /// Sends `head`, then `body`.
    pub(super) fn send_two(ring: &Rc<Ring>, socket: RawFd, head: Bytes, body: Bytes) -> Self {
        let vector = |bytes: &Bytes| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len().min(SEND_BYTES_MAX),
        };
        let vectors = [vector(&head), vector(&body)];
        // SAFETY: a msghdr of zeroes names nothing.
        let header = unsafe { std::mem::zeroed::<libc::msghdr>() };
        let mut message = Box::new(Message { head, body, vectors, header });
        // The vectors have their place now: the box is not moved out of before the result.
        message.header.msg_iov = message.vectors.as_mut_ptr();
        message.header.msg_iovlen = message.vectors.len();
        let flags = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
        let entry = opcode::SendMsg::new(types::Fd(socket), &raw const message.header)
            .flags(flags.cast_unsigned())
            .build();
        Self::start(ring, entry, Payload::Message(message), None)
    }

    /// Connects `socket` to `address`.
    pub(super) fn connect(
        ring: &Rc<Ring>,
        socket: RawFd,
        address: Box<libc::sockaddr_storage>,
        length: libc::socklen_t,
    ) -> Self {
        let pointer = (&raw const *address).cast();
        let entry = opcode::Connect::new(types::Fd(socket), pointer, length).build();
        Self::start(ring, entry, Payload::Address(address), None)
    }

    /// Ends the sending side of `socket`.
    pub(super) fn shut_down(ring: &Rc<Ring>, socket: RawFd) -> Self {
        let entry = opcode::Shutdown::new(types::Fd(socket), libc::SHUT_WR).build();
        Self::start(ring, entry, Payload::None, None)
    }

    /// Waits until `descriptor` can be read.
    pub(super) fn readable(ring: &Rc<Ring>, descriptor: RawFd) -> Self {
        let events = u32::from(libc::POLLIN.cast_unsigned());
        let entry = opcode::PollAdd::new(types::Fd(descriptor), events).build();
        Self::start(ring, entry, Payload::None, None)
    }

    /// Reads into `buffer[from..]`, from `offset` of the file.
    pub(super) fn read(
        ring: &Rc<Ring>,
        file: &Rc<OpenFile>,
        offset: u64,
        mut buffer: Buffer,
        from: usize,
    ) -> Self {
        let rest = &mut buffer[from..];
        let length = disk_length(rest.len());
        let entry = opcode::Read::new(types::Fd(file.as_raw_fd()), rest.as_mut_ptr(), length)
            .offset(offset)
            .build();
        Self::start(ring, entry, Payload::Buffer(buffer), Some(file))
    }

    /// Writes `buffer[from..]` at `offset` of the file.
    pub(super) fn write(
        ring: &Rc<Ring>,
        file: &Rc<OpenFile>,
        offset: u64,
        buffer: Buffer,
        from: usize,
    ) -> Self {
        let rest = &buffer[from..];
        let length = disk_length(rest.len());
        let entry = opcode::Write::new(types::Fd(file.as_raw_fd()), rest.as_ptr(), length)
            .offset(offset)
            .build();
        Self::start(ring, entry, Payload::Buffer(buffer), Some(file))
    }

    /// Makes completed writes to the file durable.
    pub(super) fn sync(ring: &Rc<Ring>, file: &Rc<OpenFile>) -> Self {
        let entry = opcode::Fsync::new(types::Fd(file.as_raw_fd()))
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        Self::start(ring, entry, Payload::None, Some(file))
    }

    /// Gives the blocks of a range back to the file system.
    pub(super) fn punch(
        ring: &Rc<Ring>,
        file: &Rc<OpenFile>,
        offset: u64,
        length: ByteCount,
    ) -> Self {
        let entry = opcode::Fallocate::new(types::Fd(file.as_raw_fd()), length.get())
            .offset(offset)
            .mode(libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE)
            .build();
        Self::start(ring, entry, Payload::None, Some(file))
    }
}

fn send_length(length: usize) -> u32 {
    u32::try_from(length.min(SEND_BYTES_MAX)).expect("bounded above")
}

fn disk_length(length: usize) -> u32 {
    u32::try_from(length).expect("a buffer is at most BUFFER_BYTES_MAX")
}

/// A result of the kernel as the rest of Rust says it.
pub(super) fn check(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl Future for Request {
    type Output = (i32, Payload);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let index = self.index;
        let mut former = None;
        let taken = self.ring.with(|state| {
            let once = state.slots.once(index);
            if let Some(result) = once.result {
                return Some((result, state.slots.remove(index)));
            }
            if !once.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                former = once.waker.replace(context.waker().clone());
            }
            None
        });
        match taken {
            Some((result, Slot::Once(once))) => {
                self.done = true;
                Poll::Ready((result, once.payload))
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let index = self.index;
        let (freed, waker) = self.ring.with(|state| {
            let once = state.slots.once(index);
            if once.result.is_some() {
                return (Some(state.slots.remove(index)), None);
            }
            once.orphan = true;
            (None, once.waker.take())
        });
        if freed.is_none() && self.cancellable {
            self.ring.cancel(index);
        }
        drop((freed, waker));
    }
}
