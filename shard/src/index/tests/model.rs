//! A table finds what a sorted map does.

use super::*;
use hamster_core::limits::{BLOCK_BYTES, CACHE_ENTRY_OVERHEAD_BYTES};
use hamster_core::{ByteCount, sim};
use proptest::prelude::*;

/// A key near those of `model`, or one of them.
fn some_key(entropy: &Entropy, model: &Model) -> Key {
    let at = usize::try_from(entropy.below(model.len() as u64)).expect("small");
    let mut key = *model.keys().nth(at).expect("below the length");
    match entropy.below(4) {
        0 => key.shard_offset = key.shard_offset.wrapping_add(entropy.below(3)).wrapping_sub(1),
        1 => key.data = random_data(entropy),
        2 => key.shard_offset = 0,
        _ => {}
    }
    key
}

fn expected(model: &Model, first: Key, beyond: Key) -> Vec<Entry> {
    let range = if first < beyond { Some(model.range(first..beyond)) } else { None };
    range.into_iter().flatten().map(entry).collect()
}

async fn agrees(core: Core, seed: u64, ids: u64, cached_blocks: u64) {
    let entropy = Entropy::seeded(seed);
    let model = random_model(&entropy, ids);
    let (directory, pool) = (drive(&core).await, core.buffers());
    let table = table(&directory, pool, &model).await;
    assert_eq!(table.info().entries, model.len() as u64);
    let block = BLOCK_BYTES + CACHE_ENTRY_OVERHEAD_BYTES;
    let budget = ByteCount::new(block.get() * cached_blocks);
    let cache = BlockCache::new(budget);

    let all = collect(&mut table.cursor(pool, None)).await.expect("sound");
    assert!(all == model.iter().map(entry).collect::<Vec<_>>(), "a cursor tells all");
    for _ in 0..200 {
        let (first, beyond) = (some_key(&entropy, &model), some_key(&entropy, &model));
        // All of a data id in most cases: wide ranges cost time.
        let beyond =
            if entropy.below(4) == 0 { beyond } else { Key { shard_offset: 1 << 50, ..first } };
        let found = table.range(&cache, pool, first, beyond).await.expect("sound");
        assert_eq!(found, expected(&model, first, beyond), "{first:?} to {beyond:?}");
    }
    for _ in 0..8 {
        let from = some_key(&entropy, &model);
        let rest = collect(&mut table.cursor(pool, Some(from))).await.expect("sound");
        assert!(rest == model.range(from..).map(entry).collect::<Vec<_>>(), "from {from:?}");
    }
    for key in model.keys() {
        assert!(table.may_hold(&cache, pool, key.data).await.expect("sound"), "{key:?}");
    }
    assert!(cache.figures().held <= budget);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_table_agrees_with_a_sorted_map(
        seed in any::<u64>(),
        ids in prop_oneof![1..10_u64, 1..1500_u64],
        cached_blocks in prop_oneof![Just(0_u64), Just(1), Just(5), Just(1000)],
    ) {
        sim::run(seed, move |core| agrees(core, seed, ids, cached_blocks));
    }
}

#[test]
fn a_table_of_three_levels_agrees_with_a_sorted_map() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(1), 8000);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        assert_eq!(table.info().height, 3, "{:?}", table.info());
        agrees(core, 1, 8000, 20).await;
    });
}

#[test]
fn a_look_up_reads_one_block_of_the_filter_and_one_of_each_level_and_none_when_hot() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(2), 8000);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        let cache = BlockCache::new(ByteCount::mib(64));
        let mut cold_max = 0;
        for (key, placement) in &model {
            let beyond = Key { shard: ShardIndex::new(key.shard.get() + 1), ..*key };
            let cold = BlockCache::new(ByteCount::mib(1));
            for cache in [&cold, &cache] {
                assert!(table.may_hold(cache, pool, key.data).await.expect("sound"));
                let found = table.range(cache, pool, *key, beyond).await.expect("sound");
                assert_eq!(found, [entry((key, placement))]);
            }
            cold_max = cold_max.max(cold.figures().misses);
        }
        // A range that ends at the end of a leaf is known to end there only from the next one.
        assert_eq!(cold_max, 1 + 3 + 1);
        let before = cache.figures().misses;
        assert_eq!(before, table.info().blocks);
        for key in model.keys() {
            assert!(table.may_hold(&cache, pool, key.data).await.expect("sound"));
        }
        assert_eq!(cache.figures().misses, before);
    });
}

/// Of data ids that a table does not hold, the share that its filter lets pass.
async fn false_positives(core: Core, ids: Vec<DataId>, others: Vec<DataId>) -> f64 {
    let small = small();
    let model = ids.into_iter().map(|data| (Key { data, ..small.key }, small.placement.clone()));
    let model = model.collect::<Model>();
    let (directory, pool) = (drive(&core).await, core.buffers());
    let table = table(&directory, pool, &model).await;
    let cache = BlockCache::new(ByteCount::mib(64));
    for key in model.keys() {
        assert!(table.may_hold(&cache, pool, key.data).await.expect("sound"), "{key:?}");
    }
    let (mut passed, mut asked) = (0, 0);
    for data in others {
        if data > table.info().first.data && data < table.info().last.data {
            asked += 1;
            passed += u32::from(table.may_hold(&cache, pool, data).await.expect("sound"));
        }
    }
    assert!(asked > 10_000, "{asked}");
    f64::from(passed) / f64::from(asked)
}

#[test]
fn fewer_than_three_percent_of_what_is_not_there_pass_the_filter() {
    let random = |seed: u64| {
        let entropy = Entropy::seeded(seed);
        (0..100_000).map(|_| random_data(&entropy)).collect::<Vec<_>>()
    };
    let share = sim::run(1, move |core| false_positives(core, random(1), random(2)));
    println!("random data ids: {share:.4}");
    assert!(share < 0.03 && share > 0.0, "{share}");
    // Ids that differ in few bits.
    let counted = |odd: u128| {
        (0..100_000_u128).map(|at| DataId::from_bytes((2 * at + odd).to_be_bytes())).collect()
    };
    let share = sim::run(1, move |core| false_positives(core, counted(0), counted(1)));
    println!("neighbours: {share:.4}");
    assert!(share < 0.03 && share > 0.0, "{share}");
}

#[test]
fn a_data_id_outside_of_the_table_costs_no_read() {
    sim::run(1, |core| async move {
        let model = Model::from([(small().key, small().placement)]);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        let cache = BlockCache::new(ByteCount::mib(1));
        for data in [[0; 16], [0xff; 16]] {
            let (first, beyond) = (key(data, 0, 0), key(data, 1, 0));
            assert!(!table.may_hold(&cache, pool, first.data).await.expect("sound"));
            assert_eq!(table.range(&cache, pool, first, beyond).await.expect("sound"), []);
        }
        assert_eq!(cache.figures().misses, 0);
    });
}
