//! ListParts.

use super::page_size;
use super::put_part::open_upload;
use crate::answer::{self, checksum_type, quoted};
use crate::checksum::Algorithm;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_net::http::Response;

/// The operation.
pub struct ListParts;

/// A page of an open upload's parts, by number.
///
/// # Errors
/// As S3's.
pub async fn page(node: &Node, request: Admitted<ListParts>) -> Result<Response, S3Error> {
    let limit = page_size(request.query(), "max-parts")?;
    let after: u32 = request.query().number("part-number-marker")?.unwrap_or_default();
    let upload = open_upload(node, &request).await?;
    // A marker beyond every number has nothing behind it.
    let marker = u16::try_from(after).unwrap_or(u16::MAX);
    let page = node.meta.parts(upload.id, marker, limit).await?;

    let credentials = node.keyring.current();
    let owner_name = credentials.display_name(&upload.owner);
    let mut document = Document::new("ListPartsResult");
    document
        .text("Bucket", request.bucket_name())
        .text("Key", request.key())
        .number("UploadId", upload.id)
        .person("Initiator", &upload.owner, owner_name)
        .person("Owner", &upload.owner, owner_name)
        .text("StorageClass", "STANDARD")
        .number("PartNumberMarker", after)
        .number("NextPartNumberMarker", page.parts.last().map_or(0, |part| part.number))
        .number("MaxParts", limit)
        .number("IsTruncated", page.truncated);
    if let Some(algorithm) = Algorithm::parse(&upload.checksum_algorithm) {
        let kind = checksum_type(upload.checksum_composite);
        document.text("ChecksumAlgorithm", algorithm.name()).text("ChecksumType", kind);
    }
    for part in &page.parts {
        document
            .open("Part")
            .number("PartNumber", part.number)
            .text("LastModified", &iso8601(part.modified))
            .text("ETag", &quoted(&part.etag))
            .number("Size", part.size);
        for checksum in &part.checksums {
            if let Some(algorithm) = Algorithm::parse(&checksum.algorithm) {
                document.text(algorithm.element(), &checksum.value);
            }
        }
        document.close();
    }
    Ok(answer::document(document.finish()))
}
