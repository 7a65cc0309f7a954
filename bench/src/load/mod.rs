//! `hamster bench load`: signed S3 requests at a fixed rate or as fast as the server answers.
//!
//! The story: find the server, make bucket and objects, run threads, report. Works on any S3 server
//! that takes path-style requests over http. What it must never do: count bytes it has not looked
//! at, hide what was not sent, or be the bottleneck unnoticed (its own CPU time is in the report).

mod answer;
mod arguments;
mod bodies;
mod connection;
mod order;
mod poll;
mod report;
mod request;
mod tally;
mod worker;

pub use arguments::{Kind, LoadArgs, Payload};
pub use report::Report;

use crate::client::Client;
use crate::endpoint::NoEndpoint;
use crate::{clock, process};
use bodies::Bodies;
use hamster_core::{Entropy, Instant};
use order::{Listing, Mix, Operation, Orders};
use report::Spent;
use request::Requests;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tally::{Tallies, Window};
use worker::{Pace, Plan, Work};

/// Threads connect before the first request is due.
const CONNECT_TIME: Duration = Duration::from_millis(200);
/// Failed requests of the preparation, per thread, after which it is given up.
const PREPARE_FAILURES_MAX: u64 = 200;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// See [`NoEndpoint`].
    #[error(transparent)]
    Endpoint(#[from] NoEndpoint),
    /// It does not answer, or refuses the bucket.
    #[error("the server at {0}: {1}")]
    Server(String, io::Error),
    /// The objects to be read could not be made.
    #[error("the data set could not be made: {0}")]
    Prepare(String),
    /// A thread of the generator panicked.
    #[error("a thread of the generator is gone")]
    Thread,
}

/// Runs the load and says what happened.
///
/// # Errors
/// There was no load to speak of; requests that failed are counted in the report instead.
pub fn run(args: &LoadArgs) -> Result<Report, LoadError> {
    let load = Load::new(args)?;
    let mix = match args.operation {
        Kind::Put => Mix::only(Operation::Put),
        Kind::Get => Mix::only(Operation::Get),
        Kind::List => Mix::only(Operation::List),
        Kind::Mixed => args.mix,
    };
    if !args.no_prepare {
        load.prepare(mix)?;
    }
    load.measure(mix)
}

struct Load<'a> {
    args: &'a LoadArgs,
    host: String,
    address: SocketAddr,
    bodies: Arc<Bodies>,
    objects: usize,
}

impl<'a> Load<'a> {
    fn new(args: &'a LoadArgs) -> Result<Self, LoadError> {
        let host = args.endpoint.host()?.to_owned();
        let address = host.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        let address = address.ok_or_else(|| args.endpoint.not_one())?;
        let objects = usize::try_from(args.objects).expect("usize has 64 bits");
        let signed = args.payload == Payload::Signed;
        let bodies = Arc::new(Bodies::new(args.seed, objects, args.size.as_usize(), signed));
        Ok(Self { args, host, address, bodies, objects })
    }

    /// Makes the bucket, and the objects if any are to be read.
    fn prepare(&self, mix: Mix) -> Result<(), LoadError> {
        let mut client =
            Client::new(&self.host, self.args.endpoint.credentials(), &self.args.endpoint.region);
        let made = client.create_bucket(&self.args.bucket);
        made.map_err(|error| LoadError::Server(self.args.endpoint.url.clone(), error))?;
        if !mix.has(Operation::Get) && !mix.has(Operation::List) {
            return Ok(());
        }
        let start = clock::now();
        let until = start + Duration::from_secs(24 * 3600);
        let window = Window { start, from: start, until };
        let works = self.threads(window, PREPARE_FAILURES_MAX, |thread| {
            let own = self.share(thread);
            (Pace::Closed, Orders::Fill(own.collect()))
        })?;
        for work in works {
            if work.failures > PREPARE_FAILURES_MAX {
                return Err(LoadError::Prepare(work.last_failure.unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn measure(&self, mix: Mix) -> Result<Report, LoadError> {
        let start = clock::now() + CONNECT_TIME;
        let from = start + Duration::from_secs(self.args.warm_up);
        let until = from + Duration::from_secs(self.args.duration);
        let window = Window { start, from, until };
        let (works, spent) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| self.watch(from, until));
            let works = self.threads(window, u64::MAX, |thread| self.drawn(thread, mix));
            (works, watcher.join())
        });
        let spent = spent.map_err(|_| LoadError::Thread)?;
        let (mut tallies, mut last_failure) = (Tallies::default(), None);
        for work in works? {
            tallies.add(&work.tallies);
            last_failure = work.last_failure.or(last_failure);
        }
        Ok(Report::new(self.args, &tallies, &spent, last_failure))
    }

    /// What client and server take between two moments.
    fn watch(&self, from: Instant, until: Instant) -> Spent {
        let server = self.args.server_pid;
        let look = || {
            (
                process::own_cpu(),
                server.and_then(process::cpu_of),
                server.and_then(process::written_by),
            )
        };
        clock::sleep_until(from);
        let before = look();
        clock::sleep_until(until);
        let after = look();
        let server_cpu = after.1.zip(before.1).map(|(after, before)| after.saturating_sub(before));
        let written = after.2.zip(before.2).map(|(after, before)| after.saturating_sub(before));
        Spent { client_cpu: after.0.saturating_sub(before.0), server_cpu, server_written: written }
    }

    fn drawn(&self, thread: usize, mix: Mix) -> (Pace, Orders) {
        let threads = u32::from(self.args.threads);
        let place = u32::try_from(thread).expect("at most 256 threads");
        let pace = match self.args.rate {
            0 => Pace::Closed,
            rate => {
                let between_all = Duration::from_secs(1) / rate;
                let interval = Duration::from_secs(1) * threads / rate;
                Pace::Open { interval, offset: between_all * place }
            }
        };
        let own = self.share(thread);
        let entropy = Entropy::seeded(self.args.seed ^ (u64::from(place) << 32));
        (pace, Orders::Draw { mix, objects: self.objects, next: own.start, own, entropy })
    }

    /// The objects that a thread puts; never none.
    fn share(&self, thread: usize) -> std::ops::Range<usize> {
        let threads = usize::from(self.args.threads).min(self.objects);
        let thread = thread % threads;
        self.objects * thread / threads..self.objects * (thread + 1) / threads
    }

    /// Runs all threads and waits for them.
    fn threads(
        &self,
        window: Window,
        failures_max: u64,
        role: impl Fn(usize) -> (Pace, Orders) + Sync,
    ) -> Result<Vec<Work>, LoadError> {
        let threads = usize::from(self.args.threads);
        let connections = usize::from(self.args.connections).max(threads);
        let (role, refused) =
            (&role, |error| LoadError::Server(self.args.endpoint.url.clone(), error));
        std::thread::scope(|scope| {
            let mut handles = Vec::new();
            for thread in 0..threads {
                let connections =
                    connections * (thread + 1) / threads - connections * thread / threads;
                handles.push(scope.spawn(move || {
                    worker::run(self.plan(connections, role(thread), window, failures_max))
                }));
            }
            let mut works = Vec::new();
            for handle in handles {
                let work = handle.join().map_err(|_| LoadError::Thread)?;
                works.push(work.map_err(refused)?);
            }
            Ok(works)
        })
    }

    fn plan(
        &self,
        connections: usize,
        (pace, orders): (Pace, Orders),
        window: Window,
        failures_max: u64,
    ) -> Plan {
        let listing = Listing { objects: self.objects, page: usize::from(self.args.list_keys) };
        let (endpoint, place) =
            (&self.args.endpoint, (self.host.as_str(), self.args.bucket.as_str()));
        let bodies = Arc::clone(&self.bodies);
        Plan {
            address: self.address,
            connections,
            pace,
            orders,
            requests: Requests::new(
                endpoint.credentials(),
                &endpoint.region,
                place,
                listing,
                bodies,
            ),
            bodies: Arc::clone(&self.bodies),
            listing,
            window,
            patience: Duration::from_secs(self.args.timeout),
            failures_max,
        }
    }
}
