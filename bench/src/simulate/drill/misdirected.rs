//! Every other write of the victims lands in another place of its file, among others of the same
//! length; then the other drives are slow, so that the victims are asked first.

use super::Scene;
use crate::simulate::oracle::Place;
use futures_util::future::join_all;
use hamster_core::sim::Operation;
use std::time::Duration;

const ROUNDS: usize = 4;
const CLIENTS: usize = 8;
const LENGTH: usize = 4_096;
const PER_MILLION: u32 = 500_000;
const SLOWER: Duration = Duration::from_millis(400);

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for round in 0..ROUNDS {
        let often = if round == 0 { 0 } else { PER_MILLION };
        scene.victims.iter().for_each(|victim| scene.stage.disk(*victim).set_misdirected(often));
        let keys = (0..CLIENTS).map(|client| format!("misdirected-{round}-{client}"));
        let puts = keys.map(|key| async move { scene.put(&key, LENGTH).await });
        for put in join_all(puts).await {
            places.push(put?);
        }
    }
    scene.heal_disks();
    scene.slow_others(&[Operation::Read], SLOWER);
    scene.expect(&places).await?;
    Ok(places)
}
