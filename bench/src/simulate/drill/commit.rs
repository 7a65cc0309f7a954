//! The log takes long, so that bodies wait for their commits, while a sweep looks for what nothing
//! refers to: it frees none of them.

use super::Scene;
use crate::simulate::operator;
use crate::simulate::oracle::Place;
use futures_util::future::join4;
use std::time::Duration;

const SLOWER: Duration = Duration::from_secs(5);

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let node = scene.stage.node();
    node.slow_worker("meta-log", SLOWER);
    let sweeping = async {
        scene.stage.sleep(Duration::from_millis(scene.entropy.below(1_500))).await;
        operator::scrub(scene.stage).await
    };
    let one = scene.put("commit-1", 300_000);
    let two = scene.put("commit-2", 1_100_000);
    let three = scene.put("commit-3", 4_096);
    let (one, two, three, swept) = join4(one, two, three, sweeping).await;
    node.slow_worker("meta-log", Duration::ZERO);
    swept?;
    let places = vec![one?, two?, three?];
    scene.expect(&places).await?;
    Ok(places)
}
