//! Takes a drive that has left service out everywhere else: its metadata mirror, and its standing in
//! the layout. (Who notices that a drive fails or is gone is `shard`.)
//!
//! Runs on core 0 until the node ends. A drive's standing is committed through Raft; if that cannot
//! be done, the node must stop (DESIGN.md, invariant 5).

use crate::boot::{BootedCore, propose};
use crate::error::NodeError;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::DRIVE_WATCH_INTERVAL;
use hamster_core::{Core, Set};
use hamster_meta::command::SetDrive;
use hamster_meta::record::DriveState;
use hamster_meta::{Command, Meta};
use hamster_shard::drive::{self, DriveTable};
use std::rc::Rc;

/// Watches until the metadata refuses.
pub async fn watch(core: &Core, booted: Rc<BootedCore>) -> NodeError {
    let table = &booted.boot.table;
    let mut settled: Set<DriveOrdinal> =
        table.ordinals().filter(|ordinal| !table.in_service(*ordinal)).collect();
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
    }
}

/// Has the metadata leave the drive and the layout say so.
async fn take_out(meta: &Meta, table: &DriveTable, ordinal: DriveOrdinal) -> Result<(), NodeError> {
    let stopped = |error: hamster_meta::MetaError| NodeError::Metadata(error.to_string());
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
