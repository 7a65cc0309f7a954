//! What the cache of blocks keeps.

use super::*;
use hamster_core::{ByteCount, sim};

#[test]
fn a_scan_seldom_pushes_out_what_is_asked_for_again_and_the_budget_is_kept() {
    sim::run(1, |core| async move {
        let model = random_model(&Entropy::seeded(3), 3000);
        let (directory, pool) = (drive(&core).await, core.buffers());
        let table = table(&directory, pool, &model).await;
        assert!(table.info().blocks > 100, "{:?}", table.info());
        let budget = ByteCount::kib(64);
        let cache = BlockCache::new(budget);
        let hot = table.info().first;
        let (mut look_ups, mut missed) = (0, 0);
        for (scanned, key) in model.keys().enumerate() {
            for first in [*key, hot] {
                let before = cache.figures().misses;
                let beyond = Key { shard: ShardIndex::new(first.shard.get() + 1), ..first };
                table.range(&cache, pool, first, beyond).await.expect("sound");
                if first == hot && scanned > 0 {
                    look_ups += 1;
                    missed += cache.figures().misses - before;
                }
            }
        }
        // Not never: once all blocks were asked for again, a clock takes the first.
        assert!(missed * 50 < look_ups, "{missed} of {look_ups}");
        assert!(cache.figures().held <= budget);
        assert!(cache.figures().held > ByteCount::kib(48));
    });
}
