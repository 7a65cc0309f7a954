//! One connection: two pipes of bytes, cut and joined at random, as TCP does. What a link loses is
//! sent again, what it gives twice is taken once, what overtakes waits for what it has overtaken.

use super::link::Fate;
use super::switch::Switch;
use super::{ECONNRESET, EPIPE, error};
use crate::checksum::Crc64;
use crate::limits::{RECEIVE_BUFFER_BYTES, SIMULATED_WINDOW_BYTES};
use crate::sim::seed::{Concern, Happened};
use crate::sync::Event;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

/// Both directions between two ends.
pub(crate) struct Connection {
    hosts: [IpAddr; 2],
    /// By the end that sends into it.
    pipes: [Pipe; 2],
}

#[derive(Default)]
struct Pipe {
    state: RefCell<PipeState>,
    /// Something arrived.
    readable: Event,
    /// There is room, or there never will be.
    writable: Event,
}

#[derive(Default)]
struct PipeState {
    arrived: VecDeque<Bytes>,
    /// How it ended, after what arrived.
    end: Option<End>,
    /// Sent and not yet received by the other end's task.
    outstanding: usize,
    /// When the latest of what is under way arrives. Nothing overtakes it but by a fault.
    arrives_last: u64,
    /// Numbers the packets.
    sent: u64,
    /// How many have arrived, and what has overtaken the next one.
    in_order: u64,
    overtaken_by: BTreeMap<u64, Packet>,
    /// The sender has ended it.
    finished: bool,
    /// The sender knows that the other end is gone.
    broken: bool,
    /// Nobody will ever receive from it.
    unread: bool,
}

#[derive(Clone, Copy)]
enum End {
    Finish,
    Reset,
}

#[derive(Clone)]
enum Packet {
    Data(Bytes),
    End(End),
}

impl Connection {
    pub fn new(hosts: [IpAddr; 2]) -> Rc<Self> {
        Rc::new(Self { hosts, pipes: Default::default() })
    }

    /// Sends `packet` from `end` to the other.
    fn dispatch(self: &Rc<Self>, switch: &Rc<Switch>, end: usize, packet: Packet) {
        let mut pipe = self.pipes[end].state.borrow_mut();
        let number = pipe.sent;
        pipe.sent += 1;
        drop(pipe);
        self.transmit(switch, end, number, packet, 0);
    }

    /// Puts a packet on the way, for the first time or again.
    fn transmit(
        self: &Rc<Self>,
        switch: &Rc<Switch>,
        end: usize,
        number: u64,
        packet: Packet,
        attempt: u32,
    ) {
        let now = switch.executor.now();
        let (from, to) = (self.hosts[end], self.hosts[1 - end]);
        let latency = switch.latency(from, to);
        match switch.fate(from, to, attempt) {
            Fate::Arrives { later, overtakes, twice } => {
                let mut pipe = self.pipes[end].state.borrow_mut();
                let in_order = if overtakes { 0 } else { pipe.arrives_last };
                let time = in_order.max(now + latency + later);
                pipe.arrives_last = pipe.arrives_last.max(time);
                drop(pipe);
                if twice {
                    self.arrive_at(switch, time + latency, end, number, packet.clone());
                }
                self.arrive_at(switch, time, end, number, packet);
            }
            Fate::Again { after } => {
                let (connection, again) = (Rc::clone(self), Rc::clone(switch));
                switch.act_at(now + after, move || {
                    connection.transmit(&again, end, number, packet, attempt + 1);
                });
            }
            Fate::Waits => {
                let (connection, again) = (Rc::clone(self), Rc::clone(switch));
                switch.hold(from, to, move || {
                    connection.transmit(&again, end, number, packet, attempt);
                });
            }
            Fate::Resets => {
                let (connection, telling) = (Rc::clone(self), Rc::clone(switch));
                switch.act_at(now + latency, move || {
                    if let Packet::Data(bytes) = packet {
                        // Why: what has overtaken it would be taken for its other half.
                        connection.pipes[end].state.borrow_mut().overtaken_by.clear();
                        let some = bytes.slice(..bytes.len() / 2);
                        connection.arrive(&telling, end, number, Packet::Data(some));
                    }
                    // Why in the same moment: nothing may follow a part of a packet.
                    connection.sever(&telling);
                });
            }
            Fate::GivenUp => self.sever(switch),
        }
    }

    fn arrive_at(
        self: &Rc<Self>,
        switch: &Rc<Switch>,
        time: u64,
        end: usize,
        number: u64,
        packet: Packet,
    ) {
        let (connection, receiving) = (Rc::clone(self), Rc::clone(switch));
        switch.act_at(time, move || connection.arrive(&receiving, end, number, packet));
    }

    /// A packet that `end` sent has come to the other, in whatever order.
    fn arrive(self: &Rc<Self>, switch: &Rc<Switch>, end: usize, number: u64, packet: Packet) {
        let state = &self.pipes[end].state;
        if number >= state.borrow().in_order {
            state.borrow_mut().overtaken_by.insert(number, packet);
        }
        loop {
            let mut pipe = state.borrow_mut();
            let next = pipe.in_order;
            let Some(packet) = pipe.overtaken_by.remove(&next) else { return };
            pipe.in_order += 1;
            drop(pipe);
            self.deliver(switch, end, packet);
        }
    }

    /// Neither end reaches the other any more.
    pub fn sever(self: &Rc<Self>, switch: &Rc<Switch>) {
        switch.executor.note(Happened::Delivered, 0);
        for pipe in &self.pipes {
            let mut state = pipe.state.borrow_mut();
            state.end = Some(End::Reset);
            state.broken = true;
            // Why: what is still under way must not arrive behind the reset.
            state.in_order = u64::MAX;
            state.overtaken_by.clear();
            drop(state);
            pipe.readable.notify();
            pipe.writable.notify();
        }
    }

    /// What `end` sent is there for the other.
    fn deliver(self: &Rc<Self>, switch: &Rc<Switch>, end: usize, packet: Packet) {
        let pipe = &self.pipes[end];
        let mut state = pipe.state.borrow_mut();
        match packet {
            Packet::Data(bytes) if state.unread => {
                switch.executor.note(Happened::Delivered, 0);
                drop(state);
                drop(bytes);
                self.dispatch(switch, 1 - end, Packet::End(End::Reset));
                return;
            }
            Packet::Data(bytes) => {
                switch.executor.note(Happened::Delivered, Crc64::of(&bytes).get());
                state.arrived.push_back(bytes);
            }
            Packet::End(how) => {
                switch.executor.note(Happened::Delivered, 0);
                state.end.get_or_insert(how);
                if matches!(how, End::Reset) {
                    state.end = Some(how);
                    self.pipes[1 - end].state.borrow_mut().broken = true;
                    self.pipes[1 - end].writable.notify();
                }
            }
        }
        drop(state);
        pipe.readable.notify();
    }

    /// The process on `host` died.
    pub fn reset_from(self: &Rc<Self>, switch: &Rc<Switch>, host: IpAddr) {
        for end in [0, 1] {
            if self.hosts[end] == host {
                self.close(switch, end, End::Reset);
            }
        }
    }

    /// `end` neither sends nor receives any more.
    fn close(self: &Rc<Self>, switch: &Rc<Switch>, end: usize, how: End) {
        let mut sending = self.pipes[end].state.borrow_mut();
        let mut receiving = self.pipes[1 - end].state.borrow_mut();
        if std::mem::replace(&mut receiving.unread, true) {
            return;
        }
        let unread = std::mem::take(&mut receiving.arrived);
        let finished = std::mem::replace(&mut sending.finished, true);
        let how = match how {
            // As Linux does: an end that closes without reading what came resets.
            End::Finish if !unread.is_empty() => End::Reset,
            how => how,
        };
        drop((sending, receiving, unread));
        if !finished || matches!(how, End::Reset) {
            self.dispatch(switch, end, Packet::End(how));
        }
    }
}

/// See [`crate::Stream`].
pub struct Stream {
    switch: Rc<Switch>,
    connection: Rc<Connection>,
    end: usize,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.close(&self.switch, self.end, End::Finish);
    }
}

impl Stream {
    pub(super) fn pair(switch: &Rc<Switch>, connection: &Rc<Connection>) -> [Self; 2] {
        let (switch, connection) = (|| Rc::clone(switch), || Rc::clone(connection));
        [0, 1].map(|end| Self { switch: switch(), connection: connection(), end })
    }

    pub(crate) async fn receive(&self) -> io::Result<Option<Bytes>> {
        let pipe = &self.connection.pipes[1 - self.end];
        loop {
            let arrival = {
                let mut state = pipe.state.borrow_mut();
                if !state.arrived.is_empty() {
                    let bytes = self.take_arrived(&mut state);
                    drop(state);
                    pipe.writable.notify();
                    return Ok(Some(bytes));
                }
                match state.end {
                    Some(End::Finish) => return Ok(None),
                    Some(End::Reset) => return Err(error(ECONNRESET)),
                    None => pipe.readable.listen(),
                }
            };
            arrival.await;
        }
    }

    /// Some of what has arrived: a receive may join what was sent apart, up to one buffer.
    fn take_arrived(&self, state: &mut PipeState) -> Bytes {
        let first = state.arrived.pop_front().unwrap_or_default();
        let mut joined = BytesMut::new();
        while let Some(next) = state.arrived.front()
            && first.len() + joined.len() + next.len() <= RECEIVE_BUFFER_BYTES.as_usize()
            && self.switch.executor.entropy(Concern::Network).below(4) > 0
        {
            joined.extend_from_slice(next);
            state.arrived.pop_front();
        }
        let bytes =
            if joined.is_empty() { first } else { [first, joined.freeze()].concat().into() };
        state.outstanding -= bytes.len();
        bytes
    }

    pub(crate) async fn send(&self, mut bytes: Bytes) -> io::Result<()> {
        let pipe = &self.connection.pipes[self.end];
        while !bytes.is_empty() {
            let room = {
                let state = pipe.state.borrow();
                if state.broken || state.finished {
                    return Err(error(if state.broken { ECONNRESET } else { EPIPE }));
                }
                SIMULATED_WINDOW_BYTES.as_usize() - state.outstanding
            };
            if room == 0 {
                pipe.writable.listen().await;
                continue;
            }
            let piece = bytes.split_to(self.draw_cut(bytes.len().min(room)));
            pipe.state.borrow_mut().outstanding += piece.len();
            self.connection.dispatch(&self.switch, self.end, Packet::Data(piece));
        }
        Ok(())
    }

    /// Where to cut up to `length` bytes that are sent at once: mostly nowhere, sometimes anywhere.
    fn draw_cut(&self, length: usize) -> usize {
        let whole = length.min(RECEIVE_BUFFER_BYTES.as_usize());
        let entropy = self.switch.executor.entropy(Concern::Network);
        if entropy.below(4) > 0 {
            return whole;
        }
        let cut = 1 + entropy.below(whole as u64);
        usize::try_from(cut).expect("at most a length")
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        let mut state = self.connection.pipes[self.end].state.borrow_mut();
        if state.broken {
            return Err(error(ECONNRESET));
        }
        let finished = std::mem::replace(&mut state.finished, true);
        drop(state);
        if !finished {
            self.connection.dispatch(&self.switch, self.end, Packet::End(End::Finish));
        }
        Ok(())
    }
}
