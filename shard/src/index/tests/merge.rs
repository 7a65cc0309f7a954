//! A merge in steps of any size gives what one in memory does.

use super::*;
use crate::index::merge::Merge;
use hamster_core::{Set, sim};
use proptest::prelude::*;

/// The union of tables, newest first, without the runs of segments that are gone.
fn merged(models: &[Model], segments: &Set<SegmentNumber>) -> Model {
    let mut all = Model::new();
    for model in models.iter().rev() {
        all.extend(model.iter().map(|(key, placement)| (*key, placement.clone())));
    }
    all.retain(|_, placement| segments.contains(&placement.segment));
    all
}

async fn agrees(core: Core, seed: u64, ids: Vec<u64>, step: u64) {
    let entropy = Entropy::seeded(seed);
    let (directory, pool) = (drive(&core).await, core.buffers());
    let mut models: Vec<Model> = ids.iter().map(|ids| random_model(&entropy, *ids)).collect();
    // Some keys are in several.
    for at in 1..models.len() {
        let some = models[at - 1].keys().step_by(3).copied().collect::<Vec<_>>();
        models[at].extend(some.into_iter().map(|key| (key, random_placement(&entropy))));
    }
    let mut tables = Vec::new();
    for (number, model) in (0..).zip(&models) {
        let info = write(&directory, pool, number, model).await;
        tables.push(Table::open(&directory, ORDINAL, DRIVE, info).await.expect("opened"));
    }
    let placements = models.iter().flat_map(Model::values);
    let segments = placements.map(|placement| placement.segment);
    let segments: Set<SegmentNumber> = segments.filter(|_| entropy.below(5) > 0).collect();
    let entries = tables.iter().map(|table| table.info().entries).sum();
    let bytes = models.iter().map(bytes_of).sum();
    let writer = TableWriter::create(&directory, pool, DRIVE, 100, entries, bytes).await;
    let writer = writer.expect("made");
    let mut merge = Merge::begin(&tables, writer, segments.clone(), pool).await.expect("sound");
    let mut steps = 1;
    while !merge.step(step, core.tasks()).await.expect("sound") {
        steps += 1;
    }
    let expected = merged(&models, &segments);
    let distinct: Set<Key> = models.iter().flat_map(Model::keys).copied().collect();
    assert_eq!(steps, distinct.len() as u64 / step + 1, "a step moves so many");
    let (infos, made) = merge.finish().await.expect("durable");
    assert_eq!(infos.len(), tables.len());
    let found = match made {
        Some(info) => {
            let table = Table::open(&directory, ORDINAL, DRIVE, info).await.expect("opened");
            collect(&mut table.cursor(pool, None)).await.expect("sound")
        }
        None => Vec::new(),
    };
    assert!(found == expected.iter().map(entry).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_merge_agrees_with_one_in_memory(
        seed in any::<u64>(),
        ids in prop::collection::vec(1..200_u64, 1..6),
        step in 1..300_u64,
    ) {
        let world = sim::World::new(seed);
        let core = world.node(1).core(0);
        world.run(agrees(core, seed, ids, step));
    }
}
