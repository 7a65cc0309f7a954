//! Ranges are read of what has rotted on a victim: what is verified is what is served.

use super::Scene;
use crate::simulate::oracle::Place;

const SIZES: [usize; 4] = [300_000, 120_000, 700_000, 131_073];
/// Bits that flip.
const BITS: usize = 80;
const RANGES: usize = 12;

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for (number, length) in SIZES.into_iter().enumerate() {
        places.push(scene.put(&format!("ranges-{number}"), length).await?);
    }
    let Some(rotten) = scene.victims.first() else { return Ok(places) };
    for _ in 0..BITS {
        scene.stage.disk(*rotten).rot_in("segments");
    }
    let below = |bound: usize| usize::try_from(scene.entropy.below(bound as u64)).unwrap_or(0);
    let mut hands = scene.hands("ranges");
    for (place, length) in places.iter().zip(SIZES) {
        for _ in 0..RANGES {
            let from = below(length);
            if !hands.range_of(place, from, from + below(length)).await {
                return Err(format!("a range of {} cannot be read", place.1));
            }
        }
    }
    Ok(places)
}
