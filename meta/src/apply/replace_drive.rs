//! ReplaceDrive: a new drive has the place of one that is gone, under a number of its own.

use super::change::Change;
use crate::command::{Outcome, ReplaceDrive};
use crate::key;
use crate::record::{Drive, DriveState, LayoutRecord};
use crate::state::ReadError;
use hamster_core::ids::DriveOrdinal;

pub(super) fn apply(change: &mut Change<'_>, replace: &ReplaceDrive) -> Result<Outcome, ReadError> {
    let Some(mut layout) = change.get::<LayoutRecord>(&key::layout())? else {
        return Ok(Outcome::NoSuchDrive);
    };
    // Drives stay in the layout when they are retired, so a number is never given twice.
    let last = layout.drives.last().map_or(0, |drive| drive.ordinal.get());
    let Some(next) = last.checked_add(1) else {
        return Ok(Outcome::Refused("no drive number is left".into()));
    };
    let former = layout.drives.iter_mut().find(|drive| drive.ordinal == replace.former);
    let same = |drive: &&mut Drive| drive.incarnation == replace.incarnation && !drive.is_retired();
    let Some(former) = former.filter(same) else { return Ok(Outcome::NoSuchDrive) };
    former.state = DriveState::Replaced;
    let drive = Drive {
        ordinal: DriveOrdinal::new(next),
        uuid: replace.uuid,
        state: DriveState::Live,
        incarnation: 1,
        ..former.clone()
    };
    layout.drives.push(drive);
    layout.version += 1;
    change.put(key::layout(), &layout);
    Ok(Outcome::DriveReplaced(DriveOrdinal::new(next)))
}
