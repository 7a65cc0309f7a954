//! The power fails in the moment of an acknowledgement, and the drives that were the first to have
//! the bytes die: what is acknowledged is on the slower ones as well.

use super::Scene;
use crate::simulate::nemesis;
use crate::simulate::operator;
use crate::simulate::oracle::Place;
use hamster_core::sim::Operation;
use std::time::Duration;

const SIZES: [usize; 6] = [8, 4_096, 100, 300_000, 20_000, 70_000];
const SLOWER: Duration = Duration::from_millis(300);

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for (number, length) in SIZES.into_iter().enumerate() {
        scene.slow_others(&[Operation::Write, Operation::Sync], SLOWER);
        places.push(scene.put(&format!("power-{number}"), length).await?);
        scene.stage.crash();
        scene.heal_disks();
        scene.start_again().await?;
    }
    nemesis::take_away(scene.stage, &scene.victims);
    scene.expect(&places).await?;
    scene.heal_disks();
    operator::until_ready(scene.stage).await?;
    Ok(places)
}
