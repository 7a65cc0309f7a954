//! `hamster simulate`: the shipped node, from the HTTP parser down to the segment log and Raft, in a
//! world of virtual time, with clients, faults and an oracle that all follow from a seed.
//!
//! Called by the binary, by tests, and by whoever wants to replay a seed. One process runs one seed:
//! openraft draws from a counter of the process, and the trace must be the same each time.

mod client;
mod content;
mod drill;
mod fleet;
mod form;
mod linear;
mod nemesis;
mod operator;
mod oracle;
mod payload;
mod scenario;
mod stage;
mod workload;

pub use stage::stamp;

use clap::Args;
use futures_util::future::{join, join_all};
use hamster_core::sim::Fault;
use oracle::Oracle;
use scenario::Scenario;
use serde::{Deserialize, Serialize};
use stage::Stage;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use workload::{Keys, Workload};

/// `hamster simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Replay this seed.
    #[arg(long, conflicts_with = "seeds", required_unless_present = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds, one process each, on all CPUs.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them (default: drawn from the clock, and printed).
    #[arg(long, requires = "seeds")]
    base: Option<u64>,
    /// Requests that the clients of a world send, about.
    #[arg(long, default_value_t = 2000)]
    ops: usize,
    /// End after so many minutes, however many seeds are left.
    #[arg(long, requires = "seeds")]
    minutes: Option<u64>,
    /// End with the first seed that fails, and do not make it smaller.
    #[arg(long, requires = "seeds")]
    first: bool,
    /// Show what happens, line by line.
    #[arg(long)]
    trace: bool,
    /// Kinds of faults that do not strike, as reports name them.
    #[arg(long, value_delimiter = ',', value_parser = fault_named)]
    without: Vec<Fault>,
}

impl SimulateArgs {
    /// Whether the node's own log lines are wanted.
    pub fn wants_log(&self) -> bool {
        self.trace
    }
}

fn fault_named(name: &str) -> Result<Fault, String> {
    let names = || Fault::ALL.map(Fault::name).join(", ");
    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
    fault.ok_or_else(|| format!("no fault is named so; there are {}", names()))
}

/// What came of one seed.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Report {
    /// All follows from it.
    pub seed: u64,
    /// The same each time the seed is run with the same binary.
    pub trace: String,
    /// Drives, cores and clients of the world.
    pub world: String,
    /// What no correct store does; empty if all is well.
    pub wrong: Vec<String>,
    /// Seconds of virtual time.
    pub virtual_seconds: u64,
    /// What clients did, counted.
    pub done: BTreeMap<String, u64>,
    /// How often each fault has struck, and where.
    pub struck: Vec<(String, String, u64)>,
}

/// Runs one seed or many, and prints what came of it. Exit code 1: something is wrong.
pub fn run(args: &SimulateArgs, json: bool) -> ExitCode {
    match args.seed {
        Some(seed) => {
            let report = run_seed(seed, args);
            match json {
                true => println!("{}", serde_json::json!(report)),
                false => show(&report),
            }
            if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        None => fleet::run(args, json),
    }
}

fn run_seed(seed: u64, args: &SimulateArgs) -> Report {
    let scenario = Scenario::new(seed, args.ops, &args.without);
    let Scenario { drives, cores, clients, .. } = scenario;
    let stage = Stage::new(scenario, args.trace);
    let oracle = Rc::new(Oracle::default());
    let panicked = Rc::new(RefCell::new(None));
    let told = {
        let (stage, oracle) = (stage.clone(), Rc::clone(&oracle));
        catch_unwind(AssertUnwindSafe(|| stage.world().clone().run(live(stage.clone(), oracle))))
    };
    if let Err(payload) = told {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        *panicked.borrow_mut() = Some(format!("panic: {}", text.unwrap_or_default()));
    }
    let mut wrong = oracle.verdict();
    wrong.extend(panicked.take());
    let counts = oracle.counts();
    Report {
        seed,
        trace: format!("{:016x}", stage.world().trace_hash()),
        world: format!("{drives} drives, {cores} cores, {clients} clients"),
        wrong,
        virtual_seconds: stage.now() / 1_000_000_000,
        done: counts.into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
        struck: stage
            .world()
            .struck()
            .into_iter()
            .map(|((fault, place), count)| (fault.to_string(), place, count))
            .collect(),
    }
}

/// The life of a world.
async fn live(stage: Stage, oracle: Rc<Oracle>) {
    let workload = Workload::new(&stage, &oracle);
    stage.found().await;
    stage.start();
    let keys = Keys::new(&stage, &oracle);
    let prepared = match operator::until_ready(&stage).await {
        Ok(_) => {
            async {
                workload.prepare().await?;
                keys.prepare().await
            }
            .await
        }
        Err(reason) => Err(reason),
    };
    if let Err(reason) = prepared {
        return oracle.violated(format!("before any fault: {reason}"));
    }
    let rehearsed = async {
        drill::calm(&stage, &workload, &oracle).await?;
        drill::run(&stage, &workload).await
    };
    if let Err(reason) = rehearsed.await {
        oracle.violated(reason);
    }
    if oracle.is_violated() {
        return;
    }
    // Safety: clients work while faults strike.
    let clients = (0..stage.scenario().clients).map(|number| workload.clone().work(number));
    let clients = join(join_all(clients), keys.work());
    let (_, victims) = join(clients, nemesis::run(&stage, &oracle)).await;
    if oracle.is_violated() {
        return;
    }
    // Liveness: all is healed by now. Everything is there, also when drives die again.
    workload.read_everything("healed").await;
    keys.settle().await;
    nemesis::take_away(&stage, &victims);
    workload.read_everything("degraded").await;
    if oracle.is_violated() {
        return;
    }
    victims.iter().for_each(|victim| stage.disk(*victim).set_dead(false));
    let ended = async {
        drill::space(&stage, &workload).await?;
        drill::beyond(&stage, &workload, &oracle).await
    };
    if let Err(reason) = ended.await {
        oracle.violated(reason);
    }
}

fn show(report: &Report) {
    let Report { seed, trace, world, wrong, virtual_seconds, done, struck } = report;
    println!("seed {seed}: {world}, {virtual_seconds} virtual seconds, trace {trace}");
    let done: Vec<String> = done.iter().map(|(what, count)| format!("{what} {count}")).collect();
    println!("clients: {}", done.join(", "));
    for (fault, place, count) in struck {
        println!("struck  {fault:18} {place:24} {count}");
    }
    for what in wrong {
        println!("WRONG   {what}");
    }
    println!("{}", if wrong.is_empty() { "all is well" } else { "something is wrong" });
}
