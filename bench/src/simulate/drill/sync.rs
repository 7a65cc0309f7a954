//! As many drives as may be lost refuse a sync while an object is written, then the power fails, and
//! one further drive gives no bytes: an acknowledged object has one shard more than it takes, on
//! drives that have synced it.

use super::Scene;
use crate::simulate::oracle::Place;
use hamster_core::sim::{Failure, Operation};

const SIZES: [usize; 6] = [300_000, 140_000, 600_000, 20_000, 200_000, 100];

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for (number, length) in SIZES.into_iter().enumerate() {
        for victim in &scene.victims {
            scene.stage.disk(*victim).fail_next(Operation::Sync, Failure::Io);
        }
        places.push(scene.put(&format!("sync-{number}"), length).await?);
        scene.heal_disks();
    }
    scene.stage.crash();
    scene.start_again().await?;
    let others = scene.others();
    let drawn = usize::try_from(scene.entropy.below(others.len() as u64)).unwrap_or(0);
    let silent = scene.stage.disk(others[drawn]);
    silent.set_rate(Operation::Read, Failure::Io, 1_000_000);
    scene.expect(&places).await?;
    Ok(places)
}
