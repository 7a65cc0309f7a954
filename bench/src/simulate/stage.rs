//! The world of one seed: a node with its drives, the process that runs on it again and again, and a
//! second machine for the clients.

use super::client::{ACCESS_KEY, REGION, SECRET_KEY};
use super::scenario::Scenario;
use hamster_core::environment::Signal;
use hamster_core::sim::{DiskControl, Fault, Node, World};
use hamster_core::sync::Event;
use hamster_core::{ByteCount, Core, Queue};
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_node::{Assembly, InitConfig, Memory, ServeConfig, found};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

const S3_PORT: u16 = 9000;
const ADMIN_PORT: u16 = 7946;
/// Where no fault strikes: beside the drives.
const MASTER_KEY_DIRECTORY: &str = "/etc";
const MASTER_KEY_NAME: &str = "master.key";
/// A process that was told to stop has ended after this, whatever it was doing.
const STOP_MAX: Duration = Duration::from_secs(180);
/// Few entries in memory, so that every history makes and merges tables of the index.
const STRETCH_ENTRIES: usize = 32;
/// Small drives have small segments, which fill, are compacted and recycled within a run, and which
/// a start reads through soon.
const DRIVE_BYTES: ByteCount = ByteCount::mib(256);

thread_local! {
    /// The world that this thread simulates, for the time of log lines.
    static SIMULATED: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Seconds since the world began that this thread simulates, as lines begin with them.
pub fn stamp() -> Option<String> {
    SIMULATED.with_borrow(|world| Some(stamp_of(world.as_ref()?.clock().now().nanos())))
}

fn stamp_of(nanos: u64) -> String {
    format!("{:5}.{:06}", nanos / 1_000_000_000, nanos / 1000 % 1_000_000)
}

/// The world. Cheap to clone.
#[derive(Clone)]
pub struct Stage(Rc<Inner>);

struct Inner {
    world: World,
    scenario: Scenario,
    node: Node,
    clients: Node,
    twin: TwinWorld,
    /// Counts the processes.
    life: Cell<u64>,
    /// A process has ended.
    ended: Event,
    /// Why the last process ended, if not because it was told to.
    outcome: RefCell<Option<String>>,
    trace: bool,
}

impl Stage {
    /// A world in which nothing was founded yet.
    pub fn new(scenario: Scenario, trace: bool) -> Self {
        let world = World::new(scenario.seed);
        let (node, clients) = (world.node(scenario.cores), world.node(1));
        SIMULATED.set(Some(world.clone()));
        Self(Rc::new(Inner {
            world,
            scenario,
            node,
            clients,
            twin: TwinWorld::default(),
            life: Cell::new(0),
            ended: Event::new(),
            outcome: RefCell::default(),
            trace,
        }))
    }

    /// The world it is in.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// What was drawn before.
    pub fn scenario(&self) -> &Scenario {
        &self.0.scenario
    }

    /// The machine of the node.
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    /// The machine of the clients.
    pub fn clients(&self) -> &Node {
        &self.0.clients
    }

    /// The core that clients run on.
    pub fn client_core(&self) -> Core {
        self.0.clients.core(0)
    }

    /// Where clients reach the node.
    pub fn s3(&self) -> SocketAddr {
        SocketAddr::new(self.0.node.address(), S3_PORT)
    }

    /// Where commands reach the node.
    pub fn admin(&self) -> SocketAddr {
        SocketAddr::new(self.0.node.address(), ADMIN_PORT)
    }

    /// Nanoseconds since the world began.
    pub fn now(&self) -> u64 {
        self.0.world.clock().now().nanos()
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.0.world.clock().sleep(duration).await;
    }

    /// Shows what happens, if somebody wants to see it.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if self.0.trace {
            let now = self.now();
            eprintln!("{} {}", stamp_of(now), line());
        }
    }

    /// Where a drive is mounted.
    pub fn drive_path(drive: u32) -> PathBuf {
        PathBuf::from(format!("/d{drive}"))
    }

    /// A hand on one drive.
    pub fn disk(&self, drive: u32) -> DiskControl {
        self.0.node.disk(Self::drive_path(drive))
    }

    /// Empties a drive, as with `rm -rf` behind the node's back.
    pub fn wipe(&self, drive: u32) {
        self.disk(drive).wipe();
        self.0.twin.wipe(&Self::drive_path(drive));
    }

    /// Damages the last entry of the metadata log on a drive, if there is one, while no process runs.
    pub fn rot_log(&self, drive: u32) {
        self.0.world.strike(Fault::Corruption, "medium:log");
        self.0.twin.rot_logs(&Self::drive_path(drive), &self.0.world.entropy());
    }

    /// Founds the cluster.
    pub async fn found(&self) {
        let scenario = &self.0.scenario;
        let config = InitConfig {
            data_dirs: (0..scenario.drives).map(Self::drive_path).collect(),
            cluster: "simulated".into(),
            node: "n1".into(),
            listen: self.admin(),
            zone: "z1".into(),
            host: "h1".into(),
            capacity: ByteCount::ZERO,
        };
        (0..scenario.drives).for_each(|drive| self.disk(drive).set_capacity(DRIVE_BYTES));
        let storage = Storage::Twin(self.0.twin.clone());
        let core = self.0.node.core(0);
        let founding = core.clone().spawn(Queue::Requests, async move {
            let etc = core.disk().create_directory(Path::new(MASTER_KEY_DIRECTORY)).await;
            let line = format!("k1:{}", "5a".repeat(32));
            let written = etc.expect("made").replace_small(MASTER_KEY_NAME, line.into()).await;
            written.expect("no fault has struck yet");
            found(&core, &config, storage).await.map(drop)
        });
        let founded = founding.await.expect("no fault has struck yet");
        founded.expect("empty drives");
        self.0.node.kill();
    }

    /// Starts the process, on a node whose process does not run.
    pub fn start(&self) {
        let inner = &self.0;
        inner.node.start();
        inner.life.set(inner.life.get() + 1);
        let life = inner.life.get();
        self.tell(|| format!("start process {life}"));
        let assembly = Assembly::simulated(self.config(), self.memory(), inner.twin.clone());
        let tasks: Vec<_> = (0..inner.scenario.cores)
            .map(|index| {
                let (core, assembly) = (inner.node.core(index), assembly.clone());
                let running = core.clone();
                core.spawn(Queue::Requests, async move { assembly.run_core(running).await })
            })
            .collect();
        let stage = self.clone();
        inner.world.spawn(async move {
            for task in tasks {
                // Why ignored: a task that a crash has cancelled has ended as well.
                let _ = task.await;
            }
            if stage.0.life.get() == life && stage.0.node.is_running() {
                let outcome = assembly.outcome().err().map(|error| error.to_string());
                stage.tell(|| format!("process {life} ended: {outcome:?}"));
                *stage.0.outcome.borrow_mut() = outcome;
                stage.end_process();
            }
        });
    }

    fn config(&self) -> ServeConfig {
        ServeConfig {
            data_dirs: (0..self.0.scenario.drives).map(Self::drive_path).collect(),
            node: None,
            listen: None,
            s3: Some(self.s3()),
            tls: None,
            region: REGION.into(),
            domain: None,
            root: Some((ACCESS_KEY.into(), SECRET_KEY.into())),
            credentials: None,
            master_key_file: Some(Path::new(MASTER_KEY_DIRECTORY).join(MASTER_KEY_NAME)),
            cores: None,
            memory: None,
            json: false,
        }
    }

    fn memory(&self) -> Memory {
        let memory = Memory::divide(self.0.scenario.cores, None);
        let mut memory = memory.expect("no bound was given");
        memory.reads.stretch_entries = STRETCH_ENTRIES;
        memory.reads.cache = ByteCount::mib(1);
        memory
    }

    fn end_process(&self) {
        self.0.node.kill();
        self.forget_unsynced_metadata();
        self.0.ended.notify();
    }

    /// What RocksDB had in memory, or in files without a sync, is gone as far as luck has it.
    fn forget_unsynced_metadata(&self) {
        for drive in 0..self.0.scenario.drives {
            self.0.twin.crash_some(&Self::drive_path(drive), &self.0.world.entropy());
        }
    }

    /// Why the last process that ended by itself did.
    pub fn outcome(&self) -> Option<String> {
        self.0.outcome.borrow().clone()
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        self.0.node.is_running()
    }

    /// Cuts the power.
    pub fn crash(&self) {
        self.tell(|| "power cut".into());
        self.0.node.crash();
        self.forget_unsynced_metadata();
        self.0.ended.notify();
    }

    /// Kills the process.
    pub fn kill(&self) {
        self.tell(|| "kill -9".into());
        self.0.world.strike(Fault::Restart, "kill");
        self.end_process();
    }

    /// Has the process stop in order. Whether it did so in time.
    pub async fn stop(&self) -> bool {
        self.tell(|| "SIGTERM".into());
        self.0.world.strike(Fault::Restart, "term");
        self.0.node.signal(Signal::Stop);
        let ended = async {
            loop {
                let ended = self.0.ended.listen();
                if !self.is_running() {
                    return;
                }
                ended.await;
            }
        };
        let in_time = self.0.world.clock().timeout(STOP_MAX, ended).await.is_ok();
        if !in_time {
            self.end_process();
        }
        in_time
    }
}
