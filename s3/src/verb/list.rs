//! ListObjects, version 1 and 2: one listing, two documents.

use super::asked::Asked;
use crate::answer::{self, quoted};
use crate::checksum::Algorithm;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::iso8601;
use crate::xml::Document;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hamster_meta::query::list::{ListEntry, ListPage, ListQuery, Listed};
use hamster_net::http::Response;
use std::borrow::Cow;

/// The operation.
pub struct ListObjects;
/// The operation.
pub struct ListObjectsV2;

/// The page to ask the metadata for.
fn list_query(asked: &Asked<'_>, after: &str) -> ListQuery {
    ListQuery {
        prefix: asked.prefix.to_owned(),
        after: after.to_owned(),
        delimiter: asked.delimiter.map(str::to_owned),
        limit: asked.limit,
    }
}

impl Asked<'_> {
    /// The elements that both documents begin with.
    fn write_head(&self, document: &mut Document, bucket: &str) {
        document.text("Name", bucket).text("Prefix", &self.shown(self.prefix));
        self.write_delimiter(document);
        document.number("MaxKeys", self.limit);
        self.write_encoding(document);
    }

    /// The entries: keys first, then common prefixes.
    fn write_entries(&self, document: &mut Document, page: &ListPage, owner: Option<(&str, &str)>) {
        for entry in &page.entries {
            if let ListEntry::Object(object) = entry {
                self.write_object(document, object, owner);
            }
        }
        let prefixes = page.entries.iter().filter_map(|entry| match entry {
            ListEntry::CommonPrefix(prefix) => Some(prefix.as_str()),
            ListEntry::Object(_) => None,
        });
        self.write_prefixes(document, prefixes);
    }

    fn write_object(&self, document: &mut Document, object: &Listed, owner: Option<(&str, &str)>) {
        document
            .open("Contents")
            .text("Key", &self.shown(&object.key))
            .text("LastModified", &iso8601(object.modified))
            .text("ETag", &quoted(&object.etag));
        for algorithm in object.checksum_algorithms.iter().filter_map(|it| Algorithm::parse(it)) {
            document.text("ChecksumAlgorithm", algorithm.name());
        }
        document.number("Size", object.size);
        if let Some((id, name)) = owner {
            document.person("Owner", id, name);
        }
        document.text("StorageClass", "STANDARD").close();
    }
}

/// A page of a bucket's objects, version 1.
///
/// # Errors
/// As S3's.
pub async fn version_1(node: &Node, request: Admitted<ListObjects>) -> Result<Response, S3Error> {
    let asked = Asked::of(request.query(), "max-keys")?;
    let marker = request.query().get("marker").unwrap_or_default();
    let bucket = request.bucket();
    let page = node.meta.list(bucket.id, list_query(&asked, marker)).await?;

    let credentials = node.keyring.current();
    let owner = (bucket.owner.as_str(), credentials.display_name(&bucket.owner));
    let mut document = Document::new("ListBucketResult");
    asked.write_head(&mut document, &bucket.name);
    document.text("Marker", &asked.shown(marker)).number("IsTruncated", page.truncated);
    // S3: only with a delimiter; else the last key leads on.
    let next = page.next.as_deref().filter(|_| asked.delimiter.is_some());
    document.optional("NextMarker", next.map(|it| asked.shown(it)).as_deref());
    asked.write_entries(&mut document, &page, Some(owner));
    Ok(answer::document(document.finish()))
}

/// A page of a bucket's objects, version 2.
///
/// # Errors
/// As S3's.
pub async fn version_2(node: &Node, request: Admitted<ListObjectsV2>) -> Result<Response, S3Error> {
    let query = request.query();
    let kind = query.get("list-type").unwrap_or_default();
    if kind != "2" {
        return Err(S3Error::argument("The list type is not supported.", "list-type", kind));
    }
    let asked = Asked::of(query, "max-keys")?;
    let start_after = query.get("start-after").filter(|it| !it.is_empty());
    let token = query.get("continuation-token");
    // An empty one is repeated in the answer, and leads nowhere.
    let after = match token.filter(|it| !it.is_empty()) {
        Some(token) => Cow::Owned(read_token(token)?),
        None => Cow::Borrowed(start_after.unwrap_or_default()),
    };
    let bucket = request.bucket();
    let page = node.meta.list(bucket.id, list_query(&asked, &after)).await?;

    let credentials = node.keyring.current();
    let owner = (bucket.owner.as_str(), credentials.display_name(&bucket.owner));
    let owner = (query.get("fetch-owner") == Some("true")).then_some(owner);
    let mut document = Document::new("ListBucketResult");
    asked.write_head(&mut document, &bucket.name);
    document.number("KeyCount", page.entries.len()).number("IsTruncated", page.truncated);
    document.optional("ContinuationToken", token);
    document.optional("NextContinuationToken", page.next.as_deref().map(write_token).as_deref());
    document.optional("StartAfter", start_after.map(|it| asked.shown(it)).as_deref());
    asked.write_entries(&mut document, &page, owner);
    Ok(answer::document(document.finish()))
}

/// A continuation token is where the next page begins, dressed so that nobody builds one.
fn write_token(after: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(after)
}

fn read_token(token: &str) -> Result<String, S3Error> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| !bytes.is_empty());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        S3Error::argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )
    })
}
