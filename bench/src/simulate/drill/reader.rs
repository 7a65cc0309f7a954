//! A client reads a large object slowly, while another overwrites it and the dead bytes are freed:
//! the reader gets all of it.

use super::Scene;
use crate::simulate::oracle::Place;
use futures_util::future::join;
use hamster_core::sim::Link;
use std::time::Duration;

/// Far more than the network, the node and its cache hold of a body under way.
const LENGTH: usize = 4 << 20;
const SLOW: Link = Link {
    drops: 0,
    duplicates: 0,
    reorders: 0,
    delays: 1_000_000,
    delay: Duration::from_millis(600),
    resets: 0,
    clogged: false,
    cut: false,
};

pub(super) async fn play(scene: &Scene<'_>) -> Result<Vec<Place>, String> {
    let place = scene.put("reader", LENGTH).await?;
    let (node, clients) = (scene.stage.node(), scene.stage.clients());
    scene.stage.world().set_link(node, clients, SLOW);
    let overwriting = async {
        scene.stage.sleep(Duration::from_millis(200 + scene.entropy.below(1_000))).await;
        scene.put("reader", 100).await
    };
    let mut reader = scene.hands("slow reader");
    let (seen, overwritten) = join(reader.get(&place), overwriting).await;
    scene.stage.world().set_link(node, clients, Link::default());
    overwritten?;
    if !seen {
        return Err("the reader's answer was cut off".into());
    }
    scene.expect(std::slice::from_ref(&place)).await?;
    Ok(vec![place])
}
