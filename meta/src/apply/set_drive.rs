//! SetDrive: a drive leaves service, is given up, or comes back as a new incarnation; one that was
//! replaced is removed.

use super::change::Change;
use crate::command::{Outcome, SetDrive};
use crate::key;
use crate::record::{DriveState, LayoutRecord};
use crate::state::ReadError;

pub(super) fn apply(change: &mut Change<'_>, set: &SetDrive) -> Result<Outcome, ReadError> {
    let Some(mut layout) = change.get::<LayoutRecord>(&key::layout())? else {
        return Ok(Outcome::NoSuchDrive);
    };
    let mut drives = layout.drives.iter_mut();
    let drive = drives.find(|drive| drive.ordinal == set.drive);
    let Some(drive) = drive.filter(|drive| drive.incarnation == set.incarnation) else {
        return Ok(Outcome::NoSuchDrive);
    };
    // Why: what was rebuilt for a drive's sake must not count twice.
    if drive.is_retired() && set.state != DriveState::Removed {
        return Ok(Outcome::NoSuchDrive);
    }
    if drive.state == set.state {
        return Ok(Outcome::DriveSet { incarnation: drive.incarnation });
    }
    drive.incarnation += u64::from(set.state == DriveState::Live);
    drive.state = set.state;
    let incarnation = drive.incarnation;
    layout.version += 1;
    change.put(key::layout(), &layout);
    Ok(Outcome::DriveSet { incarnation })
}
