//! CompleteMultipartUpload. Rewrites nothing: the parts stay where they are.

use super::upload_id;
use crate::answer::{self, quoted, write_checksums};
use crate::body::ChecksumOf;
use crate::checksum::{self, Algorithm};
use crate::condition;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers::{self, unquoted};
use crate::node::Node;
use crate::xml::Document;
use crate::xml::read::{self, CompletedPart};
use hamster_core::limits::{LIST_PAGE_MAX, PARTS_MAX, XML_BODY_BYTES_MAX};
use hamster_meta::command::{Command, CompleteUpload, NamedPart, Outcome};
use hamster_meta::query::Object;
use hamster_meta::record::{Checksum, Content, Part, Upload, UploadId};
use hamster_net::http::Response;
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The operation.
pub struct CompleteMultipartUpload;

/// Makes an object of the parts named: read, check, commit, answer.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn complete(
    node: &Node,
    mut request: Admitted<CompleteMultipartUpload>,
) -> Result<Response, S3Error> {
    let upload_id = upload_id(request.query())?;
    let precondition = headers::precondition(request.headers())?;
    let mut body = request.open_body(&node.core, ChecksumOf::Object)?;
    let body = body.gather(XML_BODY_BYTES_MAX.as_usize()).await?;
    let named: read::CompleteMultipartUpload = read::document(&body, "CompleteMultipartUpload")?;
    if named.parts.is_empty() || named.parts.len() > usize::from(PARTS_MAX) {
        return Err(Code::MalformedXML.into());
    }
    if !named.parts.is_sorted_by(|one, next| one.number < next.number) {
        return Err(Code::InvalidPartOrder.into());
    }
    let checksums = match node.meta.upload(request.bucket().id, request.key(), upload_id).await? {
        Some(upload) => {
            let parts = named_parts(node, upload_id, &named.parts).await?;
            let checksums = object_checksum(&upload, &parts).into_iter().collect();
            check_kind(&request, upload.checksum_composite)?;
            check_stated(&request, parts.iter().map(|part| part.size).sum(), checksums)?
        }
        // It may have been completed by this very request's first try: apply knows.
        None => match completed(node, &request, upload_id).await? {
            Some(object) => {
                named_parts(node, upload_id, &named.parts).await?;
                check_stated(&request, object.version.size, object.version.checksums.clone())?
            }
            None => Vec::new(),
        },
    };

    let outcome = node
        .propose(Command::CompleteUpload(CompleteUpload {
            bucket: request.bucket().id,
            key: request.key().to_owned(),
            upload: upload_id,
            etag: composite_etag(&named.parts)?,
            parts: named.parts.iter().map(named_part).collect(),
            checksums: checksums.clone(),
            modified: node.core.clock().wall(),
            precondition,
        }))
        .await?;
    let Outcome::Committed { etag, .. } = outcome else {
        return Err(condition::refused(request.headers(), outcome));
    };

    let mut document = Document::new("CompleteMultipartUploadResult");
    document
        .text("Location", &request.url())
        .text("Bucket", request.bucket_name())
        .text("Key", request.key())
        .text("ETag", &quoted(&etag));
    write_checksums(&mut document, &checksums);
    Ok(answer::document(document.finish()))
}

fn named_part(part: &CompletedPart) -> NamedPart {
    NamedPart { number: part.number, etag: unquoted(&part.etag).to_ascii_lowercase() }
}

/// The object that the upload became, if it is still there.
async fn completed(
    node: &Node,
    request: &Admitted<CompleteMultipartUpload>,
    upload: UploadId,
) -> Result<Option<Rc<Object>>, S3Error> {
    let object = node.meta.object(request.bucket().id, request.key(), 0..0).await?;
    Ok(object.filter(|object| object.version.content == Content::Upload(upload)))
}

/// Compares what the client states about the object with what it is. Gives its checksums back.
///
/// # Errors
/// See [`check_size`] and [`check_promised`].
fn check_stated(
    request: &Admitted<CompleteMultipartUpload>,
    size: u64,
    checksums: Vec<Checksum>,
) -> Result<Vec<Checksum>, S3Error> {
    check_size(request, size)?;
    check_promised(request, checksums.first())?;
    Ok(checksums)
}

/// Compares the kind of checksum that the client states with the one the upload was begun with.
///
/// # Errors
/// `BadDigest`.
fn check_kind(request: &Admitted<CompleteMultipartUpload>, composite: bool) -> Result<(), S3Error> {
    match request.headers().get("x-amz-checksum-type") {
        Some(stated) if stated != answer::checksum_type(composite) => {
            let message =
                "The checksum type you specified is not the one the upload was begun with.";
            Err(S3Error::new(Code::BadDigest, message))
        }
        _ => Ok(()),
    }
}

/// Compares the object's checksum that the client states with the one that was computed.
///
/// # Errors
/// `BadDigest`; `InvalidRequest` for one of an algorithm that the upload was not begun with.
fn check_promised(
    request: &Admitted<CompleteMultipartUpload>,
    computed: Option<&Checksum>,
) -> Result<(), S3Error> {
    let Some((algorithm, stated)) = checksum::promised_of_parts(request.headers())? else {
        return Ok(());
    };
    match computed.filter(|computed| computed.algorithm == algorithm.record_name()) {
        Some(computed) if is_same(&computed.value, &stated) => Ok(()),
        Some(_) => Err(Code::BadDigest.into()),
        None => {
            let message = format!(
                "The upload was created without the {} checksum that the complete request states.",
                algorithm.name()
            );
            Err(S3Error::new(Code::InvalidRequest, message))
        }
    }
}

/// Whether `stated` is `computed`; of a composite value the number of parts may be left out.
fn is_same(computed: &str, stated: &str) -> bool {
    let bare = computed.split_once('-').map(|(value, _)| value);
    stated == computed || bare == Some(stated)
}

/// Compares the object's size that the client states with that of its parts.
fn check_size(request: &Admitted<CompleteMultipartUpload>, size: u64) -> Result<(), S3Error> {
    let Some(stated) = request.headers().get("x-amz-mp-object-size") else { return Ok(()) };
    if stated.parse() == Ok(size) {
        return Ok(());
    }
    let message = "The provided 'x-amz-mp-object-size' header does not match what was computed.";
    Err(S3Error::new(Code::InvalidRequest, message))
}

/// The MD5 of the parts' MD5s, and how many they are.
fn composite_etag(parts: &[CompletedPart]) -> Result<String, S3Error> {
    let mut md5 = Md5::new();
    for part in parts {
        let mut bytes = [0; 16];
        hex::decode_to_slice(unquoted(&part.etag), &mut bytes).map_err(|_| invalid(part))?;
        md5.update(bytes);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}

fn invalid(part: &CompletedPart) -> S3Error {
    S3Error::from(Code::InvalidPart)
        .with("PartNumber", &part.number.to_string())
        .with("ETag", unquoted(&part.etag))
}

/// The parts that are named, as they were committed; their stated checksums are theirs.
///
/// # Errors
/// `InvalidPart`.
async fn named_parts(
    node: &Node,
    upload: UploadId,
    named: &[CompletedPart],
) -> Result<Vec<Part>, S3Error> {
    let mut committed = parts_of(node, upload).await?;
    let mut parts = Vec::with_capacity(named.len());
    for part in named {
        let found = committed.remove(&part.number).ok_or_else(|| invalid(part))?;
        let differs = |algorithm: &Algorithm| {
            let kept = found.checksums.iter().find(|it| it.algorithm == algorithm.record_name());
            let kept = kept.map(|checksum| checksum.value.as_str());
            stated(part, *algorithm).is_some_and(|stated| kept != Some(stated))
        };
        if Algorithm::ALL.iter().any(differs) {
            return Err(invalid(part));
        }
        parts.push(found);
    }
    Ok(parts)
}

/// The object's checksum from its parts', if the upload was begun with an algorithm.
fn object_checksum(upload: &Upload, parts: &[Part]) -> Option<Checksum> {
    let algorithm = Algorithm::parse(&upload.checksum_algorithm)?;
    let values = parts.iter().map(|part| {
        let kept = part.checksums.iter().find(|it| it.algorithm == algorithm.record_name());
        kept.map(|checksum| checksum.value.as_str())
    });
    match upload.checksum_composite {
        true => checksum::composite(algorithm, values),
        false => checksum::combined(algorithm, values.zip(parts.iter().map(|part| part.size))),
    }
}

fn stated(part: &CompletedPart, algorithm: Algorithm) -> Option<&str> {
    match algorithm {
        Algorithm::Crc32 => part.crc32.as_deref(),
        Algorithm::Crc32c => part.crc32c.as_deref(),
        Algorithm::Crc64Nvme => part.crc64nvme.as_deref(),
        Algorithm::Sha1 => part.sha1.as_deref(),
        Algorithm::Sha256 => part.sha256.as_deref(),
    }
}

/// All parts of an upload, by number.
async fn parts_of(node: &Node, upload: UploadId) -> Result<BTreeMap<u16, Part>, S3Error> {
    let mut parts = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = node.meta.parts(upload, after, LIST_PAGE_MAX).await?;
        let Some(last) = page.parts.last() else { return Ok(parts) };
        after = last.number;
        parts.extend(page.parts.into_iter().map(|part| (part.number, part)));
        if !page.truncated {
            return Ok(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u16, etag: &str) -> CompletedPart {
        let etag = etag.to_owned();
        CompletedPart {
            number,
            etag,
            crc32: None,
            crc32c: None,
            crc64nvme: None,
            sha1: None,
            sha256: None,
        }
    }

    #[test]
    fn a_composite_value_may_lack_its_number_of_parts() {
        let stated = |stated| is_same("NhCmhg==-2", stated);
        assert_eq!(
            ["NhCmhg==-2", "NhCmhg==", "NhCmhg==-3", "AAAAAA==-2", "AAAAAA=="].map(stated),
            [true, true, false, false, false]
        );
        assert!(is_same("NhCmhg==", "NhCmhg==") && !is_same("NhCmhg==", "NhCmhg==-1"));
    }

    #[test]
    fn the_etag_covers_the_parts_etags() {
        let hello = "\"5d41402abc4b2a76b9719d911017c592\"";
        let etag = composite_etag(&[part(1, hello), part(2, hello)]);
        assert_eq!(etag, Ok("616b22817b80eed9f65c3aa38cd29054-2".to_owned()));
        assert!(composite_etag(&[part(1, "nonsense")]).is_err());
    }
}
