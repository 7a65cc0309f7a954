//! Boot: a node's process starts; what its former process still has under way is refused.

use super::change::Change;
use crate::command::Outcome;
use crate::key;
use crate::record::{Boots, LayoutRecord};
use crate::state::ReadError;
use hamster_core::ids::{BootNumber, NodeId};

pub(super) fn apply(change: &mut Change<'_>, id: NodeId) -> Result<Outcome, ReadError> {
    let Some(mut layout) = change.get::<LayoutRecord>(&key::layout())? else {
        return Ok(Outcome::NoSuchNode);
    };
    let Some(node) = layout.nodes.iter_mut().find(|node| node.id == id) else {
        return Ok(Outcome::NoSuchNode);
    };
    // The layout's version stays: a boot places nothing elsewhere.
    node.boot = BootNumber::new(node.boot.get() + 1);
    let boot = node.boot;
    change.put(key::layout(), &layout);
    change.put(key::boots(id), &Boots { boot });
    Ok(Outcome::Booted(boot))
}
