//! What `hamster status` shows, as people and as programs read it.

use hamster_core::ByteCount;
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
    /// Its drives.
    pub drives: Vec<DriveStatus>,
    /// The drives that hold copies of the metadata now.
    pub metadata_mirrors: Vec<u32>,
    /// Index of the last applied command of the metadata.
    pub applied_index: u64,
}

/// One drive.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct DriveStatus {
    /// Its number in the layout.
    pub ordinal: u32,
    /// Its directory; empty while it is absent.
    pub path: String,
    /// `live`, `full`, `poisoned`, `lost` or `absent`.
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
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leader = self.leader.as_deref().unwrap_or("none (no quorum)");
        let (live, all) = (self.live_drives(), self.drives.len());
        writeln!(f, "cluster   {}", self.cluster)?;
        writeln!(f, "node      {} (hamster {}, {} cores)", self.node, self.version, self.cores)?;
        writeln!(f, "leader    {leader}")?;
        writeln!(f, "profile   {}{}", self.profile, self.profile_remark())?;
        writeln!(f, "survives  {}", self.survival())?;
        writeln!(f, "drives    {live} of {all} live")?;
        writeln!(f, "metadata  on drives {:?}, applied {}", self.metadata_mirrors, self.applied_index)?;
        writeln!(f)?;
        writeln!(f, "drive  state     used        free        preallocated  directory")?;
        for drive in &self.drives {
            writeln!(
                f,
                "{:<6} {:<9} {:<11} {:<11} {:<13} {}{}",
                drive.ordinal,
                drive.state,
                ByteCount::new(drive.used_bytes).to_string(),
                ByteCount::new(drive.free_bytes).to_string(),
                ByteCount::new(drive.preallocated_bytes).to_string(),
                drive.path,
                if drive.cause.is_empty() { String::new() } else { format!("  ({})", drive.cause) },
            )?;
        }
        Ok(())
    }
}

impl Status {
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
