//! Makes metadata mirrors until there are as many as the node wants: at the boot, and while the node
//! serves when one was lost and another live drive is free. Core 0.
//!
//! Never writes to a drive that has left service or whose superblock has gone.

use crate::mirrors::{self, wanted};
use crate::status::goal;
use hamster_core::Set;
use hamster_core::ids::DriveOrdinal;
use hamster_meta::Meta;
use hamster_meta::placement::Layout;
use hamster_shard::{DriveTable, OpenDrive};
use std::cell::RefCell;
use std::io;

/// Remembers which drives have had their chance. Why only one in the life of a process: a drive that
/// lost its mirror would most likely lose the next one, and each costs a copy of everything.
#[derive(Default)]
pub struct Seeder {
    tried: RefCell<Set<DriveOrdinal>>,
}

/// Mirrors that the node wants while these drives are in service.
pub fn wanted_now(layout: &Layout, table: &DriveTable) -> usize {
    let live = table.ordinals().filter(|ordinal| table.takes_writes(*ordinal)).count();
    wanted(goal(layout).m, live)
}

impl Seeder {
    /// Makes the mirrors that are missing, one after the other, as far as free drives allow.
    pub async fn seed(&self, meta: &Meta, table: &DriveTable, drives: impl Fn() -> Vec<OpenDrive>) {
        while let Some(drive) = self.next(meta, table, &drives()) {
            let ordinal = drive.superblock.ordinal;
            tracing::info!(%ordinal, "a metadata mirror is made");
            if let Err(error) = seed_one(meta, &drive).await {
                tracing::warn!(%ordinal, %error, "no metadata mirror could be made");
            }
        }
    }

    /// The drive to take the next mirror; `None` if there are enough, or no drive is free.
    fn next(&self, meta: &Meta, table: &DriveTable, drives: &[OpenDrive]) -> Option<OpenDrive> {
        let mirrors = meta.mirrors().drives;
        let mut tried = self.tried.borrow_mut();
        tried.extend(mirrors.iter().copied());
        if mirrors.len() >= wanted_now(&*meta.layout()?, table) {
            return None;
        }
        let free = |drive: &&OpenDrive| {
            let ordinal = drive.superblock.ordinal;
            table.takes_writes(ordinal) && !tried.contains(&ordinal)
        };
        let next = drives.iter().find(free)?;
        tried.insert(next.superblock.ordinal);
        Some(next.clone())
    }
}

async fn seed_one(meta: &Meta, drive: &OpenDrive) -> io::Result<()> {
    let OpenDrive { directory, superblock } = drive;
    // Why a look: a mount point whose drive has gone is not to be written.
    if !drive.is_present().await? {
        return Err(io::Error::new(io::ErrorKind::NotFound, "its superblock was removed"));
    }
    let place = mirrors::directory(directory, superblock.ordinal).await?;
    meta.add_mirror(&place).await.map_err(io::Error::other)
}
