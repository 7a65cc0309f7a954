//! Many seeds: a process for each, as many at a time as there are CPUs; what fails is made smaller by
//! leaving out faults, then requests.

use super::{Report, SimulateArgs};
use hamster_core::sim::Fault;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// A failing seed is run at most so often to make it smaller.
const SHRINKS_MAX: usize = 40;
/// Failing seeds that are made smaller; of more, there are only the numbers.
const SHRUNK_MAX: usize = 3;
/// How often a line says how far it is.
const REPORT_INTERVAL: Duration = Duration::from_secs(15);
/// Where reports go is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// What came of all seeds.
#[derive(Serialize, Default, Debug)]
struct Summary {
    base: u64,
    seeds: u64,
    failed: Vec<u64>,
    seconds: f64,
    seconds_per_seed_and_core: f64,
    struck: BTreeMap<String, u64>,
    done: BTreeMap<String, u64>,
    never_struck: Vec<&'static str>,
}

/// Runs the seeds.
pub fn run(args: &SimulateArgs, json: bool) -> ExitCode {
    match fleet(args, json) {
        Ok(summary) => {
            match json {
                true => println!("{}", serde_json::json!(summary)),
                false => show(&summary),
            }
            if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("hamster simulate: cannot run a seed in a process of its own: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fleet(args: &SimulateArgs, quiet: bool) -> io::Result<Summary> {
    let count = args.seeds.unwrap_or(1);
    let base = args.base.unwrap_or_else(drawn_base);
    if !quiet {
        println!("seeds {base} to {}", base.wrapping_add(count.saturating_sub(1)));
    }
    let cores = std::thread::available_parallelism()?.get();
    let (start, mut told) = (now(), now());
    let limit = args.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let mut summary = Summary { base, ..Summary::default() };
    let mut running: Vec<Run> = Vec::new();
    let mut next = 0;
    loop {
        let is_over = args.first && !summary.failed.is_empty();
        let goes_on = !is_over && next < count && limit.is_none_or(|limit| start.elapsed() < limit);
        if goes_on && running.len() < cores {
            let seed = base.wrapping_add(next);
            running.push(Run::spawn(seed, args.ops, &args.without)?);
            next += 1;
            continue;
        }
        if running.is_empty() {
            break;
        }
        let done = running.iter_mut().position(|run| !matches!(run.child.try_wait(), Ok(None)));
        let Some(done) = done else {
            rest();
            continue;
        };
        let report = running.swap_remove(done).report()?;
        summary.add(&report);
        if !report.wrong.is_empty() {
            tell_failure(args, &report, !args.first && summary.failed.len() <= SHRUNK_MAX)?;
        }
        if !quiet && told.elapsed() >= REPORT_INTERVAL {
            told = now();
            let rate = summary.seeds as f64 * 60.0 / start.elapsed().as_secs_f64();
            let failed = summary.failed.len();
            println!("{} of {count} seeds, {rate:.0} a minute, {failed} failed", summary.seeds);
        }
    }
    summary.seconds = start.elapsed().as_secs_f64();
    summary.seconds_per_seed_and_core =
        summary.seconds * cores as f64 / summary.seeds.max(1) as f64;
    let struck = |fault: &Fault| summary.struck.keys().any(|known| known.starts_with(fault.name()));
    summary.never_struck =
        Fault::ALL.into_iter().filter(|fault| !struck(fault)).map(Fault::name).collect();
    Ok(summary)
}

#[expect(clippy::disallowed_methods, reason = "it stands outside of the world, and tells its pace")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "it waits for processes, outside of the world")]
fn rest() {
    std::thread::sleep(LOOK_INTERVAL);
}

fn drawn_base() -> u64 {
    crate::clock::wall().nanos() % 1_000_000_000_000
}

/// The process of a seed. What it prints goes to files: it must never wait for a reader.
struct Run {
    seed: u64,
    child: Child,
    said: File,
    complained: File,
}

impl Run {
    fn spawn(seed: u64, ops: usize, without: &[Fault]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let (seed_text, ops) = (seed.to_string(), ops.to_string());
        command.args(["simulate", "--json", "--seed", &seed_text, "--ops", &ops]);
        if !without.is_empty() {
            let names: Vec<&str> = without.iter().map(|fault| fault.name()).collect();
            command.args(["--without", &names.join(",")]);
        }
        // Why: a process that lives for a second gives no memory back, which was a fifth of its time.
        command.env("MIMALLOC_PURGE_DELAY", "-1");
        let (said, complained) = (tempfile::tempfile()?, tempfile::tempfile()?);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(complained.try_clone()?);
        Ok(Self { seed, child: command.spawn()?, said, complained })
    }

    /// Waits for its end. A process that dies has failed, too.
    fn report(mut self) -> io::Result<Report> {
        let status = self.child.wait()?;
        let text = text_of(self.said)?;
        if let Some(Ok(report)) = text.lines().last().map(serde_json::from_str) {
            return Ok(report);
        }
        let complained = text_of(self.complained)?;
        let end: Vec<&str> = complained.lines().rev().take(5).collect();
        Ok(Report {
            seed: self.seed,
            trace: String::new(),
            world: String::new(),
            wrong: vec![format!("its process died ({status}): {}", end.join(" | "))],
            virtual_seconds: 0,
            done: BTreeMap::new(),
            struck: Vec::new(),
        })
    }
}

fn text_of(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Summary {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        if !report.wrong.is_empty() {
            self.failed.push(report.seed);
        }
        for (fault, place, count) in &report.struck {
            // Why cut: links are named by their addresses, of which there are many.
            let place = place.split_once('>').map_or(place.as_str(), |_| "link");
            *self.struck.entry(format!("{fault} x {place}")).or_default() += count;
        }
        for (what, count) in &report.done {
            *self.done.entry(what.clone()).or_default() += count;
        }
    }
}

/// Says what failed and how to see it again, as small as it can be made.
fn tell_failure(args: &SimulateArgs, report: &Report, shrinks: bool) -> io::Result<()> {
    let mut smallest = report.clone();
    let (mut ops, mut without) = (args.ops, args.without.clone());
    let mut left = if shrinks { SHRINKS_MAX } else { 0 };
    for fault in Fault::ALL {
        if without.contains(&fault) || left == 0 {
            continue;
        }
        left -= 1;
        without.push(fault);
        let tried = Run::spawn(report.seed, ops, &without)?.report()?;
        match tried.wrong.is_empty() {
            true => drop(without.pop()),
            false => smallest = tried,
        }
    }
    while ops > 20 && left > 0 {
        left -= 1;
        let tried = Run::spawn(report.seed, ops / 2, &without)?.report()?;
        if tried.wrong.is_empty() {
            break;
        }
        (smallest, ops) = (tried, ops / 2);
    }
    println!("FAILED seed {} ({})", report.seed, smallest.world);
    smallest.wrong.iter().take(3).for_each(|what| println!("  {what}"));
    let names: Vec<&str> = without.iter().map(|fault| fault.name()).collect();
    let without = match names.as_slice() {
        [] => String::new(),
        names => format!(" --without {}", names.join(",")),
    };
    println!("  replay: hamster simulate --seed {} --ops {ops}{without} --trace", report.seed);
    Ok(())
}

fn show(summary: &Summary) {
    for (struck, count) in &summary.struck {
        println!("struck {struck:44} {count}");
    }
    for fault in &summary.never_struck {
        println!("NEVER struck: {fault}");
    }
    let done: Vec<String> =
        summary.done.iter().map(|(what, count)| format!("{what} {count}")).collect();
    println!("clients: {}", done.join(", "));
    println!(
        "{} seeds from {} in {:.1} s ({:.2} s for each and core): {} failed {:?}",
        summary.seeds,
        summary.base,
        summary.seconds,
        summary.seconds_per_seed_and_core,
        summary.failed.len(),
        summary.failed
    );
}
