//! UploadPart.

use super::upload_id;
use crate::answer::{add_part_checksums, quoted};
use crate::body::ChecksumOf;
use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::query::Query;
use crate::store::{self, Stored};
use hamster_core::limits::PARTS_MAX;
use hamster_meta::command::{Command, Outcome, PutPart};
use hamster_meta::record::Upload;
use hamster_net::http::Response;

/// The operation.
pub struct UploadPart;

/// Writes a part: plan, write, commit, answer.
///
/// # Errors
/// As S3's.
pub async fn part(node: &Node, mut request: Admitted<UploadPart>) -> Result<Response, S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    request.check_length_stated()?;
    let number = part_number(request.query())?;
    let upload = open_upload(node, &request).await?;
    let mut body = request.open_body(&node.core, ChecksumOf::Body)?;
    if let Some(algorithm) = Algorithm::parse(&upload.checksum_algorithm) {
        body.want_checksum(algorithm)?;
    }

    let stored = store::body(node, body).await?;
    let md5 = stored.digests.md5.ok_or(Code::InternalError)?;
    let checksums: Vec<_> = stored.digests.checksum.iter().cloned().collect();
    let etag = commit(node, &upload, number, hex::encode(md5), stored).await?;

    let mut response = Response::new(200).header("etag", &quoted(&etag));
    add_part_checksums(&mut response, &checksums);
    Ok(response)
}

/// The part number that the query names.
///
/// # Errors
/// `InvalidArgument` beyond S3's bounds.
pub fn part_number(query: &Query) -> Result<u16, S3Error> {
    let text = query.get("partNumber").unwrap_or_default();
    let number = text.parse().ok().filter(|number| (1..=PARTS_MAX).contains(number));
    number.ok_or_else(|| {
        S3Error::argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            text,
        )
    })
}

/// The open upload that the request names.
///
/// # Errors
/// `NoSuchUpload`.
pub async fn open_upload<O>(node: &Node, request: &Admitted<O>) -> Result<Upload, S3Error> {
    let id = upload_id(request.query())?;
    let upload = node.meta.upload(request.bucket().id, request.key(), id).await?;
    upload.ok_or_else(|| S3Error::from(Code::NoSuchUpload).with("UploadId", &id.to_string()))
}

/// Commits a stored part. Gives its ETag back.
///
/// # Errors
/// `NoSuchUpload` if the upload has ended meanwhile.
pub async fn commit(
    node: &Node,
    upload: &Upload,
    number: u16,
    etag: String,
    stored: Stored,
) -> Result<String, S3Error> {
    let command = Command::PutPart(PutPart {
        bucket: upload.bucket,
        key: upload.key.clone(),
        upload: upload.id,
        number,
        size: stored.size,
        etag: etag.clone(),
        modified: node.core.clock().wall(),
        checksums: stored.digests.checksum.into_iter().collect(),
        data: stored.record,
    });
    let outcome = node.commit(command, stored.lease).await?;
    match outcome {
        Outcome::PartCommitted => Ok(etag),
        outcome => Err(outcome.into()),
    }
}
