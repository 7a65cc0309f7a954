//! Looks at the drives now and then: one that was removed is lost before the next write finds out,
//! one that is full comes back when there is space.

use super::local::LocalDrive;
use super::{DriveState, Failure};
use crate::segment::Class;
use hamster_core::Core;
use hamster_core::limits::DRIVE_CHECK_INTERVAL;
use std::io;
use std::rc::Rc;

/// Runs on one core of the node, for ever.
pub(crate) async fn watch(core: Core, drives: Vec<Rc<LocalDrive>>) {
    loop {
        core.clock().sleep(DRIVE_CHECK_INTERVAL).await;
        for drive in &drives {
            if matches!(drive.state(), DriveState::Live | DriveState::Full) {
                look(drive).await;
            }
        }
    }
}

async fn look(drive: &LocalDrive) {
    match drive.identity.is_present().await {
        Ok(true) => {}
        Ok(false) => {
            let gone = io::Error::from(io::ErrorKind::NotFound);
            return drive.fail(Failure::Lost, "its superblock was removed", &gone);
        }
        Err(error) => return drive.fail(Failure::Lost, "looking at its superblock", &error),
    }
    if let Err(error) = drive.has_room(drive.segment_bytes(Class::Small)).await {
        drive.fail(Failure::Lost, "asking for its space", &error);
    }
}
