//! CreateMultipartUpload.

use super::named_algorithm;
use crate::answer::{self, checksum_type};
use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::xml::Document;
use hamster_meta::command::{Command, CreateUpload, Outcome};
use hamster_net::http::{Headers, Response};

/// The operation.
pub struct CreateMultipartUpload;

/// Begins an upload.
///
/// # Errors
/// As S3's.
pub async fn begin(
    node: &Node,
    request: Admitted<CreateMultipartUpload>,
) -> Result<Response, S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    let checksum = asked_checksum(request.headers())?;
    let outcome = node
        .propose(Command::CreateUpload(CreateUpload {
            bucket: request.bucket().id,
            key: request.key().to_owned(),
            owner: request.bucket().owner.clone(),
            initiated: node.core.clock().wall(),
            headers: headers::of_write(request.headers())?,
            checksum_algorithm: checksum
                .map_or("", |(algorithm, _)| algorithm.record_name())
                .to_owned(),
            checksum_composite: checksum.is_some_and(|(_, composite)| composite),
        }))
        .await?;
    let Outcome::UploadCreated(upload) = outcome else { return Err(outcome.into()) };

    let mut document = Document::new("InitiateMultipartUploadResult");
    document
        .text("Bucket", request.bucket_name())
        .text("Key", request.key())
        .number("UploadId", upload);
    let mut response = answer::document(document.finish());
    if let Some((algorithm, composite)) = checksum {
        response.headers.add("x-amz-checksum-algorithm", algorithm.name());
        response.headers.add("x-amz-checksum-type", checksum_type(composite));
    }
    Ok(response)
}

/// The algorithm asked for, and whether the object's checksum is to be one of its parts' checksums.
fn asked_checksum(headers: &Headers) -> Result<Option<(Algorithm, bool)>, S3Error> {
    let named = named_algorithm(headers.get("x-amz-checksum-algorithm"))?;
    // S3's own when none is named; this version computes none then.
    let algorithm = named.unwrap_or(Algorithm::Crc64Nvme);
    let composite = match headers.get("x-amz-checksum-type") {
        None => algorithm.composes(),
        Some("COMPOSITE") if algorithm.composes() => true,
        Some("FULL_OBJECT") if algorithm.combines() => false,
        Some(kind) => {
            let name = algorithm.name();
            let message = format!(
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            );
            return Err(S3Error::new(Code::InvalidRequest, message));
        }
    };
    Ok(named.map(|algorithm| (algorithm, composite)))
}
