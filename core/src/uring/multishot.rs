//! Requests that complete again and again: receiving on a connection, accepting on a listener.
//! Called by `network`. Whoever waits for nothing leaves nothing armed for ever: both pause when
//! too much lies unread.

use super::receive_buffers::{BUFFER_BYTES, BUFFER_GROUP};
use super::ring::{Ring, close_entry};
use super::slot::{Accept, Arrival, Receive, Receiving, Slot};
use crate::limits;
use io_uring::squeue::{self, Entry};
use io_uring::{opcode, types};
use std::collections::VecDeque;
use std::io;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The receiving side of a socket. It does not own the socket.
pub(super) struct Receiver {
    ring: Rc<Ring>,
    index: usize,
    socket: RawFd,
}

impl Receiver {
    pub(super) fn new(ring: &Rc<Ring>, socket: RawFd) -> Self {
        let receive = Receive {
            waker: None,
            arrivals: VecDeque::new(),
            receiving: Receiving::Idle,
            starved: false,
            flooded: false,
            orphan: false,
        };
        let index = ring.with(|state| state.slots.insert(Slot::Receive(receive)));
        Self { ring: Rc::clone(ring), index, socket }
    }

    /// The next bytes; `None` at the end of the stream.
    pub(super) fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Received>>> {
        let (arrived, entry, former) = self.ring.with(|state| {
            let closing = state.closing();
            let receive = state.slots.receive(self.index);
            match receive.arrivals.front() {
                Some(Arrival::End) => return (Some(Ok(None)), None, None),
                Some(Arrival::Failed(number)) => {
                    let error = io::Error::from_raw_os_error(*number);
                    return (Some(Err(error)), None, None);
                }
                _ => {}
            }
            if let Some(arrival) = receive.arrivals.pop_front() {
                return (Some(Ok(Some(self.received(arrival)))), None, None);
            }
            if closing {
                let error = io::Error::from_raw_os_error(libc::ECANCELED);
                return (Some(Err(error)), None, None);
            }
            let former = receive.waker.replace(context.waker().clone());
            (None, self.arm(receive), former)
        });
        drop(former);
        entry.into_iter().for_each(|entry| self.ring.queue(entry));
        arrived.map_or(Poll::Pending, Poll::Ready)
    }

    /// What the kernel is to do next on this socket, if it does nothing.
    fn arm(&self, receive: &mut Receive) -> Option<Entry> {
        if !matches!(receive.receiving, Receiving::Idle) {
            return None;
        }
        let socket = types::Fd(self.socket);
        let entry = if std::mem::take(&mut receive.starved) {
            // Why not wait for a provided buffer: those who hold them may wait for what comes here.
            let mut memory = vec![0; limits::RECEIVE_STARVED_BYTES.as_usize()].into_boxed_slice();
            let length = u32::try_from(memory.len()).expect("a limit of some KiB");
            let entry = opcode::Recv::new(socket, memory.as_mut_ptr(), length).build();
            receive.receiving = Receiving::Own(memory);
            entry
        } else if receive.flooded {
            receive.receiving = Receiving::Single;
            let length = u32::try_from(BUFFER_BYTES).expect("a limit of some KiB");
            opcode::Recv::new(socket, std::ptr::null_mut(), length)
                .buf_group(BUFFER_GROUP)
                .build()
                .flags(squeue::Flags::BUFFER_SELECT)
        } else {
            receive.receiving = Receiving::Multishot;
            opcode::RecvMulti::new(socket, BUFFER_GROUP).build()
        };
        Some(entry.user_data(self.index as u64))
    }

    fn received(&self, arrival: Arrival) -> Received {
        match arrival {
            Arrival::Provided { buffer, length } => {
                Received(Memory::Provided { ring: Rc::clone(&self.ring), buffer, length })
            }
            Arrival::Own { memory, length } => Received(Memory::Own { memory, length }),
            Arrival::End | Arrival::Failed(_) => unreachable!("they stay in the queue"),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let (armed, waker) = self.ring.with(|state| {
            let receive = state.slots.receive(self.index);
            let waker = receive.waker.take();
            let arrivals = std::mem::take(&mut receive.arrivals);
            let armed = !matches!(receive.receiving, Receiving::Idle);
            receive.orphan = true;
            for arrival in arrivals {
                if let Arrival::Provided { buffer, .. } = arrival {
                    state.buffers.give_back(buffer);
                }
            }
            if !armed {
                state.slots.remove(self.index);
            }
            (armed, waker)
        });
        if armed {
            self.ring.cancel(self.index);
        }
        drop(waker);
    }
}

/// See [`crate::network::Received`].
pub struct Received(Memory);

enum Memory {
    Provided { ring: Rc<Ring>, buffer: u16, length: usize },
    Own { memory: Box<[u8]>, length: usize },
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Provided { ring, buffer, length } => {
                let bytes = ring.with(|state| state.buffers.bytes(*buffer, *length));
                // SAFETY: the kernel gave this buffer up until our drop, and the memory lives as
                // long as the ring, which `self` keeps.
                unsafe { bytes.as_ref() }
            }
            Memory::Own { memory, length } => &memory[..*length],
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Memory::Provided { ring, buffer, .. } = &self.0 {
            ring.with(|state| state.buffers.give_back(*buffer));
        }
    }
}

/// The accepting side of a listening socket. It does not own the socket.
pub(super) struct Acceptor {
    ring: Rc<Ring>,
    index: usize,
    socket: RawFd,
}

impl Acceptor {
    pub(super) fn new(ring: &Rc<Ring>, socket: RawFd) -> Self {
        let index = ring.with(|state| state.slots.insert(Slot::Accept(Accept::new())));
        Self { ring: Rc::clone(ring), index, socket }
    }

    /// The next connection's socket, which the caller owns.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<io::Result<RawFd>> {
        let (arrived, arm, former) = self.ring.with(|state| {
            let closing = state.closing();
            let accept = state.slots.accept(self.index);
            if let Some(result) = accept.arrivals.pop_front() {
                return (Some(result), false, None);
            }
            if closing {
                return (Some(-libc::ECANCELED), false, None);
            }
            let former = accept.waker.replace(context.waker().clone());
            let arm = !accept.armed;
            if arm {
                accept.armed = true;
                accept.pausing = false;
            }
            (None, arm, former)
        });
        drop(former);
        if arm {
            let entry =
                opcode::AcceptMulti::new(types::Fd(self.socket)).flags(libc::SOCK_CLOEXEC).build();
            self.ring.queue(entry.user_data(self.index as u64));
        }
        match arrived {
            None => Poll::Pending,
            Some(result) if result < 0 => Poll::Ready(Err(io::Error::from_raw_os_error(-result))),
            Some(socket) => Poll::Ready(Ok(socket)),
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let (armed, waker) = self.ring.with(|state| {
            let accept = state.slots.accept(self.index);
            let waker = accept.waker.take();
            let arrivals = std::mem::take(&mut accept.arrivals);
            let armed = accept.armed;
            accept.orphan = true;
            for socket in arrivals.into_iter().filter(|result| *result >= 0) {
                state.queue(close_entry(socket));
            }
            if !armed {
                state.slots.remove(self.index);
            }
            (armed, waker)
        });
        if armed {
            self.ring.cancel(self.index);
        }
        drop(waker);
    }
}
