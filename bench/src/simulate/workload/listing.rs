//! Listings: each page is a look at all keys that it covers.

use super::super::client::Call;
use super::super::content::ABSENT;
use super::super::linear::Effect;
use super::{Hands, KEYS};
use crate::client::element;
use crate::sign::encode;

/// Pages of one listing.
const PAGES_MAX: usize = 40;

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Objects,
    Versions,
}

/// What one page says.
struct Page {
    /// Keys and their ETags.
    objects: Vec<(String, String)>,
    prefixes: Vec<String>,
    /// Where the next one begins.
    next: Option<Vec<String>>,
}

/// How far pages have come: the last key, or common prefix and all that is behind it.
#[derive(Default)]
struct Seen(String, bool);

impl Seen {
    fn covers(&self, key: &str) -> bool {
        key <= self.0.as_str() || self.1 && key.starts_with(&self.0)
    }
}

impl Page {
    fn last(&self) -> Seen {
        let key = self.objects.iter().map(|(key, _)| key).max();
        match self.prefixes.iter().max() {
            Some(prefix) if key.is_none_or(|key| key < prefix) => Seen(prefix.clone(), true),
            _ => Seen(key.cloned().unwrap_or_default(), false),
        }
    }
}

impl Hands {
    pub(super) async fn some_list(&mut self, bucket: &'static str) {
        let prefix = ["", "", "a", "a/", "dir/", "ü", "q"][self.work.below(7)];
        let delimiter = [None, Some("/")][self.work.below(2)];
        let page = [1, 2, 3, 7, 1000][self.work.below(5)];
        let kind = if self.work.below(4) == 0 { Kind::Versions } else { Kind::Objects };
        self.list(bucket, kind, prefix, delimiter, page).await;
    }

    /// Lists a bucket. Whether to the end.
    pub(super) async fn list(
        &mut self,
        bucket: &'static str,
        kind: Kind,
        prefix: &str,
        delimiter: Option<&str>,
        page_size: usize,
    ) -> bool {
        let mut after = Seen::default();
        let mut next: Vec<String> = Vec::new();
        for _ in 0..PAGES_MAX {
            let kind_of = if kind == Kind::Objects { "list-type=2" } else { "versions=" };
            let mut query = vec![
                kind_of.to_owned(),
                format!("max-keys={page_size}"),
                format!("prefix={}", encode(prefix, false)),
            ];
            query.extend(delimiter.map(|it| format!("delimiter={}", encode(it, false))));
            query.append(&mut next);
            let call = page_call(bucket, query);
            let called = self.now();
            let Some(answer) = self.call(&call, &[200]).await else { return false };
            let page = read(kind, &answer.text());
            let last = page.last();
            let covered = |key: &str| {
                let is_behind = !after.covers(key);
                key.starts_with(prefix) && is_behind && (page.next.is_none() || last.covers(key))
            };
            self.judge(bucket, called, prefix, delimiter, &page, covered);
            let Some(behind) = page.next else { return true };
            if last.0 <= after.0 {
                self.work.oracle.violated(format!("list {bucket}: a page makes no headway"));
                return true;
            }
            after = last;
            next = behind;
        }
        self.work.oracle.violated(format!("list {bucket}: more than {PAGES_MAX} pages"));
        true
    }

    fn judge(
        &self,
        bucket: &'static str,
        called: u64,
        prefix: &str,
        delimiter: Option<&str>,
        page: &Page,
        covered: impl Fn(&str) -> bool,
    ) {
        let keys: Vec<&str> = page.objects.iter().map(|(key, _)| key.as_str()).collect();
        if !keys.is_sorted_by(|one, other| one < other) {
            self.work.oracle.violated(format!("list {bucket}: not in order: {keys:?}"));
        }
        if let Some(stray) = keys.iter().find(|key| !KEYS.contains(*key) || !covered(key)) {
            self.work.oracle.violated(format!("list {bucket} {prefix}: {stray} does not belong"));
        }
        for key in KEYS.into_iter().filter(|key| covered(key)) {
            let place = (bucket, key.to_owned());
            if let Some((_, etag)) = page.objects.iter().find(|(listed, _)| listed == key) {
                match self.work.oracle.values.with_etag(etag) {
                    Ok(value) => self.note(&place, called, true, Effect::Read(value), "list"),
                    Err(reason) => {
                        self.work.oracle.violated(format!("list {bucket}/{key}: {reason}"))
                    }
                }
                continue;
            }
            let rolled = delimiter.and_then(|delimiter| {
                let rest = key.strip_prefix(prefix)?;
                let end = rest.find(delimiter)? + delimiter.len();
                Some(&key[..prefix.len() + end])
            });
            // A key behind a common prefix is not seen by itself.
            if rolled.is_none_or(|rolled| !page.prefixes.iter().any(|it| it == rolled)) {
                self.note(&place, called, true, Effect::Read(ABSENT), "list");
            }
        }
    }
}

fn read(kind: Kind, xml: &str) -> Page {
    let text = |name| element(xml, name).map(|text| encode(&unescape(text), false));
    let (entry, next) = match kind {
        Kind::Objects => {
            let token = text("NextContinuationToken");
            ("<Contents>", token.map(|token| vec![format!("continuation-token={token}")]))
        }
        Kind::Versions => {
            let version = text("NextVersionIdMarker").map(|id| format!("version-id-marker={id}"));
            let key = text("NextKeyMarker").map(|key| format!("key-marker={key}"));
            ("<Version>", key.map(|key| [key].into_iter().chain(version).collect()))
        }
    };
    let objects = xml.split(entry).skip(1).map(|object| {
        let text = |name| unescape(element(object, name).unwrap_or_default());
        (text("Key"), text("ETag"))
    });
    let prefixes = xml.split("<CommonPrefixes>").skip(1);
    let prefixes = prefixes.filter_map(|it| element(it, "Prefix")).map(unescape);
    Page { objects: objects.collect(), prefixes: prefixes.collect(), next }
}

/// Asks for a page of a bucket.
pub(super) fn page_call(bucket: &str, mut query: Vec<String>) -> Call {
    query.sort_unstable();
    Call { method: "GET", path: format!("/{bucket}"), query: query.join("&"), ..Call::default() }
}

pub(super) fn unescape(text: &str) -> String {
    [("&quot;", "\""), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
