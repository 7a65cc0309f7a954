//! What a load run found, as a table for people and as JSON for scripts.

use super::order::Operation;
use super::tally::{Tallies, Tally};
use super::{Kind, LoadArgs, Payload};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A whole run.
#[derive(Serialize, Debug)]
pub struct Report {
    /// The server.
    pub endpoint: String,
    /// What was sent.
    pub operation: String,
    /// Bytes of an object.
    pub object_bytes: u64,
    /// Objects of the data set.
    pub objects: u32,
    /// Connections, over all threads.
    pub connections: u16,
    /// Threads of the generator.
    pub threads: u16,
    /// Requests per second asked for; 0: closed loop.
    pub rate: u32,
    /// Are PUT bodies signed by their SHA-256?
    pub signed_payload: bool,
    /// Seconds measured.
    pub seconds: u64,
    /// One line for each operation sent, and one for all if there are several.
    pub lines: Vec<Line>,
    /// CPU time of the generator.
    pub client_cpu_seconds: f64,
    /// CPU time of the server, if its process was named.
    pub server_cpu_seconds: Option<f64>,
    /// Good answers per second of server CPU time.
    pub operations_per_server_cpu_second: Option<f64>,
    /// Body bytes, in MB (10^6), per second of server CPU time.
    pub megabytes_per_server_cpu_second: Option<f64>,
    /// Bytes that the server's process wrote to storage, if it was named.
    pub server_written_bytes: Option<u64>,
    /// These for each byte of the bodies that were put; `None` without PUTs.
    pub written_per_put_byte: Option<f64>,
    /// What the server said to the last request that failed.
    pub last_failure: Option<String>,
}

/// What a run took, while it was measured.
pub(super) struct Spent {
    pub client_cpu: Duration,
    pub server_cpu: Option<Duration>,
    pub server_written: Option<u64>,
}

/// What one operation did.
#[derive(Serialize, Debug)]
pub struct Line {
    /// `PUT`, `GET`, `LIST` or `all`.
    pub operation: String,
    /// Good answers within the time measured, per second.
    pub operations_per_second: f64,
    /// Their bodies, in MB (10^6) per second.
    pub megabytes_per_second: f64,
    /// Good answers within the time measured.
    pub operations: u64,
    /// Latencies in microseconds, from the moment a request was due (closed loop: was sent).
    pub p50_us: f64,
    /// See `p50_us`.
    pub p90_us: f64,
    /// See `p50_us`.
    pub p99_us: f64,
    /// See `p50_us`.
    pub p999_us: f64,
    /// See `p50_us`.
    pub max_us: f64,
    /// Failures by status or name.
    pub errors: BTreeMap<String, u64>,
    /// Requests that were due and not sent by the end (open loop): the rate was not reached.
    pub unsent: u64,
}

impl Report {
    pub(super) fn new(
        args: &LoadArgs,
        tallies: &Tallies,
        spent: &Spent,
        last_failure: Option<String>,
    ) -> Self {
        let seen = |tally: &Tally| !tally.latency.is_empty() || !tally.errors.is_empty();
        let mut lines: Vec<Line> = Operation::ALL
            .into_iter()
            .map(|operation| (operation.name(), &tallies.0[operation.index()]))
            .filter(|(_, tally)| seen(tally))
            .map(|(name, tally)| Line::new(name, tally, args.duration))
            .collect();
        let total = tallies.total();
        if lines.len() != 1 {
            lines.push(Line::new("all", &total, args.duration));
        }
        let server = spent.server_cpu.map(|cpu| cpu.as_secs_f64()).filter(|cpu| *cpu > 0.0);
        let put = tallies.0[Operation::Put.index()].bytes.get();
        let per_byte = |written| (put > 0).then(|| float(written) / float(put));
        let operation = match args.operation {
            Kind::Put => "put",
            Kind::Get => "get",
            Kind::List => "list",
            Kind::Mixed => "mixed",
        };
        Self {
            endpoint: args.endpoint.url.clone(),
            operation: operation.to_owned(),
            object_bytes: args.size.get(),
            objects: args.objects,
            connections: args.connections,
            threads: args.threads,
            rate: args.rate,
            signed_payload: args.payload == Payload::Signed,
            seconds: args.duration,
            lines,
            client_cpu_seconds: spent.client_cpu.as_secs_f64(),
            server_cpu_seconds: server,
            operations_per_server_cpu_second: server.map(|cpu| float(total.done) / cpu),
            megabytes_per_server_cpu_second: server.map(|cpu| float(total.bytes.get()) / 1e6 / cpu),
            server_written_bytes: spent.server_written,
            written_per_put_byte: spent.server_written.and_then(per_byte),
            last_failure,
        }
    }

    /// Was every request answered as it should be?
    pub fn is_clean(&self) -> bool {
        self.lines.iter().all(|line| line.errors.is_empty())
    }
}

impl Line {
    fn new(name: &str, tally: &Tally, seconds: u64) -> Self {
        let latency = |percent| float(tally.latency.value_at_percentile(percent)) / 1e3;
        Self {
            operation: name.to_owned(),
            operations_per_second: float(tally.done) / float(seconds),
            megabytes_per_second: float(tally.bytes.get()) / 1e6 / float(seconds),
            operations: tally.done,
            p50_us: latency(50.0),
            p90_us: latency(90.0),
            p99_us: latency(99.0),
            p999_us: latency(99.9),
            max_us: float(tally.latency.max()) / 1e3,
            errors: tally.errors.clone(),
            unsent: tally.unsent,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = match self.rate {
            0 => "closed loop".to_owned(),
            rate => format!("open loop, {rate}/s"),
        };
        writeln!(
            f,
            "{} {} of {} B, {} objects, {} connections, {} thread(s), {pace}, {} s, payload {}",
            self.endpoint,
            self.operation,
            self.object_bytes,
            self.objects,
            self.connections,
            self.threads,
            self.seconds,
            if self.signed_payload { "signed" } else { "unsigned" },
        )?;
        writeln!(
            f,
            "{:<5} {:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
            "", "ops/s", "MB/s", "p50 us", "p90", "p99", "p99.9", "max", "errors"
        )?;
        for line in &self.lines {
            writeln!(
                f,
                "{:<5} {:>10.0} {:>10.1} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>8}",
                line.operation,
                line.operations_per_second,
                line.megabytes_per_second,
                line.p50_us,
                line.p90_us,
                line.p99_us,
                line.p999_us,
                line.max_us,
                line.errors.values().sum::<u64>(),
            )?;
            for (name, count) in &line.errors {
                writeln!(f, "      {count} x {name}")?;
            }
            if line.unsent > 0 {
                let unsent = line.unsent;
                writeln!(f, "      {unsent} were due and not sent: the rate was not reached")?;
            }
        }
        if let Some(text) = &self.last_failure {
            writeln!(f, "last failure: {text}")?;
        }
        write!(f, "client CPU {:.2} s", self.client_cpu_seconds)?;
        let Some(server) = self.server_cpu_seconds else { return writeln!(f) };
        writeln!(
            f,
            ", server CPU {server:.2} s: {:.0} ops and {:.1} MB per server CPU second",
            self.operations_per_server_cpu_second.unwrap_or_default(),
            self.megabytes_per_server_cpu_second.unwrap_or_default(),
        )?;
        if let (Some(written), Some(ratio)) = (self.server_written_bytes, self.written_per_put_byte)
        {
            let megabytes = float(written) / 1e6;
            writeln!(f, "server wrote {megabytes:.1} MB: {ratio:.2} bytes for each byte put")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display only")]
fn float(count: u64) -> f64 {
    count as f64
}
