//! One thread of the generator: an epoll loop over its connections.
//!
//! Open loop: requests are due at a fixed pace whatever the server does, and latency counts from
//! the moment a request was due, so that a stall is seen by every request that it delays (no
//! coordinated omission). Closed loop: a connection's next request follows its last answer.

use super::bodies::Bodies;
use super::connection::{Connection, Flight, Outcome};
use super::order::{Listing, Order, Orders};
use super::poll::Poll;
use super::request::Requests;
use super::tally::{Tallies, Window};
use crate::clock;
use hamster_core::Instant;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Received at once.
const SCRATCH_BYTES: usize = 256 << 10;
/// A lost connection is opened again after this.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);
/// The loop looks around at least this often.
const ROUND_MAX: Duration = Duration::from_millis(100);

/// When requests are due.
pub enum Pace {
    /// As soon as a connection is idle.
    Closed,
    /// The n-th is due `offset + n * interval` after the start.
    Open {
        /// From one to the next.
        interval: Duration,
        /// Of this thread, so that threads take turns.
        offset: Duration,
    },
}

/// What a thread is given.
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Connections of this thread.
    pub connections: usize,
    /// When requests are due.
    pub pace: Pace,
    /// Which.
    pub orders: Orders,
    /// Their bytes.
    pub requests: Requests,
    /// Their bodies.
    pub bodies: Arc<Bodies>,
    /// What listings ask for.
    pub listing: Listing,
    /// The time that counts.
    pub window: Window,
    /// A request without an answer is given up after this.
    pub patience: Duration,
    /// Failures after which the thread gives up.
    pub failures_max: u64,
}

/// What a thread did.
#[derive(Default)]
pub struct Work {
    /// Counted.
    pub tallies: Tallies,
    /// Failures, also outside of the window.
    pub failures: u64,
    /// What the server said to the last of them.
    pub last_failure: Option<String>,
}

struct Worker {
    plan: Plan,
    poll: Poll,
    connections: Vec<Option<Connection>>,
    idle: VecDeque<usize>,
    lost: VecDeque<(Instant, usize)>,
    issued: u32,
    in_flight: usize,
    exhausted: bool,
    work: Work,
    scratch: Vec<u8>,
}

/// Runs until the window ends and the last answers are in, or all orders are done.
///
/// # Errors
/// The server cannot be reached at the start.
pub fn run(plan: Plan) -> io::Result<Work> {
    let poll = Poll::new()?;
    let mut connections = Vec::with_capacity(plan.connections);
    for token in 0..plan.connections {
        connections.push(Some(Connection::open(&plan.address, &poll, token)?));
    }
    let mut worker = Worker {
        idle: (0..plan.connections).collect(),
        connections,
        plan,
        poll,
        lost: VecDeque::new(),
        issued: 0,
        in_flight: 0,
        exhausted: false,
        work: Work::default(),
        scratch: vec![0; SCRATCH_BYTES],
    };
    clock::sleep_until(worker.plan.window.start);
    worker.drive()?;
    Ok(worker.work)
}

impl Worker {
    fn drive(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut last_look = clock::now();
        loop {
            self.issue();
            let now = clock::now();
            let over = self.exhausted || now >= self.plan.window.until;
            if over && self.in_flight == 0 || self.work.failures > self.plan.failures_max {
                break;
            }
            if now.since(last_look) >= ROUND_MAX {
                last_look = now;
                self.look_around(now);
            }
            self.poll.wait(self.patience_of_poll(now), &mut ready)?;
            for token in ready.drain(..) {
                self.serve(token);
            }
        }
        self.count_unsent();
        Ok(())
    }

    /// Sends what is due, as far as connections are idle.
    fn issue(&mut self) {
        while !self.idle.is_empty() && !self.exhausted {
            let now = clock::now();
            let due = self.due().unwrap_or(now);
            if due > now || now >= self.plan.window.until {
                return;
            }
            let Some(order) = self.plan.orders.next() else {
                self.exhausted = self.in_flight == 0;
                return;
            };
            self.issued += 1;
            self.send(order, due, now);
        }
    }

    fn send(&mut self, order: Order, intended: Instant, now: Instant) {
        let token = self.idle.pop_front().expect("checked by the caller");
        let Some(connection) = self.connections[token].as_mut() else {
            unreachable!("an idle connection is open");
        };
        let flight = Flight { order, intended, sent: now };
        let Plan { requests, bodies, .. } = &mut self.plan;
        let write = |out: &mut Vec<u8>| requests.write(order, clock::wall(), out);
        let outcome = connection.send(flight, write, bodies, &self.poll);
        self.in_flight += 1;
        self.conclude(token, outcome);
    }

    fn serve(&mut self, token: usize) {
        let Some(connection) = self.connections[token].as_mut() else { return };
        let Plan { bodies, listing, .. } = &self.plan;
        let outcome = connection.ready(bodies, *listing, &self.poll, &mut self.scratch);
        self.conclude(token, outcome);
        self.issue();
    }

    fn conclude(&mut self, token: usize, outcome: Outcome) {
        if matches!(outcome, Outcome::Pending) {
            return;
        }
        let connection = self.connections[token].as_mut().expect("it has an outcome");
        let spent = matches!(outcome, Outcome::Lost(_)) || connection.is_spent();
        let flight = connection.flight.take();
        let window = &self.plan.window;
        if let Some(flight) = flight {
            let operation = flight.order.operation;
            self.in_flight -= 1;
            match &outcome {
                Outcome::Well(bytes) => {
                    let times = (flight.intended, clock::now());
                    self.work.tallies.succeeded(operation, times, *bytes, window);
                }
                Outcome::Refused(what) => self.fail(token, flight, what),
                Outcome::Lost(what) => self.fail(token, flight, what),
                Outcome::Pending => {}
            }
        }
        if spent {
            self.connections[token] = None;
            self.idle.retain(|idle| *idle != token);
            self.lost.push_back((clock::now() + RECONNECT_AFTER, token));
        } else {
            self.idle.push_back(token);
        }
    }

    fn fail(&mut self, token: usize, flight: Flight, what: &str) {
        let Flight { order, intended, .. } = flight;
        self.work.tallies.failed(order.operation, what, intended, &self.plan.window);
        self.work.failures += 1;
        let text = self.connections[token].as_ref().map(Connection::text).unwrap_or_default();
        self.work.last_failure = Some(format!("{} {what} {text}", order.operation.name()));
        self.plan.orders.failed(order);
    }

    /// Gives up requests that take too long; opens lost connections again.
    fn look_around(&mut self, now: Instant) {
        for token in 0..self.connections.len() {
            let flight = self.connections[token].as_ref().and_then(|c| c.flight);
            if flight.is_some_and(|flight| now.since(flight.sent) > self.plan.patience) {
                self.conclude(token, Outcome::Lost("no answer in time"));
            }
        }
        while let Some((_, token)) = self.lost.pop_front_if(|(when, _)| *when <= now) {
            match Connection::open(&self.plan.address, &self.poll, token) {
                Ok(connection) => {
                    self.connections[token] = Some(connection);
                    self.idle.push_back(token);
                }
                Err(_) => self.lost.push_back((now + RECONNECT_AFTER, token)),
            }
        }
    }

    /// When the next request is due; `None` in a closed loop.
    fn due(&self) -> Option<Instant> {
        match self.plan.pace {
            Pace::Closed => None,
            Pace::Open { interval, offset } => {
                Some(self.plan.window.start + offset + interval * self.issued)
            }
        }
    }

    fn patience_of_poll(&self, now: Instant) -> Duration {
        let due = self.due().filter(|_| !self.idle.is_empty());
        due.map_or(ROUND_MAX, |due| due.since(now)).min(ROUND_MAX)
    }

    fn count_unsent(&mut self) {
        while let Some(due) = self.due().filter(|due| *due < self.plan.window.until) {
            let Some(order) = self.plan.orders.next() else { return };
            self.work.tallies.unsent(order.operation, due, &self.plan.window);
            self.issued += 1;
        }
    }
}
