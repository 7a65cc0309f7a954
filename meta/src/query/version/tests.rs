//! Facts about listing versions, against a plain model, in memory.

use super::*;
use crate::record::{Content, Headers, VersionKind};
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Reach, Write};
use hamster_core::WallTime;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const BUCKET: BucketId = BucketId::new(1);

/// Commit sequences by key; the lowest of each key is its null version.
type Model = BTreeMap<String, BTreeSet<u64>>;

fn version(sequence: u64, null: bool) -> Version {
    let sequence = Sequence::new(sequence, 0);
    Version {
        id: VersionId::of(sequence, null),
        sequence,
        kind: VersionKind::Object,
        size: 0,
        etag: String::new(),
        modified: WallTime::default(),
        content: Content::Nothing,
        headers: Headers::default(),
        checksums: vec![],
        owner: String::new(),
    }
}

fn database(model: &Model) -> Database {
    let opened = TwinWorld::default().open(Path::new("/state"));
    let state = Database::Twin(opened.expect("memory"));
    let mut batch = Batch::default();
    for (key, sequences) in model {
        let (Some(null), Some(current)) = (sequences.first(), sequences.last()) else { continue };
        for sequence in sequences {
            let row = key::version(BUCKET, key, Sequence::new(*sequence, 0));
            batch.put(row, version(*sequence, sequence == null).encode());
        }
        let (current, null) = (Sequence::new(*current, 0), Some(Sequence::new(*null, 0)));
        batch.put(key::head(BUCKET, key), Head { current, null }.encode());
    }
    state.write(&batch, true).expect("memory");
    state
}

/// What a walk through all pages should show: key, id and whether it is the latest; or a prefix.
fn expected(model: &Model, prefix: &str, delimiter: Option<&str>) -> Vec<(String, String, bool)> {
    let mut shown = Vec::new();
    for (key, sequences) in model.iter().filter(|(key, _)| key.starts_with(prefix)) {
        if let Some(shared) = common_prefix(key, prefix, delimiter) {
            let entry = (shared.to_owned(), String::new(), false);
            if shown.last() != Some(&entry) {
                shown.push(entry);
            }
            continue;
        }
        for sequence in sequences.iter().rev() {
            let null = sequences.first() == Some(sequence);
            let id = VersionId::of(Sequence::new(*sequence, 0), null);
            shown.push((key.clone(), id.to_string(), sequences.last() == Some(sequence)));
        }
    }
    shown
}

fn walked(state: &Database, query: &VersionQuery) -> Vec<(String, String, bool)> {
    let (mut shown, mut query) = (Vec::new(), query.clone());
    loop {
        let page = page(&state.now(Reach::Drive), BUCKET, &query).expect("memory");
        assert!(page.entries.len() <= query.limit);
        for entry in &page.entries {
            (query.after_key, query.after_version) = match entry {
                VersionEntry::Version { key, version, latest } => {
                    shown.push((key.clone(), version.id.to_string(), *latest));
                    (key.clone(), Some(version.id))
                }
                VersionEntry::CommonPrefix(prefix) => {
                    shown.push((prefix.clone(), String::new(), false));
                    (prefix.clone(), None)
                }
            };
        }
        if !page.truncated {
            return shown;
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('\0'), Just('a'), Just('b'), Just('/')], 1..4)
        .prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn pages_of_any_size_show_every_version_once(
        model in proptest::collection::btree_map(
            key(),
            proptest::collection::btree_set(1..50_u64, 1..4),
            0..8,
        ),
        prefix in prop_oneof![Just(String::new()), key()],
        delimiter in prop_oneof![Just(None), Just(Some("/".to_owned()))],
        limit in 1..5_usize,
    ) {
        let state = database(&model);
        let all = expected(&model, &prefix, delimiter.as_deref());
        let query = VersionQuery { prefix, delimiter, limit, ..VersionQuery::default() };
        prop_assert_eq!(walked(&state, &query), all);
    }
}

#[test]
fn what_was_shown_may_go_between_two_pages() {
    let model: Model = BTreeMap::from([("k".into(), BTreeSet::from([1, 2, 3]))]);
    let state = database(&model);
    let after = |id| VersionQuery {
        after_key: "k".into(),
        after_version: Some(id),
        limit: 10,
        ..VersionQuery::default()
    };
    let ids = |query: &VersionQuery| -> Vec<String> {
        walked(&state, query).into_iter().map(|(_, id, _)| id).collect()
    };
    let named = |sequence| VersionId::Of(Sequence::new(sequence, 0));
    assert_eq!(ids(&after(named(3))), [named(2).to_string(), "null".into()]);
    assert_eq!(ids(&after(VersionId::Null)), [""; 0]);
    // The null version goes: where it was is not known any more.
    let mut batch = Batch::default();
    batch.put(key::head(BUCKET, "k"), Head { current: Sequence::new(3, 0), null: None }.encode());
    batch.0.push(Write::Delete(key::version(BUCKET, "k", Sequence::new(1, 0))));
    state.write(&batch, true).expect("memory");
    assert_eq!(ids(&after(VersionId::Null)), [named(3), named(2)].map(|id| id.to_string()));
}
