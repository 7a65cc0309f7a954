//! A world: nodes with cores, drives and a network, all under one seed.

use super::clock::{self, Dial};
use super::disk::{Disk, DiskControl, FileSystem, Image};
use super::executor::{Boot, Executor};
use super::fault::{Fault, Struck};
use super::network::{Link, Network, Switch};
use super::runtime::CoreHandle;
use super::seed::Concern;
use super::task::Tasks;
use crate::buffer::BufferPool;
use crate::clock::{Clock, ClockBackend};
use crate::entropy::Entropy;
use crate::environment::Signal;
use crate::ids::CoreIndex;
use crate::limits::BUFFER_POOL_BYTES_DEFAULT;
use crate::runtime::{Core, CoreBackend, CoreParts};
use crate::{disk, network, task};
use futures_util::FutureExt;
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How fast clocks run: nanoseconds that they count for each billion.
const CLOCK_RATES: std::ops::Range<u64> = 999_900_000..1_000_100_001;

/// A simulated world. Cheap to clone: `main` may keep one to make and crash nodes.
#[derive(Clone)]
pub struct World(Rc<WorldInner>);

struct WorldInner {
    executor: Rc<Executor>,
    switch: Rc<Switch>,
    /// Owns what belongs to no node: `main`, and bytes under way.
    boot: Rc<Boot>,
    nodes: RefCell<Vec<Node>>,
}

/// One machine of a world. Cheap to clone.
#[derive(Clone)]
pub struct Node(Rc<NodeInner>);

struct NodeInner {
    executor: Rc<Executor>,
    switch: Rc<Switch>,
    host: IpAddr,
    core_count: Cell<u16>,
    dial: Rc<Dial>,
    system: Rc<FileSystem>,
    boot: RefCell<Rc<Boot>>,
}

impl World {
    /// A world without nodes. Everything in it follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let executor = Executor::new(seed);
        let boot = Boot::new();
        let switch = Switch::new(&executor, &boot);
        Self(Rc::new(WorldInner { executor, switch, boot, nodes: RefCell::default() }))
    }

    /// A new node with `cores` cores, running.
    ///
    /// # Panics
    /// At the 255th node.
    pub fn node(&self, cores: u16) -> Node {
        let mut nodes = self.0.nodes.borrow_mut();
        let number = u8::try_from(nodes.len() + 1).expect("at most 254 nodes");
        let host = IpAddr::V4(Ipv4Addr::new(10, 0, 0, number));
        self.0.switch.add_host(host);
        let executor = &self.0.executor;
        let node = Node(Rc::new(NodeInner {
            executor: Rc::clone(executor),
            switch: Rc::clone(&self.0.switch),
            host,
            core_count: Cell::new(cores),
            dial: Rc::new(Dial {
                origin: executor.between(Concern::Node, 0, 1 << 40),
                rate: executor.between(Concern::Node, CLOCK_RATES.start, CLOCK_RATES.end),
                ahead: Cell::new(0),
            }),
            system: FileSystem::new(executor),
            boot: RefCell::new(Boot::new()),
        }));
        node.boot_cores();
        nodes.push(node.clone());
        node
    }

    /// Runs `main`, outside all nodes, until it ends; then everything ends.
    ///
    /// # Panics
    /// If any task panics, if nothing can go on before `main` has ended, or if it runs away.
    pub fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> T {
        self.run_task(&Rc::clone(&self.0.boot), None, main)
    }

    /// As [`World::run`], with `main` on `core`: it ends with that core's node.
    ///
    /// # Panics
    /// As [`World::run`].
    pub fn run_on<T: 'static>(&self, core: &Core, main: impl Future<Output = T> + 'static) -> T {
        let boot = Node::of(core).0.boot.borrow().clone();
        self.run_task(&boot, Some(core.clone()), main)
    }

    fn run_task<T: 'static>(
        &self,
        boot: &Rc<Boot>,
        core: Option<Core>,
        main: impl Future<Output = T> + 'static,
    ) -> T {
        let result = Rc::new(RefCell::new(None));
        let done = Rc::new(Cell::new(false));
        let (giving, ending) = (Rc::clone(&result), Ending(Rc::clone(&done)));
        let executor = Rc::clone(&self.0.executor);
        let task = Box::pin(async move {
            match AssertUnwindSafe(main).catch_unwind().await {
                Ok(output) => *giving.borrow_mut() = Some(output),
                Err(payload) => executor.stop(payload),
            }
            drop(ending);
        });
        self.0.executor.spawn(boot, core, task);
        self.0.executor.run_until(&done);
        self.0.nodes.borrow().iter().for_each(Node::end);
        self.0.executor.end(&self.0.boot);
        result.take().expect("main ends before its node does")
    }

    /// Time as the world counts it, for `main`. Nodes have clocks of their own.
    pub fn clock(&self) -> Clock {
        let executor = Rc::clone(&self.0.executor);
        Clock(ClockBackend::Sim(clock::Clock { executor, dial: Rc::new(Dial::exact()) }))
    }

    /// Randomness for what a test does to this world, apart from all that happens in it.
    pub fn entropy(&self) -> Entropy {
        self.0.executor.entropy(Concern::Faults).clone()
    }

    /// A task outside all nodes, beside `main`; it ends with the world.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.0.executor.spawn(&self.0.boot, None, Box::pin(future));
    }

    /// Packets fare so from `from` to `to` from now on.
    pub fn set_link(&self, from: &Node, to: &Node, link: Link) {
        self.0.switch.set_link(from.address(), to.address(), link);
    }

    /// Resets one of the connections that are open now, in the middle of whatever passes.
    pub fn reset_a_connection(&self) {
        self.0.switch.reset_any();
    }

    /// Of tasks that could run, the newest does from now on; or a drawn one again.
    pub fn run_newest_first(&self, newest_first: bool) {
        self.0.executor.run_newest_first(newest_first);
    }

    /// Notes that a test has made this fault strike.
    pub fn strike(&self, fault: Fault, place: &str) {
        self.0.executor.strike(fault, place);
    }

    /// What has struck so far.
    pub fn struck(&self) -> Struck {
        self.0.executor.struck()
    }

    /// A hash of everything that happened so far, in order: the same in every run of a seed.
    pub fn trace_hash(&self) -> u64 {
        self.0.executor.trace_hash()
    }

    /// Panics of tasks end no run from now on: whoever waits for the task is told.
    pub fn expect_panics(&self) {
        self.0.executor.expect_panics();
    }
}

/// Ends the run when `main` is dropped, finished or not.
struct Ending(Rc<Cell<bool>>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl Node {
    /// The node that `core` is of.
    ///
    /// # Panics
    /// If `core` is not simulated.
    pub fn of(core: &Core) -> Self {
        match core.backend() {
            CoreBackend::Sim(handle) => handle.node.clone(),
            CoreBackend::Uring(_) => panic!("not a simulated core"),
        }
    }

    /// Its address: other nodes reach it there.
    pub fn address(&self) -> IpAddr {
        self.0.host
    }

    /// How many cores it has.
    pub fn core_count(&self) -> u16 {
        self.0.core_count.get()
    }

    /// One of its cores.
    ///
    /// # Panics
    /// If it has no such core, or is down.
    pub fn core(&self, index: u16) -> Core {
        let boot = self.0.boot.borrow();
        let cores = boot.cores.borrow();
        cores.get(usize::from(index)).expect("a running node has such a core").clone()
    }

    /// A hand on the drive that the first component of `path` names (made if it is new).
    ///
    /// # Panics
    /// If `path` has no first component.
    pub fn disk(&self, path: impl AsRef<Path>) -> DiskControl {
        let relative = path.as_ref().strip_prefix("/").unwrap_or(path.as_ref());
        let name = relative.iter().next().and_then(|name| name.to_str());
        DiskControl(self.0.system.volume_or_new(name.expect("a path that names a drive")))
    }

    /// Sends its process a signal.
    pub fn signal(&self, signal: Signal) {
        let boot = self.0.boot.borrow();
        boot.signals.borrow_mut().push_back(signal);
        boot.signalled.notify();
    }

    /// Its process ends, by itself or by kill -9; the machine goes on, so that all it wrote is there
    /// when it is started again. Handles of its cores are dead from now on.
    pub fn kill(&self) {
        self.end();
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        self.0.boot.borrow().alive.get()
    }

    /// Its process stands still, or goes on.
    pub fn pause(&self, paused: bool) {
        let executor = &self.0.executor;
        if paused {
            executor.strike(Fault::Pause, "process");
        }
        executor.pause(&self.0.boot.borrow(), paused);
    }

    /// Each poll of a core takes so much longer from now on.
    pub fn slow_core(&self, core: CoreIndex, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.executor.slow_down(&self.0.boot.borrow(), core, nanos);
    }

    /// Each piece of work of the workers of this name takes so much longer, while this process lives.
    pub fn slow_worker(&self, name: &str, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.boot.borrow().slow_work.borrow_mut().insert(name.into(), nanos);
    }

    /// Its wall clock is so far ahead of the world's from now on, in nanoseconds.
    pub fn set_wall_ahead(&self, nanos: i64) {
        self.0.executor.strike(Fault::ClockJump, if nanos < 0 { "back" } else { "ahead" });
        self.0.dial.ahead.set(nanos);
    }

    /// The power fails: its tasks end, its connections are reset, and of what was not synced only
    /// some is left on its drives. Handles of its cores are dead from now on.
    pub fn crash(&self) {
        self.0.executor.strike(Fault::Crash, if self.is_running() { "running" } else { "down" });
        self.end();
        self.0.system.crash();
    }

    /// What its drives hold now, for [`Node::load`]. It runs on.
    pub fn image(&self) -> Image {
        self.0.system.image()
    }

    /// Has the drives of `image` from now on, as they are after a power cut in the moment it was
    /// taken: what is left of unsynced changes, the seed of this world says. For a new node.
    pub fn load(&self, image: &Image) {
        self.0.system.load(image);
    }

    /// Starts it again after a crash, on the same drives, with new cores.
    ///
    /// # Panics
    /// If it is running.
    pub fn start(&self) {
        self.start_with(self.core_count());
    }

    /// As [`Node::start`], with another number of cores from now on.
    ///
    /// # Panics
    /// If it is running.
    pub fn start_with(&self, cores: u16) {
        assert!(!self.0.boot.borrow().alive.get(), "it is running");
        self.0.core_count.set(cores);
        *self.0.boot.borrow_mut() = Boot::new();
        self.boot_cores();
    }

    fn end(&self) {
        self.0.switch.reset_host(self.0.host);
        self.0.executor.end(&self.0.boot.borrow());
    }

    fn boot_cores(&self) {
        let boot = Rc::clone(&self.0.boot.borrow());
        let cores = (0..self.0.core_count.get()).map(|index| self.new_core(index, &boot)).collect();
        *boot.cores.borrow_mut() = cores;
    }

    fn new_core(&self, index: u16, boot: &Rc<Boot>) -> Core {
        let inner = &*self.0;
        let executor = || Rc::clone(&inner.executor);
        let boot = || Rc::clone(boot);
        let tasks = Tasks { executor: executor(), boot: boot(), index: usize::from(index) };
        let clock = clock::Clock { executor: executor(), dial: Rc::clone(&inner.dial) };
        let disk = Disk { system: Rc::clone(&inner.system), boot: boot() };
        let network = Network { switch: Rc::clone(&inner.switch), host: inner.host };
        let handle = CoreHandle { executor: executor(), boot: boot(), node: self.clone() };
        Core::from_parts(CoreParts {
            index: CoreIndex::new(index),
            count: inner.core_count.get(),
            tasks: task::Tasks(task::TasksBackend::Sim(tasks)),
            clock: Clock(ClockBackend::Sim(clock)),
            disk: disk::Disk(disk::DiskBackend::Sim(disk)),
            network: network::Network(network::NetworkBackend::Sim(network)),
            entropy: Entropy::seeded(inner.executor.entropy(Concern::Node).next_u64()),
            buffers: BufferPool::new(BUFFER_POOL_BYTES_DEFAULT),
            backend: CoreBackend::Sim(handle),
        })
    }
}
