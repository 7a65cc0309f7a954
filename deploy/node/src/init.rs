//! `hamster init`: founds a one-node cluster on empty directories.
//!
//! It ends by recording the metadata mirrors in the superblocks. Cut short before that, it leaves
//! drives that say they were never founded: `serve` refuses them, and the same `init` takes them as
//! if they were empty, for nothing was ever acknowledged on them.

use crate::command::on_one_core;
use crate::config::InitConfig;
use crate::drives::{check_count, refusal};
use crate::error::NodeError;
use crate::identity::Identity;
use crate::mirrors::{self, Superblocks};
use crate::status::drives_phrase;
use hamster_core::ids::{BootNumber, ClusterUuid, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::{ByteCount, Core, Directory, mesh};
use hamster_meta::command::{Found, FoundCluster};
use hamster_meta::placement::Layout;
use hamster_meta::record::{Drive, DriveState, LayoutRecord, Node, Profile, ProfileChoice};
use hamster_meta::state::Storage;
use hamster_meta::{Command, Open, Outcome, open_metadata_core};
use hamster_net::ca;
use hamster_s3::mint;
use hamster_shard::drive::{self, Inspection, Superblock};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The founder is node 1.
const FOUNDER: NodeId = NodeId::new(1);

/// What was founded.
#[derive(Serialize, Clone, Debug)]
pub struct Founded {
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity.
    pub cluster_uuid: String,
    /// Name of the node.
    pub node: String,
    /// Its drives.
    pub drives: Vec<PathBuf>,
    /// How large bodies are written.
    pub profile: String,
    /// How many drives may be lost.
    pub survives_drives: u16,
}

impl fmt::Display for Founded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let survives = drives_phrase(self.survives_drives);
        write!(
            f,
            "founded cluster {} with node {} on {} drive(s); {}: survives {survives}\n\
             next: export HAMSTER_ACCESS_KEY_ID and HAMSTER_SECRET_ACCESS_KEY, then `hamster serve",
            self.cluster,
            self.node,
            self.drives.len(),
            self.profile,
        )?;
        for drive in &self.drives {
            write!(f, " --data-dir {}", drive.display())?;
        }
        write!(f, "`")
    }
}

/// Founds a cluster.
///
/// # Errors
/// A directory is not empty or cannot be written; nothing was founded then, and the same command
/// may be run again.
pub fn init(config: InitConfig) -> Result<Founded, NodeError> {
    check_count(&config.data_dirs)?;
    check_name("--node", &config.node)?;
    check_name("--cluster", &config.cluster)?;
    let config = Arc::new(config);
    on_one_core(move |core| {
        let config = Arc::clone(&config);
        async move { found(&core, &config, Storage::Rocks).await }
    })
}

/// Names go into certificates, metrics and logs.
fn check_name(flag: &'static str, name: &str) -> Result<(), NodeError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    let reason = format!("'{name}' is no name: give 1 to 63 letters, digits, '-', '_' or '.'");
    Err(NodeError::Flag { flag, reason })
}

/// Founds a cluster on a core that runs: [`init`], and the simulator.
///
/// # Errors
/// As [`init`].
pub async fn found(
    core: &Core,
    config: &InitConfig,
    storage: Storage,
) -> Result<Founded, NodeError> {
    let directories = empty_directories(core, &config.data_dirs).await?;
    let cluster = ClusterUuid::random(core.entropy());
    let layout = layout(core, config, cluster, directories.len());
    let profile = Layout::new(layout.clone()).profile();
    let mirrors = mirrors::wanted(profile.m, directories.len());
    let identity = identity(core, config, cluster)?;
    let mut formatted = Vec::new();
    for (directory, drive) in directories.into_iter().zip(&layout.drives) {
        let superblock = format(&directory, drive, cluster).await?;
        identity.store(&directory).await?;
        formatted.push((directory, superblock));
    }
    found_metadata(core, storage, formatted, mirrors, layout).await?;
    Ok(Founded {
        cluster: config.cluster.clone(),
        cluster_uuid: cluster.to_string(),
        node: config.node.clone(),
        drives: config.data_dirs.clone(),
        profile: profile.to_string(),
        survives_drives: survives(profile, mirrors),
    })
}

/// Drive losses that both data and metadata survive.
pub fn survives(profile: Profile, mirrors: usize) -> u16 {
    let metadata = u16::try_from(mirrors.saturating_sub(1)).unwrap_or(u16::MAX);
    u16::from(profile.m).min(metadata)
}

async fn empty_directories(core: &Core, paths: &[PathBuf]) -> Result<Vec<Directory>, NodeError> {
    let mut directories = Vec::new();
    for path in paths {
        let directory = core
            .disk()
            .create_directory(path)
            .await
            .map_err(NodeError::file(path, "making the data directory"))?;
        match drive::inspect(&directory).await.map_err(NodeError::file(path, "reading"))? {
            Inspection::Empty => directories.push(directory),
            Inspection::Ours(former) if !former.is_founded() => directories.push(directory),
            other => return Err(refusal(path, drive::DriveError::Unfit(other))),
        }
    }
    Ok(directories)
}

fn layout(core: &Core, config: &InitConfig, cluster: ClusterUuid, drives: usize) -> LayoutRecord {
    let ordinals = (0..).map(DriveOrdinal::new).take(drives);
    let weight = weight(config.capacity);
    LayoutRecord {
        version: 1,
        cluster,
        name: config.cluster.clone(),
        profile: ProfileChoice::Auto,
        nodes: vec![Node {
            id: FOUNDER,
            name: config.node.clone(),
            host: config.host.clone(),
            zone: config.zone.clone(),
            address: config.listen.to_string(),
            boot: BootNumber::new(0),
        }],
        drives: ordinals
            .map(|ordinal| Drive {
                ordinal,
                uuid: DriveUuid::random(core.entropy()),
                node: FOUNDER,
                weight,
                state: DriveState::Live,
                incarnation: 1,
            })
            .collect(),
        root_id: mint::canonical_id(core.entropy()),
    }
}

/// A drive's placement weight: its capacity in GiB, at least 1; 1 where none is given.
fn weight(capacity: ByteCount) -> u32 {
    u32::try_from(capacity.get() >> 30).unwrap_or(u32::MAX).max(1)
}

fn identity(core: &Core, config: &InitConfig, cluster: ClusterUuid) -> Result<Identity, NodeError> {
    let now = core.clock().wall();
    let tls = |error: ca::CaError| NodeError::Tls(error.to_string());
    let authority = ca::mint(cluster, now).map_err(tls)?;
    let node = ca::issue(&authority, FOUNDER, now).map_err(tls)?;
    Ok(Identity {
        format: 0,
        cluster_name: config.cluster.clone(),
        cluster: cluster.bytes().to_vec(),
        node_name: config.node.clone(),
        node: FOUNDER.get(),
        listen: config.listen.to_string(),
        authority_certificate: authority.certificate_pem,
        authority_key: authority.key_pem,
        certificate: node.certificate_pem,
        key: node.key_pem,
    })
}

async fn format(
    directory: &Directory,
    drive: &Drive,
    cluster: ClusterUuid,
) -> Result<Superblock, NodeError> {
    let superblock = Superblock {
        cluster,
        drive: drive.uuid,
        ordinal: drive.ordinal,
        node: drive.node,
        incarnation: drive.incarnation,
        mirrors: drive::MirrorSet::default(),
    };
    drive::format(directory, &superblock)
        .await
        .map_err(|error| refusal(directory.path(), error))?;
    Ok(superblock)
}

async fn found_metadata(
    core: &Core,
    storage: Storage,
    drives: Vec<(Directory, Superblock)>,
    mirror_count: usize,
    layout: LayoutRecord,
) -> Result<(), NodeError> {
    let mut mirrors = Vec::new();
    for (directory, superblock) in drives.iter().take(mirror_count) {
        let made = mirrors::directory(directory, superblock.ordinal).await;
        let failed = NodeError::file(directory.path(), "making the metadata directory");
        mirrors.push(made.map_err(failed)?);
    }
    let superblocks = Superblocks::new(drives);
    let open = Open {
        node: FOUNDER,
        storage,
        founding: true,
        recorded: superblocks.current(),
        mirrors,
        record: superblocks.recorder(),
    };
    let port = mesh::ports(1).pop().expect("one port for one core");
    let failed = |error: String| NodeError::Metadata(error);
    let (meta, _readers) =
        open_metadata_core(core, open, port).await.map_err(|error| failed(error.to_string()))?;
    let node = layout.nodes.first().cloned().expect("the founder");
    let outcome = meta
        .propose(Command::Found(FoundCluster {
            cluster: layout.cluster,
            name: layout.name,
            profile: layout.profile,
            node,
            drives: layout.drives,
            root_id: layout.root_id,
        }))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let Outcome::Found(Found::Founded) = outcome else {
        return Err(failed(format!("the founding came to {outcome:?}")));
    };
    // The last step: from here on there is a cluster.
    meta.record_mirrors().await.map_err(|error| failed(error.to_string()))?;
    meta.close().await;
    Ok(())
}
