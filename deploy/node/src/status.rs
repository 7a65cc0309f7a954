//! What `hamster status` shows, as people and as programs read it.

use crate::boot::{BootedCore, rung_now};
use crate::scrub::ScrubStatus;
use crate::seed::wanted_now;
use hamster_core::ByteCount;
use hamster_meta::placement::Layout;
use hamster_meta::record::{self as meta, Profile};
use hamster_shard::drive;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The node's own account of itself. Fields are only added.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Status {
    /// Version of the running binary.
    pub version: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the node that answers.
    pub node: String,
    /// Name of the node that leads the metadata; `None` while there is no leader.
    pub leader: Option<String>,
    /// CPU cores it serves with.
    pub cores: u16,
    /// What new large objects are written as, such as `4+2`.
    pub profile: String,
    /// The widest profile the drives allow when all of them live.
    pub profile_goal: String,
    /// How many more drives may be lost, data and metadata considered, before something is lost:
    /// for what is written from now on.
    pub survives_drives: u16,
    /// How many more drives may be lost before something written while all drives lived is lost.
    pub survives_drives_old: u16,
    /// Is any drive out of service?
    pub degraded: bool,
    /// Damage beyond what the data survives; `None` where there is none.
    #[serde(default)]
    pub damage: Option<Damage>,
    /// Its drives.
    pub drives: Vec<DriveStatus>,
    /// The drives that hold copies of the metadata now.
    pub metadata_mirrors: Vec<u32>,
    /// Copies of the metadata that it wants while these drives live.
    #[serde(default)]
    pub metadata_mirrors_wanted: u16,
    /// Index of the last applied command of the metadata.
    pub applied_index: u64,
    /// How far scrub and repair are.
    #[serde(default)]
    pub scrub: ScrubStatus,
}

/// More drives are out of service than what was written while all lived survives.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Damage {
    /// Drives out of service.
    pub drives_out: u16,
    /// Drives that could be.
    pub drives_survived: u16,
    /// Stored bodies, of versions and of parts, with fewer pieces on the other drives than it takes
    /// to read them; `None` while they are being counted.
    pub bodies_unreadable: Option<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drives_out, drives_survived, bodies_unreadable } = self;
        write!(
            f,
            "{drives_out} drives are out of service and the data survives {drives_survived}: "
        )?;
        match bodies_unreadable {
            Some(count) => write!(f, "{count} objects or parts may be unreadable"),
            None => write!(f, "objects may be unreadable (being counted)"),
        }
    }
}

/// One drive.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct DriveStatus {
    /// Its number in the layout.
    pub ordinal: u32,
    /// Its directory; empty while it is absent.
    pub path: String,
    /// `live`, `full`, `poisoned`, `lost`, `absent` or `replaced`.
    pub state: String,
    /// Why it is not live; empty if it is.
    pub cause: String,
    /// Size of its file system.
    pub total_bytes: u64,
    /// Free space of its file system.
    pub free_bytes: u64,
    /// Records of object bytes, headers included.
    pub used_bytes: u64,
    /// Space taken in advance for segments and not yet used.
    pub preallocated_bytes: u64,
    /// Records and chunks that failed verification since the start.
    #[serde(default)]
    pub corruptions: u64,
    /// Bytes of object data, segments and index written since the start; metadata is not counted.
    #[serde(default)]
    pub written_bytes: u64,
    /// Syncs for them.
    #[serde(default)]
    pub syncs: u64,
    /// Reads since the start that outlived their patience, so that others were looked for.
    #[serde(default)]
    pub reads_late: u64,
    /// Reads since the start that were still under way when their bytes had come from others.
    #[serde(default)]
    pub reads_overtaken: u64,
    /// Small segments made of a retired one since the start.
    #[serde(default)]
    pub segments_recycled: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leader = self.leader.as_deref().unwrap_or("none (no quorum)");
        let all = self.drives.iter().filter(|drive| drive.state != "replaced").count();
        let live = self.live_drives();
        writeln!(f, "cluster   {}", self.cluster)?;
        writeln!(f, "node      {} (hamster {}, {} cores)", self.node, self.version, self.cores)?;
        writeln!(f, "leader    {leader}")?;
        writeln!(f, "profile   {}{}", self.profile, self.profile_remark())?;
        writeln!(f, "survives  {}", self.survival())?;
        if let Some(damage) = &self.damage {
            writeln!(f, "damage    {damage}")?;
        }
        writeln!(f, "drives    {live} of {all} live")?;
        writeln!(
            f,
            "metadata  on drives {:?}{}, applied {}",
            self.metadata_mirrors,
            self.mirrors_remark(),
            self.applied_index
        )?;
        writeln!(f, "scrub     {}", self.scrub)?;
        writeln!(f)?;
        write!(f, "{}", self.drive_table())
    }
}

impl Status {
    /// Its drives, a line each.
    pub fn drive_table(&self) -> String {
        let mut table = String::from(
            "drive  state     used        free        preallocated  rot    directory\n",
        );
        for drive in &self.drives {
            let cause = match drive.cause.as_str() {
                "" => String::new(),
                cause => format!("  ({cause})"),
            };
            table += &format!(
                "{:<6} {:<9} {:<11} {:<11} {:<13} {:<6} {}{cause}\n",
                drive.ordinal,
                drive.state,
                ByteCount::new(drive.used_bytes).to_string(),
                ByteCount::new(drive.free_bytes).to_string(),
                ByteCount::new(drive.preallocated_bytes).to_string(),
                drive.corruptions,
                drive.path,
            );
        }
        table
    }

    fn live_drives(&self) -> usize {
        self.drives.iter().filter(|drive| matches!(drive.state.as_str(), "live" | "full")).count()
    }

    fn profile_remark(&self) -> String {
        if self.profile == self.profile_goal {
            String::new()
        } else {
            format!(" (stepped down from {}: drives are out of service)", self.profile_goal)
        }
    }

    fn mirrors_remark(&self) -> String {
        let wanted = self.metadata_mirrors_wanted;
        match self.metadata_mirrors.len() < usize::from(wanted) {
            true => format!(" ({wanted} wanted)"),
            false => String::new(),
        }
    }

    fn survival(&self) -> String {
        let new = drives_phrase(self.survives_drives);
        if self.degraded {
            let old = drives_phrase(self.survives_drives_old);
            format!("{new} for what is written now; {old} for what was written before the loss")
        } else {
            new
        }
    }
}

/// "any 2 drives", "any 1 drive", "no drive loss".
pub(crate) fn drives_phrase(count: u16) -> String {
    match count {
        0 => "no drive loss (zero redundancy)".into(),
        1 => "any 1 drive".into(),
        count => format!("any {count} drives"),
    }
}

/// The status of the node that `booted`, now.
pub fn of(booted: &BootedCore, cores: u16) -> Status {
    let boot = &booted.boot;
    let layout = booted.meta.layout();
    let goal = layout.as_ref().map(|layout| goal(layout));
    let now = layout.as_ref().and_then(|layout| rung_now(layout, &boot.table));
    let mirrors: Vec<u32> = booted
        .superblocks
        .current()
        .drives
        .iter()
        .filter(|ordinal| boot.table.in_service(**ordinal))
        .map(|ordinal| ordinal.get())
        .collect();
    let drives: Vec<DriveStatus> = boot
        .table
        .status()
        .iter()
        .filter_map(|drive| row(drive, booted, layout.as_deref()))
        .collect();
    let metadata = u16::try_from(mirrors.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let parity = |profile: Option<Profile>| profile.map_or(0, |profile| u16::from(profile.m));
    let out = layout.as_ref().map_or(0, |layout| drives_out(layout, &boot.table));
    let left = parity(goal).saturating_sub(out);
    let wanted = layout.as_ref().map_or(0, |layout| wanted_now(layout, &boot.table));
    let damage = (out > parity(goal)).then(|| Damage {
        drives_out: out,
        drives_survived: parity(goal),
        bodies_unreadable: booted.unreadable.get(),
    });
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        cluster: boot.identity.cluster_name.clone(),
        node: boot.identity.node_name.clone(),
        leader: booted.meta.is_leader().then(|| boot.identity.node_name.clone()),
        cores,
        profile: now.map_or_else(|| "none".into(), |profile| profile.to_string()),
        profile_goal: goal.map_or_else(|| "none".into(), |profile| profile.to_string()),
        survives_drives: parity(now).min(metadata),
        survives_drives_old: left.min(metadata),
        degraded: out > 0,
        damage,
        drives,
        metadata_mirrors: mirrors,
        metadata_mirrors_wanted: u16::try_from(wanted).unwrap_or(u16::MAX),
        applied_index: booted.meta.applied(),
        scrub: boot.scrub.status(),
    }
}

/// Drives that are not in service and to which bodies refer: those that were replaced count until
/// what they held is rebuilt.
pub(crate) fn drives_out(layout: &Layout, table: &drive::DriveTable) -> u16 {
    let drives = layout.record().drives.iter();
    let out = drives.filter(|drive| {
        drive.state != meta::DriveState::Removed && !table.in_service(drive.ordinal)
    });
    u16::try_from(out.count()).unwrap_or(u16::MAX)
}

/// The profile that the drives would allow if all of them lived.
pub(crate) fn goal(layout: &Layout) -> Profile {
    let mut record = layout.record().clone();
    record.drives.retain(|drive| !drive.is_retired());
    for drive in &mut record.drives {
        drive.state = meta::DriveState::Live;
    }
    Layout::new(record).profile()
}

/// `None`: it is replaced, and all that it held is rebuilt.
fn row(
    drive: &drive::DriveStatus,
    booted: &BootedCore,
    layout: Option<&Layout>,
) -> Option<DriveStatus> {
    let drives = booted.drives.borrow();
    let present = drives.iter().find(|present| present.superblock.ordinal == drive.ordinal);
    let path = present.map(|present| present.path.display().to_string());
    let known = layout.and_then(|layout| layout.drive(drive.ordinal));
    if known.is_some_and(|known| known.state == meta::DriveState::Removed) {
        return None;
    }
    let is_replaced = known.is_some_and(meta::Drive::is_retired);
    let state = match (&path, drive.state) {
        _ if is_replaced => "replaced",
        (None, _) => "absent",
        (_, drive::DriveState::Live) => "live",
        (_, drive::DriveState::Full) => "full",
        (_, drive::DriveState::Poisoned) => "poisoned",
        (_, drive::DriveState::Lost) => "lost",
    };
    Some(DriveStatus {
        ordinal: drive.ordinal.get(),
        path: path.unwrap_or_default(),
        state: state.into(),
        cause: drive.cause.clone().unwrap_or_default(),
        total_bytes: drive.total.get(),
        free_bytes: drive.free.get(),
        used_bytes: drive.used.get(),
        preallocated_bytes: drive.preallocated.get(),
        corruptions: drive.corruptions,
        written_bytes: drive.written.get(),
        syncs: drive.syncs,
        reads_late: drive.reads_late,
        reads_overtaken: drive.reads_overtaken,
        segments_recycled: drive.recycled,
    })
}
