//! CopyObject, and the source that it shares with UploadPartCopy.

use super::commit::{self, NewVersion};
use super::{check_version_id, named_algorithm};
use crate::answer::{self, quoted, write_checksums};
use crate::checksum::Algorithm;
use crate::condition::{self, Verdict};
use crate::error::{Code, S3Error};
use crate::fetch::{Fetch, Held};
use crate::gate::{Admitted, authorize};
use crate::headers;
use crate::node::Node;
use crate::store::{self, Wanted};
use crate::target;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_core::limits::PUT_BYTES_MAX;
use hamster_meta::record::{Checksum, Headers as ObjectHeaders, Version, VersionKind};
use hamster_net::http::{Headers, Response};

/// The operation.
pub struct CopyObject;

/// Copies an object's bytes to another key, or on to itself with other metadata: find the source,
/// write, commit, answer.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn object(node: &Node, request: Admitted<CopyObject>) -> Result<Response, S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    let precondition = headers::precondition(request.headers())?;
    let asked = named_algorithm(request.headers().get("x-amz-checksum-algorithm"))?;
    let replace = replaces(request.headers(), "x-amz-metadata-directive")?;
    let retag = replaces(request.headers(), "x-amz-tagging-directive")?;
    let Source { held, is_target } = source(node, &request).await?;
    let object = held.object();
    let version = &object.version;
    if is_target && !replace && !retag && request.headers().get("x-amz-storage-class").is_none() {
        let message = "This copy request is illegal because it is trying to copy an object to \
                       itself without changing the object's metadata, storage class, website \
                       redirect location or encryption attributes.";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    if version.size > PUT_BYTES_MAX.get() {
        let message = "The specified copy source is larger than the maximum allowable size for a \
                       copy source: 5368709120";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    let (given, former) = (headers::of_write(request.headers())?, &version.headers);
    let tags = if retag { given.tags.clone() } else { former.tags.clone() };
    let kept = ObjectHeaders { tags, ..if replace { given } else { former.clone() } };
    let (reused, wanted) = digests(version, asked);

    let fetch = Fetch::new(&node.shards, held, 0..version.size);
    let mut stored = store::copy(node, fetch, wanted).await?;
    let digests = std::mem::take(&mut stored.digests);
    let etag = digests.md5.map_or_else(|| version.etag.clone(), hex::encode);
    let checksums: Vec<_> = reused.into_iter().chain(digests.checksum).collect();
    let said = request.headers();
    let version = NewVersion { said, kept, precondition, etag: &etag, checksums: &checksums };
    let modified = commit::version(node, &request, version, stored).await?;

    let mut document = Document::new("CopyObjectResult");
    document.text("LastModified", &iso8601(modified)).text("ETag", &quoted(&etag));
    write_checksums(&mut document, &checksums);
    Ok(answer::document(document.finish()))
}

/// Which digests of the source go on as they are, and which must be computed: a source in parts has
/// none of its bytes.
fn digests(source: &Version, asked: Option<Algorithm>) -> (Option<Checksum>, Wanted) {
    let kept = source.checksums.first();
    let kept_algorithm = kept.and_then(|checksum| Algorithm::parse(&checksum.algorithm));
    let algorithm = asked.or(kept_algorithm);
    let reused = kept.filter(|it| !it.composite && kept_algorithm == algorithm).cloned();
    let checksum = if reused.is_some() { None } else { algorithm };
    (reused, Wanted { md5: source.etag.contains('-'), checksum })
}

/// The source of a copy.
pub struct Source {
    /// Its current version and all its extents.
    pub held: Held,
    /// It is what the copy would replace.
    pub is_target: bool,
}

/// Finds the source that a copy names; its conditions hold, and whoever copies may read it.
///
/// # Errors
/// As S3's.
pub async fn source<O>(node: &Node, request: &Admitted<O>) -> Result<Source, S3Error> {
    let header = request.headers().get("x-amz-copy-source").unwrap_or_default();
    let (bucket, key, version_id) = target::copy_source(header)?;
    check_version_id(version_id)?;
    let bucket = authorize::copy_source(request, &bucket, &node.meta).await?;
    let held = Held::find(node, bucket.id, &key, 0..u64::MAX).await?;
    let held = held
        .filter(|held| held.object().version.kind == VersionKind::Object)
        .ok_or_else(|| S3Error::from(Code::NoSuchKey).with("Key", &key))?;
    match condition::check(request.headers(), &condition::COPY_SOURCE, &held.object().version)? {
        Verdict::Holds => {}
        Verdict::NotModified => return Err(Code::PreconditionFailed.into()),
    }
    let is_target = bucket.id == request.bucket().id && key == request.key();
    Ok(Source { held, is_target })
}

/// Whether the copy gets metadata, or tags, of its own.
fn replaces(headers: &Headers, directive: &str) -> Result<bool, S3Error> {
    match headers.get(directive) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(S3Error::argument("Unknown directive.", directive, other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::version;

    fn checksum(algorithm: &str, composite: bool) -> Checksum {
        Checksum { algorithm: algorithm.to_owned(), value: "AAAAAA==".to_owned(), composite }
    }

    #[test]
    fn digests_of_whole_bodies_are_reused_and_those_of_parts_are_not() {
        let mut whole = version("abc", 5);
        whole.checksums = vec![checksum("crc32", false)];
        let reused = (Some(checksum("crc32", false)), Wanted { md5: false, checksum: None });
        assert_eq!(digests(&whole, None), reused);
        let other = Wanted { md5: false, checksum: Some(Algorithm::Sha1) };
        assert_eq!(digests(&whole, Some(Algorithm::Sha1)), (None, other));

        let mut in_parts = version("abc-2", 5);
        in_parts.checksums = vec![checksum("crc32", true)];
        let anew = Wanted { md5: true, checksum: Some(Algorithm::Crc32) };
        assert_eq!(digests(&in_parts, None), (None, anew));
    }
}
