//! A node's process: what each of its cores runs from the boot to the end. `serve` runs it on the CPUs
//! of a machine, the simulator on those of a world.

use crate::admin::AdminService;
use crate::announce::{self, Machine};
use crate::boot::{Boot, BootedCore, Given, boot};
use crate::command::unless_stopped;
use crate::config::ServeConfig;
use crate::control::{CORE_ZERO, Control, UnboundControl};
use crate::error::NodeError;
use crate::files::OperatorFiles;
use crate::memory::Memory;
use crate::reclaim::{compact, reclaim};
use crate::scrub::scrub;
use crate::sweep::sweep;
use crate::watch::{settle, watch};
use futures_util::future::{Either, FutureExt, LocalBoxFuture, join, select, select_all};
use hamster_core::environment::{Signal, Signals, signals};
use hamster_core::limits::{DRAIN_TIMEOUT, END_TIMEOUT};
use hamster_core::mesh::{self, UnboundPort};
use hamster_core::{Core, Queue, Task};
use hamster_meta::state::Storage;
use hamster_meta::state::twin::TwinWorld;
use hamster_meta::{Meta, open_reader};
use hamster_net::http;
use hamster_net::tls::Acceptor;
use hamster_s3::{Service, Settings};
use hamster_shard::{OpenDrive, Shards};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

type MetaPort = UnboundPort<hamster_meta::open::Question, hamster_meta::open::Answer>;
type LanePort = UnboundPort<hamster_shard::lane::Question, hamster_shard::lane::Answer>;

/// One core's ends of the node's services on the mesh.
struct Ports {
    control: UnboundControl,
    meta: MetaPort,
    lanes: LanePort,
}

/// What all cores are given.
struct Shared {
    config: ServeConfig,
    memory: Memory,
    /// What the node runs on, to be told; nobody is told in the simulator.
    machine: Option<Machine>,
    storage: Storage,
    peers: Peers,
    /// Taken once by each core.
    ports: Mutex<Vec<Option<Ports>>>,
    /// Why the node ended, if not because it was told to.
    failure: Mutex<Option<NodeError>>,
}

/// How others reach this node on its address for nodes and commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peers {
    /// By mutual TLS.
    Tls,
    /// As they come: in the simulator, whose links carry nothing but its own nodes' bytes, and whose
    /// trace must not hold what TLS draws from the machine's randomness.
    Plain,
}

/// What the cores of one process run. Cheap to clone.
#[derive(Clone)]
pub struct Assembly(Arc<Shared>);

impl Assembly {
    /// A node that is to serve as `config` says.
    pub(crate) fn new(config: ServeConfig, memory: Memory, machine: Machine) -> Self {
        Self::with(config, memory, Some(machine), Storage::Rocks, Peers::Tls)
    }

    /// The same in the simulator: metadata over RocksDB's twin, commands without TLS.
    pub fn simulated(config: ServeConfig, memory: Memory, world: TwinWorld) -> Self {
        Self::with(config, memory, None, Storage::Twin(world), Peers::Plain)
    }

    fn with(
        config: ServeConfig,
        memory: Memory,
        machine: Option<Machine>,
        storage: Storage,
        peers: Peers,
    ) -> Self {
        let ports = Mutex::new(ports(memory.cores));
        let failure = Mutex::new(None);
        Self(Arc::new(Shared { config, memory, machine, storage, peers, ports, failure }))
    }

    /// Runs on one core, to be called once on each, until the node ends.
    pub async fn run_core(&self, core: Core) {
        run_core(core, Arc::clone(&self.0)).await;
    }

    /// How the node ended.
    ///
    /// # Errors
    /// It could not start, or had to stop.
    pub fn outcome(&self) -> Result<(), NodeError> {
        let failure = self.0.failure.lock().expect("no core panics").take();
        failure.map_or(Ok(()), Err)
    }
}

fn ports(count: u16) -> Vec<Option<Ports>> {
    let control = mesh::ports(count);
    let meta = mesh::ports(count);
    let lanes = mesh::ports(count);
    control
        .into_iter()
        .zip(meta)
        .zip(lanes)
        .map(|((control, meta), lanes)| Some(Ports { control, meta, lanes }))
        .collect()
}

async fn run_core(core: Core, shared: Arc<Shared>) {
    let index = usize::from(core.index().get());
    let ports = shared.ports.lock().expect("no core panics").get_mut(index).and_then(Option::take);
    let Ports { control, meta, lanes } = ports.expect("each core takes its ports once");
    let control = Control::bind(&core, control);
    if core.index() != CORE_ZERO {
        follow(&core, &shared, &control, meta, lanes).await;
        return;
    }
    if let Err(error) = lead(&core, &shared, &control, meta, lanes).await {
        *shared.failure.lock().expect("no core panics") = Some(error);
    }
    control.close_all().await;
}

/// Core 0: boots, serves, watches, and ends the node.
async fn lead(
    core: &Core,
    shared: &Arc<Shared>,
    control: &Control,
    meta: MetaPort,
    lanes: LanePort,
) -> Result<(), NodeError> {
    let mut signals = signals(core).map_err(|error| NodeError::Runtime(error.to_string()))?;
    let taking = Given::take(core, &shared.config);
    let Some(given) = unless_stopped(&mut signals, taking).await else { return Ok(()) };
    let booted = Rc::new(boot(core, given?, shared.storage.clone(), meta).await?);
    check_addresses(core, &shared.config, &booted.boot)?;
    control.booted(Arc::clone(&booted.boot));
    let shards = open_shards(core, shared, &booted.boot, lanes).await?;
    let serving = start_s3(core, shared, control, &booted.boot, &shards, &booted.meta)?;
    let freeing = start_freeing(core, control, &booted, &shards);
    let upkeep = start_upkeep(core, control, &booted.boot, &booted.meta, &shards);
    let admin = start_admin(core, shared, control, &booted)?;
    control.ready().await;
    control.all_ready().await;
    let mut watching = watch(core, Rc::clone(&booted)).boxed_local().fuse();
    if control.take_failure().is_none_or(|error| {
        *shared.failure.lock().expect("no core panics") = Some(error);
        false
    }) {
        if let Some(machine) = &shared.machine {
            announce::serving(&shared.config, &shared.memory, machine, &booted);
        }
        let told = Told { core, config: &shared.config, control, booted: &booted };
        let failure = told.until_told(&mut watching, &mut signals).await;
        *shared.failure.lock().expect("no core panics") = failure;
    }
    tracing::info!("draining");
    // Why a bound on each: the operator asked for an end, and everything acknowledged is durable.
    let clock = core.clock();
    let drained = pin!(end_service(control, serving, Some(admin)));
    let drained = clock.timeout(DRAIN_TIMEOUT + END_TIMEOUT, drained);
    // Why watched: a drive that fails now must be known as failed at the next start.
    match select(pin!(drained), &mut watching).await {
        Either::Left((Ok(()), _)) => {}
        Either::Left((Err(_), _)) => tracing::warn!("not every core has drained in time"),
        Either::Right((error, _)) => return Err(error),
    }
    drop(watching);
    freeing.cancel();
    upkeep.cancel();
    // Why before it is settled: a drive may fail only here, and then that must be recorded, too.
    match clock.timeout(END_TIMEOUT, booted.meta.flush()).await {
        Ok(Ok(())) => {}
        // Why no failure: all that was acknowledged is in the log.
        Ok(Err(error)) => tracing::warn!(%error, "the metadata could not be flushed"),
        Err(_) => tracing::warn!("the metadata was not flushed in time"),
    }
    if let Ok(Err(error)) = clock.timeout(END_TIMEOUT, settle(&booted)).await {
        return Err(error);
    }
    if clock.timeout(END_TIMEOUT, booted.meta.close()).await.is_err() {
        tracing::warn!("the metadata was not closed in time");
    }
    Ok(())
}

/// What core 0 needs to do what it is told.
struct Told<'a> {
    core: &'a Core,
    config: &'a ServeConfig,
    control: &'a Control,
    booted: &'a BootedCore,
}

impl Told<'_> {
    /// Waits for a reason to end; `None` if it is a signal.
    async fn until_told(
        &self,
        watching: &mut (impl Future<Output = NodeError> + Unpin),
        signals: &mut Signals,
    ) -> Option<NodeError> {
        let stop = async {
            while let Ok(signal) = signals.next().await {
                match signal {
                    Signal::Stop => return None,
                    Signal::Reload => self.reload().await,
                }
            }
            None
        };
        let watch = async { Some(watching.await) };
        let failed = async {
            self.control.any_failed().await;
            self.control.take_failure()
        };
        let ends: [LocalBoxFuture<'_, Option<NodeError>>; 3] =
            [Box::pin(stop), Box::pin(watch), Box::pin(failed)];
        select_all(ends).await.0
    }

    /// Reads the operator's files again. What cannot be used changes nothing.
    async fn reload(&self) {
        let ServeConfig { credentials, tls, master_key_file, .. } = self.config;
        if credentials.is_none() && tls.is_none() && master_key_file.is_none() {
            tracing::info!("SIGHUP: no file was named that could be read again");
            return;
        }
        match self.read_again().await {
            Ok(()) => tracing::info!("SIGHUP: users, certificate and master keys were read again"),
            Err(error) => tracing::error!(%error, "SIGHUP: all stays as it was"),
        }
    }

    async fn read_again(&self) -> Result<(), NodeError> {
        let Self { core, config, control, booted } = self;
        let _turn = booted.changing_users.acquire(1).await;
        let files = OperatorFiles::read(core, config).await?;
        let users = booted.meta.users().await;
        let users = users.map_err(|error| NodeError::Metadata(error.to_string()))?;
        let layout = booted.meta.layout().ok_or(NodeError::NotFounded)?;
        let files = Arc::new(files.for_cluster(&layout.record().root_id, &users)?);
        control.renew_all(Arc::clone(&files)).await;
        booted.files.replace(files);
        Ok(())
    }
}

/// Every core but 0: waits for the boot, serves, and ends when told.
async fn follow(
    core: &Core,
    shared: &Arc<Shared>,
    control: &Control,
    meta: MetaPort,
    lanes: LanePort,
) {
    let closing = control.closing();
    let start = async {
        // Why no failure where there is no boot: core 0 has ended and says why itself.
        let Some(boot) = control.boot().await else { return Ok(None) };
        let meta = open_reader(core, boot.readers.clone(), meta);
        let shards = open_shards(core, shared, &boot, lanes).await?;
        start_s3(core, shared, control, &boot, &shards, &meta).map(|serving| {
            Some((serving, start_upkeep(core, control, &boot, &meta, &shards), shards, meta))
        })
    };
    let (closing, start) = (pin!(closing), pin!(start));
    let (started, closing) = match select(start, closing).await {
        Either::Left((started, closing)) => (started, closing),
        Either::Right(((), _)) => return,
    };
    // Why bound to the end: other cores that still drain need the lanes of this one.
    let _stores = match started {
        Ok(Some((serving, upkeep, shards, meta))) => {
            control.ready().await;
            end_service(control, serving, None).await;
            upkeep.cancel();
            Some((shards, meta))
        }
        Ok(None) => return,
        Err(error) => {
            control.failed(error).await;
            control.drained();
            None
        }
    };
    closing.await;
}

/// Waits until this core's services have drained, and on core 0 has every core drain first.
async fn end_service(control: &Control, serving: Option<Task<()>>, admin: Option<Task<()>>) {
    let own = async {
        if let Some(serving) = serving {
            // Why ignored: a service that was cancelled has ended as well.
            let _ = serving.await;
        }
        control.drained();
    };
    match admin {
        Some(admin) => {
            join(control.drain_all(), own).await;
            admin.cancel();
        }
        None => own.await,
    }
}

async fn open_shards(
    core: &Core,
    shared: &Shared,
    boot: &Boot,
    port: LanePort,
) -> Result<Shards, NodeError> {
    let mut drives = Vec::new();
    for (path, superblock) in &boot.drives {
        let directory = core
            .disk()
            .directory(path)
            .await
            .map_err(NodeError::file(path, "opening the data directory"))?;
        drives.push(OpenDrive { directory, superblock: superblock.clone() });
    }
    let (table, memory) = (Arc::clone(&boot.table), shared.memory.reads);
    hamster_shard::open(core, drives, table, port, boot.number.get(), memory)
        .await
        .map_err(|error| NodeError::Shards(error.to_string()))
}

/// Has core 0 free what is dead, and look for what nothing refers to.
fn start_freeing(core: &Core, control: &Control, booted: &BootedCore, shards: &Shards) -> Task<()> {
    let given = || (core.clone(), control.clone(), booted.meta.clone(), shards.clone());
    let (reclaiming, sweeping) = {
        let ((core, control, meta, shards), boot) = (given(), Arc::clone(&booted.boot));
        let sweeping = sweep(core, control, meta, shards, boot);
        let (core, control, meta, shards) = given();
        (reclaim(core, control, meta, shards), sweeping)
    };
    core.spawn(Queue::Background, async move {
        join(reclaiming, sweeping).await;
    })
}

/// Has this core tell what it reads, compact the drives whose index it keeps, and scrub its share.
fn start_upkeep(
    core: &Core,
    control: &Control,
    boot: &Arc<Boot>,
    meta: &Meta,
    shards: &Shards,
) -> Task<()> {
    control.reads_by(shards.clone());
    let compacting = compact(core.clone(), control.clone(), meta.clone(), shards.clone());
    let scrubbing = scrub(core.clone(), meta.clone(), shards.clone(), Arc::clone(boot));
    let upkeep = async move {
        join(compacting, scrubbing).await;
    };
    core.spawn(Queue::Background, upkeep)
}

fn start_s3(
    core: &Core,
    shared: &Shared,
    control: &Control,
    boot: &Boot,
    shards: &Shards,
    meta: &Meta,
) -> Result<Option<Task<()>>, NodeError> {
    let config = &shared.config;
    let Some(address) = config.s3 else { return Ok(None) };
    let (keyring, tls) = (boot.files.keyring()?, boot.files.acceptor(core)?);
    control.keep(keyring.clone(), tls.clone());
    let settings = Settings {
        region: config.region.clone(),
        domain: config.domain.clone(),
        writer_epoch: boot.number.get(),
    };
    let service = Service::new(core, shards.clone(), meta.clone(), keyring, settings);
    let listener = listen(core, address, "--s3")?;
    let serve = http::serve(core.clone(), listener, tls, Rc::new(service), control.drain().clone());
    Ok(Some(core.spawn(Queue::Requests, serve)))
}

fn start_admin(
    core: &Core,
    shared: &Arc<Shared>,
    control: &Control,
    booted: &Rc<BootedCore>,
) -> Result<Task<()>, NodeError> {
    let identity = &booted.boot.identity;
    let address = listen_address(&shared.config, &booted.boot)?;
    let (credential, authority) = (identity.credential(), &identity.authority_certificate);
    let tls = match shared.peers {
        Peers::Tls => Some(
            Acceptor::for_peers(core.clock(), &credential, authority)
                .map_err(|error| NodeError::Tls(error.to_string()))?,
        ),
        Peers::Plain => None,
    };
    let listener = listen(core, address, "--listen")?;
    let data_dirs = shared.config.data_dirs.clone();
    let service = AdminService::new(core, control, booted, data_dirs);
    let serve = http::serve(core.clone(), listener, tls, Rc::new(service), control.drain().clone());
    Ok(core.spawn(Queue::Requests, serve))
}

fn listen(
    core: &Core,
    address: SocketAddr,
    flag: &'static str,
) -> Result<hamster_core::Listener, NodeError> {
    core.network().listen(address).map_err(|source| NodeError::Listen { address, flag, source })
}

/// Refuses addresses that another process serves on, before any core of this one does.
fn check_addresses(core: &Core, config: &ServeConfig, boot: &Boot) -> Result<(), NodeError> {
    let check = |address, flag| {
        let free = core.network().check_free(address);
        free.map_err(|source| NodeError::Listen { address, flag, source })
    };
    check(listen_address(config, boot)?, "--listen")?;
    config.s3.map_or(Ok(()), |address| check(address, "--s3"))
}

fn listen_address(config: &ServeConfig, boot: &Boot) -> Result<SocketAddr, NodeError> {
    config.listen.map_or_else(|| boot.identity.listen_address(), Ok)
}
