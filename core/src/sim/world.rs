//! A world: nodes with cores, drives and a network, all under one seed.

use super::clock;
use super::disk::{Disk, DiskControl, FileSystem, Image};
use super::executor::{Boot, Executor};
use super::network::{Network, Switch};
use super::runtime::CoreHandle;
use super::seed::Concern;
use super::task::Tasks;
use crate::buffer::BufferPool;
use crate::clock::{Clock, ClockBackend};
use crate::entropy::Entropy;
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
    clock_origin: u64,
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
            clock_origin: executor.between(Concern::Node, 0, 1 << 40),
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
        Clock(ClockBackend::Sim(clock::Clock { executor, origin: 0 }))
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

    /// The power fails: its tasks end, its connections are reset, and of what was not synced only
    /// some is left on its drives. Handles of its cores are dead from now on.
    pub fn crash(&self) {
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
        let clock = clock::Clock { executor: executor(), origin: inner.clock_origin };
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
