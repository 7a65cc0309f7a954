//! Looks at the drives now and then: one that was removed is lost before the next write finds out,
//! one that is full comes back when there is space.

use super::local::LocalDrive;
use super::{DriveState, Failure};
use crate::segment::Class;
use hamster_core::limits::DRIVE_CHECK_INTERVAL;
use std::io;
use std::rc::Rc;

/// Watches a drive until it leaves service. Each by itself, so that one that hangs stops no other. Runs
/// on one core of the node.
pub(crate) async fn watch(drive: Rc<LocalDrive>) {
    while matches!(drive.state(), DriveState::Live | DriveState::Full) {
        drive.core.clock().sleep(DRIVE_CHECK_INTERVAL).await;
        drive.answers(look(&drive)).await;
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
