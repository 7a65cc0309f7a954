//! One victim rots while another is replaced: what is rebuilt is made of good bytes only.

use super::Scene;
use crate::simulate::operator;
use crate::simulate::oracle::Place;
use std::time::Duration;

const SIZES: [usize; 3] = [300_000, 700_000, 1_100_000];
/// Bits that flip.
const BITS: usize = 80;
/// What was on the replaced drive is rebuilt after this.
const REBUILT_MAX: Duration = Duration::from_secs(300);

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for (number, length) in SIZES.into_iter().enumerate() {
        places.push(scene.put(&format!("repair-{number}"), length).await?);
    }
    let [rotten, lost] = *scene.victims else { return Ok(places) };
    for _ in 0..BITS {
        scene.stage.disk(rotten).rot_in("segments");
    }
    scene.stage.wipe(lost);
    let rebuilding = async {
        while !matches!(operator::replace(scene.stage, lost).await, Some((200, _))) {
            scene.stage.sleep(super::PAUSE).await;
        }
        loop {
            scene.stage.sleep(super::PAUSE).await;
            let status = operator::status(scene.stage).await;
            let is_left = |status: &hamster_node::Status| {
                status.drives.iter().any(|drive| drive.state == "replaced")
            };
            if status.is_some_and(|status| !is_left(&status)) {
                return;
            }
        }
    };
    let rebuilt = scene.stage.world().clock().timeout(REBUILT_MAX, rebuilding).await;
    rebuilt.map_err(|_| format!("drive {lost} is not rebuilt in {REBUILT_MAX:?}"))?;
    scene.expect(&places).await?;
    Ok(places)
}
