//! What the ring knows of each request in flight. Used by `ring`, `request` and `multishot`.
//!
//! Invariant: a slot leaves the table only after the *final* completion of its request. Until then
//! it owns every byte the kernel may touch, so its index is a safe `user_data`.

use super::disk::OpenFile;
use crate::buffer::Buffer;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// What the kernel may still read or write while a request is in flight.
pub(super) enum Payload {
    None,
    Buffer(Buffer),
    Bytes(Bytes),
    Message(Box<Message>),
    Address(#[expect(dead_code, reason = "the kernel reads it")] Box<libc::sockaddr_storage>),
}

/// Two pieces of memory that leave in one send, and their description for the kernel.
pub(super) struct Message {
    pub(super) head: Bytes,
    pub(super) body: Bytes,
    pub(super) vectors: [libc::iovec; 2],
    pub(super) header: libc::msghdr,
}

/// A request with one result.
pub(super) struct Once {
    pub(super) waker: Option<Waker>,
    pub(super) result: Option<i32>,
    pub(super) payload: Payload,
    /// A disk request: counted against the bound, and never cancelled. The file stays open with it.
    pub(super) file: Option<Rc<OpenFile>>,
    /// Nobody will ask for the result any more.
    pub(super) orphan: bool,
}

/// What a connection's receive is doing in the kernel.
pub(super) enum Receiving {
    /// Nothing.
    Idle,
    /// It delivers into provided buffers until told otherwise.
    Multishot,
    /// As `Multishot`, with a cancel on its way: too much is unread.
    Pausing,
    /// It delivers once, into a provided buffer.
    Single,
    /// It delivers once, into memory of its own: the provided buffers had run out.
    Own(Box<[u8]>),
}

/// Something that came on a connection.
pub(super) enum Arrival {
    /// Bytes in a provided buffer.
    Provided { buffer: u16, length: usize },
    /// Bytes in memory of their own.
    Own { memory: Box<[u8]>, length: usize },
    /// The peer has ended its side. Stays the last.
    End,
    /// The error number. Stays the last.
    Failed(i32),
}

/// The receiving side of a connection.
pub(super) struct Receive {
    pub(super) waker: Option<Waker>,
    pub(super) arrivals: VecDeque<Arrival>,
    pub(super) receiving: Receiving,
    /// The provided buffers had run out when it last asked.
    pub(super) starved: bool,
    /// Bytes come faster than they are read: one receive at a time, because a multishot receive
    /// takes dozens of buffers before a cancel reaches it.
    pub(super) flooded: bool,
    pub(super) orphan: bool,
}

/// The accepting side of a listener.
pub(super) struct Accept {
    pub(super) waker: Option<Waker>,
    /// Descriptors, or negative error numbers.
    pub(super) arrivals: VecDeque<i32>,
    pub(super) armed: bool,
    /// A cancel is on its way: too many wait to be taken.
    pub(super) pausing: bool,
    pub(super) orphan: bool,
}

pub(super) enum Slot {
    Free,
    Once(Once),
    Receive(Receive),
    Accept(Accept),
}

/// All slots of a ring. Its size is the most that were ever in flight at once.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

impl Slots {
    pub(super) fn insert(&mut self, slot: Slot) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.slots[index] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        }
    }

    pub(super) fn remove(&mut self, index: usize) -> Slot {
        self.free.push(index);
        std::mem::replace(&mut self.slots[index], Slot::Free)
    }

    pub(super) fn slot(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }

    pub(super) fn once(&mut self, index: usize) -> &mut Once {
        match &mut self.slots[index] {
            Slot::Once(once) => once,
            _ => unreachable!("the slot of a single request"),
        }
    }

    pub(super) fn receive(&mut self, index: usize) -> &mut Receive {
        match &mut self.slots[index] {
            Slot::Receive(receive) => receive,
            _ => unreachable!("the slot of a receive"),
        }
    }

    pub(super) fn accept(&mut self, index: usize) -> &mut Accept {
        match &mut self.slots[index] {
            Slot::Accept(accept) => accept,
            _ => unreachable!("the slot of an accept"),
        }
    }

    /// Slots whose memory the kernel may still touch.
    pub(super) fn in_kernel(&self) -> usize {
        let in_kernel = |slot: &&Slot| match slot {
            Slot::Free => false,
            Slot::Once(once) => once.result.is_none(),
            Slot::Receive(receive) => !matches!(receive.receiving, Receiving::Idle),
            Slot::Accept(accept) => accept.armed,
        };
        self.slots.iter().filter(in_kernel).count()
    }

    /// Slots in use.
    pub(super) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
