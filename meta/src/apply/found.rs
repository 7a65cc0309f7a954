//! Found: the first node and its drives become the layout.

use super::change::Change;
use crate::command::{Found, FoundCluster, Outcome};
use crate::key;
use crate::record::{LayoutRecord, Node};
use crate::state::ReadError;
use hamster_core::ids::BootNumber;

pub(super) fn apply(change: &mut Change<'_>, found: &FoundCluster) -> Result<Outcome, ReadError> {
    if let Some(layout) = change.get::<LayoutRecord>(&key::layout())? {
        let same = layout.cluster == found.cluster;
        return Ok(Outcome::Found(if same { Found::Already } else { Found::Another }));
    }
    let mut drives = found.drives.clone();
    drives.sort_by_key(|drive| drive.ordinal);
    let twice = drives.windows(2).any(|pair| pair[0].ordinal == pair[1].ordinal);
    let strange = drives.iter().any(|drive| drive.node != found.node.id || drive.weight == 0);
    if twice || strange {
        return Ok(Outcome::Refused("a founding with drives that do not fit".into()));
    }
    let layout = LayoutRecord {
        version: 1,
        cluster: found.cluster,
        name: found.name.clone(),
        profile: found.profile,
        nodes: vec![Node { boot: BootNumber::new(0), ..found.node.clone() }],
        drives,
        root_id: found.root_id.clone(),
    };
    change.put(key::layout(), &layout);
    Ok(Outcome::Found(Found::Founded))
}
