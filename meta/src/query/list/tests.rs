//! A listing against the obvious one, page by page.

use super::*;
use crate::record::Sequence;
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Reach, Visitor};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;

const BUCKET: BucketId = BucketId::new(3);

fn database(keys: &BTreeSet<String>) -> Database {
    let database = Database::Twin(TwinWorld::default().open(Path::new("/s")).expect("memory"));
    let row = ListedRow {
        version: VersionId::Null,
        sequence: Sequence::new(1, 0),
        size: 1,
        etag: "e".into(),
        modified: WallTime::default(),
        checksum_algorithms: vec![],
    };
    let mut batch = Batch::default();
    for key in keys {
        batch.put(key::current(BUCKET, key), row.encode());
    }
    // Neighbours that no listing of the bucket may show.
    for bucket in [BucketId::new(2), BucketId::new(4)] {
        batch.put(key::current(bucket, "a"), row.encode());
    }
    database.write(&batch, false).expect("memory");
    database
}

fn name(entry: &ListEntry) -> (bool, String) {
    match entry {
        ListEntry::Object(listed) => (false, listed.key.clone()),
        ListEntry::CommonPrefix(shared) => (true, shared.clone()),
    }
}

/// The whole listing, from the words of the S3 API alone.
fn expected(keys: &BTreeSet<String>, query: &ListQuery) -> Vec<(bool, String)> {
    let mut names = BTreeSet::new();
    for key in keys.iter().filter(|key| key.starts_with(&query.prefix)) {
        let rest = &key[query.prefix.len()..];
        let delimiter = query.delimiter.as_deref();
        match delimiter.and_then(|delimiter| Some((rest.split_once(delimiter)?.0, delimiter))) {
            Some((part, delimiter)) => {
                names.insert((format!("{}{part}{delimiter}", query.prefix), true))
            }
            None => names.insert((key.clone(), false)),
        };
    }
    let behind = names.into_iter().filter(|(name, _)| *name > query.after);
    behind.map(|(name, shared)| (shared, name)).collect()
}

fn text() -> impl Strategy<Value = String> {
    let letters = prop_oneof![3 => Just('a'), 3 => Just('/'), 1 => Just('b'), 1 => Just('\0'), 1 => Just('é')];
    proptest::collection::vec(letters, 0..5).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn pages_together_are_the_listing(
        keys in proptest::collection::btree_set(text().prop_filter("a key has a byte", |key| !key.is_empty()), 0..40),
        (prefix, after) in (text(), text()),
        delimiter in proptest::option::of(prop_oneof![Just("/"), Just("a/"), Just("é")]),
        limit in 1_usize..5,
    ) {
        let database = database(&keys);
        let delimiter = delimiter.map(String::from);
        let mut query = ListQuery { prefix, after, delimiter, limit };
        let expected = expected(&keys, &query);
        let mut listed = vec![];
        loop {
            let page = page(&database.now(Reach::Drive), BUCKET, &query).expect("memory");
            prop_assert!(page.entries.len() <= limit);
            prop_assert_eq!(page.truncated, page.next.is_some());
            listed.extend(page.entries.iter().map(name));
            let Some(next) = page.next else { break };
            query.after = next;
        }
        prop_assert_eq!(listed, expected);
    }
}

/// Counts the rows that a scan visits.
struct Counting<V>(V, Cell<usize>);

impl<V: View> View for Counting<V> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.get(key)
    }

    fn scan(&self, range: &crate::key::KeyRange, visit: &mut Visitor<'_>) -> Result<(), ReadError> {
        self.0.scan(range, &mut |key, value| {
            self.1.set(self.1.get() + 1);
            visit(key, value)
        })
    }
}

#[test]
fn a_delimiter_passes_over_what_it_hides() {
    let keys = (0..1000).map(|n| format!("{}/{n:03}", n / 500)).collect();
    let database = database(&keys);
    let view = Counting(database.now(Reach::Drive), Cell::new(0));
    let delimiter = Some("/".into());
    let query = ListQuery { delimiter, limit: 10, ..ListQuery::default() };
    let page = page(&view, BUCKET, &query).expect("memory");
    assert_eq!(
        page.entries.iter().map(name).collect::<Vec<_>>(),
        [(true, "0/".into()), (true, "1/".into()),]
    );
    assert_eq!(view.1.get(), 2);
}

#[test]
fn an_empty_page_is_not_truncated() {
    let database = database(&BTreeSet::from(["a".into()]));
    let page = page(&database.now(Reach::Drive), BUCKET, &ListQuery::default());
    assert_eq!(page, Ok(ListPage::default()));
}
