//! Takes a drive that has left service out everywhere else: its metadata mirror, and its standing in
//! the layout. Notices a mirror whose files were removed, has lost mirrors made anew, and has the
//! damage counted where more was lost than the data survives. (Who notices that a drive fails or is
//! gone is `shard`.)
//!
//! Runs on core 0 until the node ends. A drive's standing is committed through Raft; if that cannot
//! be done, the node must stop (DESIGN.md, invariant 5).

use crate::boot::{BootedCore, propose};
use crate::drives::PresentDrive;
use crate::error::NodeError;
use crate::status::{drives_out, goal};
use futures_util::future::{Either, select};
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::DRIVE_WATCH_INTERVAL;
use hamster_core::{Core, Queue, Set};
use hamster_meta::command::SetDrive;
use hamster_meta::record::DriveState;
use hamster_meta::{Command, Meta};
use hamster_shard::drive::{self, DriveTable};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

/// Watches until the metadata refuses.
pub async fn watch(core: &Core, booted: Rc<BootedCore>) -> NodeError {
    let taking_out = pin!(take_out_failed(core, &booted));
    let seeding = pin!(replace_mirrors(core, &booted));
    match select(taking_out, seeding).await {
        Either::Left((error, _)) => error,
        Either::Right((never, _)) => match never {},
    }
}

/// What the last second may have brought, when nothing more will be written: drives that were
/// poisoned and whose standing does not say so yet.
///
/// # Errors
/// It cannot be committed.
pub async fn settle(booted: &BootedCore) -> Result<(), NodeError> {
    let table = &booted.boot.table;
    let is_poisoned = |ordinal: &DriveOrdinal| {
        table.state(*ordinal) == drive::DriveState::Poisoned && !is_known_poisoned(booted, *ordinal)
    };
    for ordinal in table.ordinals().filter(is_poisoned) {
        take_out(&booted.meta, table, ordinal).await?;
    }
    Ok(())
}

fn is_known_poisoned(booted: &BootedCore, ordinal: DriveOrdinal) -> bool {
    let layout = booted.meta.layout();
    let known = layout.as_ref().and_then(|layout| layout.drive(ordinal));
    known.is_some_and(|drive| drive.state == DriveState::Poisoned)
}

async fn take_out_failed(core: &Core, booted: &Rc<BootedCore>) -> NodeError {
    let table = &booted.boot.table;
    let mut settled = settled_at_boot(booted);
    let mut counted = None;
    loop {
        core.clock().sleep(DRIVE_WATCH_INTERVAL).await;
        if let Some(reason) = booted.meta.stopped() {
            return NodeError::Metadata(reason);
        }
        for ordinal in table.ordinals() {
            if table.in_service(ordinal) || !settled.insert(ordinal) {
                continue;
            }
            if let Err(error) = take_out(&booted.meta, table, ordinal).await {
                return error;
            }
        }
        if let Err(error) = booted.meta.look_at_mirrors().await {
            return stopped(error);
        }
        let version = table.version();
        if counted.replace(version) != Some(version) {
            count_damage(core, booted, version);
        }
    }
}

/// Drives that were out of service already: absent ones, and those whose standing says so.
fn settled_at_boot(booted: &BootedCore) -> Set<DriveOrdinal> {
    let table = &booted.boot.table;
    // Why: one that was here at the boot may have gone since.
    let is_here = |ordinal: &DriveOrdinal| {
        booted.drives.borrow().iter().any(|drive| drive.superblock.ordinal == *ordinal)
    };
    let settled = table.ordinals().filter(|ordinal| match table.state(*ordinal) {
        drive::DriveState::Live | drive::DriveState::Full => false,
        drive::DriveState::Poisoned => is_known_poisoned(booted, *ordinal),
        drive::DriveState::Lost => !is_here(ordinal),
    });
    settled.collect()
}

/// Has new mirrors made for lost ones. Beside the other loop, for it may take long.
async fn replace_mirrors(core: &Core, booted: &BootedCore) -> std::convert::Infallible {
    loop {
        core.clock().sleep(DRIVE_WATCH_INTERVAL).await;
        let drives = || booted.drives.borrow().iter().map(PresentDrive::open).collect();
        booted.seeder.seed(&booted.meta, &booted.boot.table, drives).await;
    }
}

fn stopped(error: hamster_meta::MetaError) -> NodeError {
    NodeError::Metadata(error.to_string())
}

/// Has the metadata leave the drive and the layout say so.
async fn take_out(meta: &Meta, table: &DriveTable, ordinal: DriveOrdinal) -> Result<(), NodeError> {
    meta.drop_mirror(ordinal).await.map_err(stopped)?;
    let Some(layout) = meta.layout() else { return Ok(()) };
    let Some(known) = layout.drive(ordinal) else { return Ok(()) };
    let state = match table.state(ordinal) {
        drive::DriveState::Poisoned => DriveState::Poisoned,
        _ => DriveState::Lost,
    };
    let set = SetDrive { drive: ordinal, incarnation: known.incarnation, state };
    propose(meta, Command::SetDrive(set)).await.map(drop)
}

/// Counts the bodies that may be unreadable, in the background, where more drives are out of service
/// than the data survives.
fn count_damage(core: &Core, booted: &Rc<BootedCore>, version: u64) {
    let Some(layout) = booted.meta.layout() else { return };
    booted.unreadable.set(None);
    if drives_out(&layout, &booted.boot.table) <= u16::from(goal(&layout).m) {
        return;
    }
    let (booted, table) = (Rc::clone(booted), Arc::clone(&booted.boot.table));
    core.spawn(Queue::Background, async move {
        match booted.meta.count_unreadable(move |drive| !table.in_service(drive)).await {
            // Why compared: another drive has left meanwhile, and a later count knows of it.
            Ok(count) if booted.boot.table.version() == version => {
                tracing::error!(bodies = count, "stored bodies may be unreadable");
                booted.unreadable.set(Some(count));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the damage could not be counted"),
        }
    });
}
