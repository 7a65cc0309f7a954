//! What core 0 does before any core serves: takes the drives, opens the metadata, judges whether
//! enough is here, and tells the other cores.
//!
//! Invariant: a start that is refused changes nothing that the next one goes by. So the mirror set is
//! raised and recorded ([`Meta::take_over`]) only when the layout, which the metadata holds, has said
//! that the node may start.

use crate::config::ServeConfig;
use crate::drives::{GivenDrives, PresentDrive};
use crate::error::NodeError;
use crate::files::OperatorFiles;
use crate::identity::Identity;
use crate::mirrors::{self, Superblocks};
use crate::scrub::Scrub;
use crate::seed::Seeder;
use crate::status::goal;
use hamster_core::Core;
use hamster_core::ids::{BootNumber, DriveOrdinal, NodeId};
use hamster_core::mesh::UnboundPort;
use hamster_core::sync::Semaphore;
use hamster_meta::command::SetDrive;
use hamster_meta::open::{Answer, MirrorDirectory, Question};
use hamster_meta::placement::Layout;
use hamster_meta::record::{Drive, DriveState, Profile};
use hamster_meta::state::Storage;
use hamster_meta::{Command, Meta, Open, Outcome, Readers, open_metadata_core};
use hamster_shard::DriveTable;
use hamster_shard::drive::{Failure, Superblock};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

/// What every core needs to open its share. Made once, on core 0.
pub struct Boot {
    /// Who this node is.
    pub identity: Identity,
    /// The drives that are here.
    pub drives: Vec<(PathBuf, Superblock)>,
    /// How the drives of this node fare.
    pub table: Arc<DriveTable>,
    /// The number of this boot: the writer's epoch in every record it writes.
    pub number: BootNumber,
    /// What the other cores read the metadata by.
    pub readers: Readers,
    /// Scrub and repair of all cores.
    pub scrub: Arc<Scrub>,
    /// What the operator named, as it was at the start.
    pub files: Arc<OperatorFiles>,
}

/// What stays with core 0.
pub struct BootedCore {
    /// Its handle to the metadata.
    pub meta: Meta,
    /// The drives that are here; their locks are held as long as this process serves.
    pub drives: RefCell<Vec<PresentDrive>>,
    /// Which drives hold the metadata.
    pub superblocks: Superblocks,
    /// Makes further mirrors.
    pub seeder: Seeder,
    /// See [`Damage`](crate::status::Damage): unreadable bodies, once they are counted.
    pub unreadable: Cell<Option<u64>>,
    /// What the operator named, as it was read last.
    pub files: RefCell<Arc<OperatorFiles>>,
    /// Users are changed, and the files read again, one after the other: neither may clash with what
    /// the other does.
    pub changing_users: Semaphore,
    /// For every core.
    pub boot: Arc<Boot>,
}

/// What the operator named, read and locked.
pub struct Given {
    files: OperatorFiles,
    drives: GivenDrives,
}

impl Given {
    /// Reads the files and takes the drives, which waits for a former owner to let go. Changes
    /// nothing but locks, so it may be dropped.
    ///
    /// # Errors
    /// The node must not start.
    pub async fn take(core: &Core, config: &ServeConfig) -> Result<Self, NodeError> {
        let files = OperatorFiles::read(core, config).await?;
        let drives = GivenDrives::open(core, &config.data_dirs).await?;
        check_name(config, &drives.identity)?;
        Ok(Self { files, drives })
    }
}

/// Boots the node.
///
/// # Errors
/// It must not start.
pub async fn boot(
    core: &Core,
    given: Given,
    storage: Storage,
    port: UnboundPort<Question, Answer>,
) -> Result<BootedCore, NodeError> {
    let Given { files, drives: given } = given;
    let node = NodeId::new(given.identity.node);
    let superblocks = given.superblocks();
    let (meta, readers) = open_metadata(core, storage, &given, &superblocks, port).await?;
    let layout = meta.layout().ok_or(NodeError::NotFounded)?;
    let table = Arc::new(judge_drives(&layout, node, &given)?);
    let users =
        meta.users_applied().await.map_err(|error| NodeError::Metadata(error.to_string()))?;
    let files = Arc::new(files.for_cluster(&layout.record().root_id, &users)?);
    superblocks.watch_table(Arc::clone(&table));
    meta.take_over().await.map_err(|error| NodeError::Metadata(error.to_string()))?;
    let number = match propose(&meta, Command::Boot { node }).await? {
        Outcome::Booted(number) => number,
        other => return Err(NodeError::Metadata(format!("the boot came to {other:?}"))),
    };
    readmit(&meta, &layout, &given, &superblocks, &table).await?;
    let seeder = Seeder::default();
    seeder.seed(&meta, &table, || given.present.iter().map(PresentDrive::open).collect()).await;
    let boot = Arc::new(Boot {
        identity: given.identity,
        drives: given
            .present
            .iter()
            .map(|drive| (drive.path.clone(), drive.superblock.clone()))
            .collect(),
        table,
        number,
        readers,
        scrub: Arc::new(Scrub::new(core.count())),
        files: Arc::clone(&files),
    });
    Ok(BootedCore {
        meta,
        drives: RefCell::new(given.present),
        superblocks,
        seeder,
        unreadable: Cell::new(None),
        files: RefCell::new(files),
        changing_users: Semaphore::new(1),
        boot,
    })
}

fn check_name(config: &ServeConfig, identity: &Identity) -> Result<(), NodeError> {
    match &config.node {
        Some(name) if *name != identity.node_name => Err(NodeError::Flag {
            flag: "--node",
            reason: format!(
                "these drives belong to node {}, not {name}; leave the flag out",
                identity.node_name
            ),
        }),
        _ => Ok(()),
    }
}

async fn open_metadata(
    core: &Core,
    storage: Storage,
    given: &GivenDrives,
    superblocks: &Superblocks,
    port: UnboundPort<Question, Answer>,
) -> Result<(Meta, Readers), NodeError> {
    let node = NodeId::new(given.identity.node);
    let recorded = superblocks.current();
    let open = Open {
        node,
        storage,
        founding: false,
        mirrors: recorded_mirrors(given, &recorded.drives).await?,
        recorded,
        record: superblocks.recorder(),
    };
    open_metadata_core(core, open, port).await.map_err(|error| match error {
        hamster_meta::OpenError::NoMirror(drives) => NodeError::NoMetadata(format!(
            "it is on {drives:?}; mount one of them and name its directory"
        )),
        hamster_meta::OpenError::Stale { .. } => NodeError::NoMetadata(format!(
            "{error}; mount one of those as it was last and name its directory"
        )),
        other => NodeError::Metadata(other.to_string()),
    })
}

/// The recorded mirrors that are here. Why no others: whether a drive may take one is known from the
/// layout, which they hold.
async fn recorded_mirrors(
    given: &GivenDrives,
    recorded: &[DriveOrdinal],
) -> Result<Vec<MirrorDirectory>, NodeError> {
    let mut mirrors = Vec::new();
    for drive in &given.present {
        if recorded.contains(&drive.superblock.ordinal) {
            let opened = mirrors::directory(&drive.directory, drive.superblock.ordinal).await;
            let failed = NodeError::file(&drive.path, "opening the metadata directory");
            mirrors.push(opened.map_err(failed)?);
        }
    }
    Ok(mirrors)
}

/// Whether the node may start with these drives, and how they fare then.
fn judge_drives(
    layout: &Layout,
    node: NodeId,
    given: &GivenDrives,
) -> Result<DriveTable, NodeError> {
    check_surplus(layout, node, given)?;
    let absent = absent_drives(layout, node, given)?;
    let table = DriveTable::new(given.ordinals(), absent);
    settle_drives(layout, given, &table)?;
    Ok(table)
}

/// Refuses directories beyond the drives of the node: whoever gives them believes that they are used.
fn check_surplus(layout: &Layout, node: NodeId, given: &GivenDrives) -> Result<(), NodeError> {
    let (here, drives) = (given.present.len(), own_drives(layout, node).count());
    if given.empty.is_empty() || here + given.empty.len() <= drives {
        return Ok(());
    }
    let empty: Vec<String> = given.empty.iter().map(|path| path.display().to_string()).collect();
    let (given, empty) = (here + given.empty.len(), empty.join(", "));
    Err(NodeError::SurplusDrives { given, drives, empty })
}

/// The drives of this node that are not here; refuses if they are more than the data survives.
fn absent_drives(
    layout: &Layout,
    node: NodeId,
    given: &GivenDrives,
) -> Result<Vec<DriveOrdinal>, NodeError> {
    let here: Vec<DriveOrdinal> = given.ordinals().collect();
    let all: Vec<&Drive> = own_drives(layout, node).collect();
    let absent: Vec<DriveOrdinal> =
        all.iter().map(|drive| drive.ordinal).filter(|ordinal| !here.contains(ordinal)).collect();
    // Why not the layout's own profile: it leaves out drives that are lost already.
    let survives = usize::from(goal(layout).m);
    if absent.len() <= survives {
        return Ok(absent);
    }
    let mut missing: Vec<String> = absent.iter().map(ToString::to_string).collect();
    missing.extend(given.empty.iter().map(|path| format!("{} holds no drive", path.display())));
    Err(NodeError::TooManyAbsent {
        absent: absent.len(),
        total: all.len(),
        survives,
        missing: missing.join(", "),
    })
}

/// The drives of `node` in the layout, but for those that others have replaced.
pub fn own_drives(layout: &Layout, node: NodeId) -> impl Iterator<Item = &Drive> {
    let drives = layout.record().drives.iter();
    drives.filter(move |drive| drive.node == node && !drive.is_retired())
}

/// Checks each drive that is here against the layout: a poisoned one stays out of service, a
/// replaced one is not taken for the former.
fn settle_drives(
    layout: &Layout,
    given: &GivenDrives,
    table: &DriveTable,
) -> Result<(), NodeError> {
    for drive in &given.present {
        let ordinal = drive.superblock.ordinal;
        let Some(known) =
            layout.drive(ordinal).filter(|known| known.uuid == drive.superblock.drive)
        else {
            let what = format!("a drive that the cluster does not know as {ordinal}");
            return Err(NodeError::Foreign { path: drive.path.clone(), what });
        };
        if known.is_retired() {
            let path = drive.path.display();
            let why =
                format!("{path} is {ordinal}, which another drive has replaced; take it away");
            return Err(NodeError::NotReplaced(why));
        }
        if known.state == DriveState::Poisoned {
            table.fail(ordinal, Failure::Poisoned, "a sync failed during an earlier run");
        }
    }
    Ok(())
}

/// Takes drives back that were lost and are here again with what they hold: under a new incarnation.
/// One that cannot be written (it did not take the mirror set, or does not take the incarnation)
/// stays out for this run.
async fn readmit(
    meta: &Meta,
    layout: &Layout,
    given: &GivenDrives,
    superblocks: &Superblocks,
    table: &DriveTable,
) -> Result<(), NodeError> {
    for drive in &given.present {
        let ordinal = drive.superblock.ordinal;
        let Some(known) = layout.drive(ordinal) else { continue };
        if known.state != DriveState::Lost || !table.in_service(ordinal) {
            continue;
        }
        let set =
            SetDrive { drive: ordinal, incarnation: known.incarnation, state: DriveState::Live };
        match propose(meta, Command::SetDrive(set)).await? {
            Outcome::DriveSet { incarnation } => {
                if superblocks.admit(ordinal, incarnation).await {
                    tracing::info!(%ordinal, "a lost drive is back");
                }
            }
            other => {
                return Err(NodeError::Metadata(format!(
                    "the return of {ordinal} came to {other:?}"
                )));
            }
        }
    }
    Ok(())
}

/// What a write of now is spread over and how many drive losses it survives, data and metadata
/// considered. `None` if no drive takes writes.
pub fn rung_now(layout: &Layout, table: &DriveTable) -> Option<Profile> {
    use hamster_core::ids::Partition;
    use hamster_meta::placement::Body;
    let live = |ordinal| table.takes_writes(ordinal);
    let plan = layout.plan(Partition::new(0), Body::Large, live)?;
    Some(Profile::new(plan.k, plan.m))
}

/// Proposes on behalf of the node itself.
pub async fn propose(meta: &Meta, command: Command) -> Result<Outcome, NodeError> {
    meta.propose(command).await.map_err(|error| NodeError::Metadata(error.to_string()))
}
