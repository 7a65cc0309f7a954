//! ListObjectVersions.

use super::asked::Asked;
use crate::answer::{self, checksum_type, quoted};
use crate::checksum::Algorithm;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_meta::query::version::{VersionEntry, VersionQuery};
use hamster_meta::record::{Version, VersionId, VersionKind};
use hamster_net::http::Response;

/// The operation.
pub struct ListObjectVersions;

/// A page of a bucket's versions and delete markers, by key, newest first. What an unversioned bucket
/// holds are null versions.
///
/// # Errors
/// As S3's.
pub async fn page(node: &Node, request: Admitted<ListObjectVersions>) -> Result<Response, S3Error> {
    let query = request.query();
    let asked = Asked::of(query, "max-keys")?;
    let shown = |key| asked.shown(key);
    let key_marker = query.get("key-marker").unwrap_or_default();
    let version_marker = query.get("version-id-marker").filter(|marker| !marker.is_empty());
    let bucket = request.bucket();
    let wanted = VersionQuery {
        prefix: asked.prefix.to_owned(),
        after_key: key_marker.to_owned(),
        after_version: after_version(key_marker, version_marker)?,
        delimiter: asked.delimiter.map(str::to_owned),
        limit: asked.limit,
    };
    let page = node.meta.versions(bucket.id, wanted).await?;

    let mut document = Document::new("ListVersionsResult");
    document
        .text("Name", &bucket.name)
        .text("Prefix", &shown(asked.prefix))
        .text("KeyMarker", &shown(key_marker))
        .text("VersionIdMarker", version_marker.unwrap_or_default());
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        match last {
            VersionEntry::Version { key, version, .. } => document
                .text("NextKeyMarker", &shown(key))
                .number("NextVersionIdMarker", version.id),
            VersionEntry::CommonPrefix(prefix) => document.text("NextKeyMarker", &shown(prefix)),
        };
    }
    document.number("MaxKeys", asked.limit);
    asked.write_delimiter(&mut document);
    asked.write_encoding(&mut document);
    document.number("IsTruncated", page.truncated);
    for entry in &page.entries {
        if let VersionEntry::Version { key, version, latest } = entry {
            write_version(node, &mut document, version, &shown(key), *latest);
        }
    }
    let prefixes = page.entries.iter().filter_map(|entry| match entry {
        VersionEntry::CommonPrefix(prefix) => Some(prefix.as_str()),
        VersionEntry::Version { .. } => None,
    });
    asked.write_prefixes(&mut document, prefixes);
    Ok(answer::document(document.finish()))
}

/// The version to go on behind.
fn after_version(key: &str, marker: Option<&str>) -> Result<Option<VersionId>, S3Error> {
    let Some(marker) = marker else { return Ok(None) };
    let refused = |message| S3Error::argument(message, "version-id-marker", marker);
    if key.is_empty() {
        return Err(refused("A version-id marker cannot be specified without a key marker."));
    }
    marker.parse().map(Some).map_err(|_| refused("Invalid version id specified"))
}

fn write_version(node: &Node, document: &mut Document, version: &Version, key: &str, latest: bool) {
    let is_object = version.kind == VersionKind::Object;
    document
        .open(if is_object { "Version" } else { "DeleteMarker" })
        .text("Key", key)
        .number("VersionId", version.id)
        .number("IsLatest", latest)
        .text("LastModified", &iso8601(version.modified));
    if is_object {
        document.text("ETag", &quoted(&version.etag));
        for checksum in &version.checksums {
            if let Some(algorithm) = Algorithm::parse(&checksum.algorithm) {
                document.text("ChecksumAlgorithm", algorithm.name());
                document.text("ChecksumType", checksum_type(checksum.composite));
            }
        }
        document.number("Size", version.size).text("StorageClass", "STANDARD");
    }
    let credentials = node.keyring.current();
    document.person("Owner", &version.owner, credentials.display_name(&version.owner)).close();
}
