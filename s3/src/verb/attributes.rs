//! GetObjectAttributes.

use super::head::current_object;
use crate::answer::{self, write_checksums};
use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::http_date;
use crate::xml::Document;
use hamster_core::limits::{LIST_PAGE_MAX, PARTS_MAX};
use hamster_meta::record::{Content, UploadId};
use hamster_net::http::Response;

/// The operation.
pub struct GetObjectAttributes;

/// What may be asked for.
const ATTRIBUTES: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

/// What the client asks of an object, in one document.
///
/// # Errors
/// As S3's.
pub async fn of_object(
    node: &Node,
    request: Admitted<GetObjectAttributes>,
) -> Result<Response, S3Error> {
    let asked = asked(&request)?;
    let wants = |name: &str| asked.iter().any(|it| it == name);
    let version = current_object(node, &request).await?;

    let mut document = Document::new("GetObjectAttributesResponse");
    if wants("ETag") {
        document.text("ETag", &version.etag);
    }
    if wants("Checksum") && !version.checksums.is_empty() {
        document.open("Checksum");
        write_checksums(&mut document, &version.checksums);
        document.close();
    }
    if let Content::Upload(upload) = version.content
        && wants("ObjectParts")
    {
        write_parts(node, &request, upload, &mut document).await?;
    }
    if wants("StorageClass") {
        document.text("StorageClass", "STANDARD");
    }
    if wants("ObjectSize") {
        document.number("ObjectSize", version.size);
    }
    let modified = http_date(version.modified);
    Ok(answer::document(document.finish()).header("last-modified", &modified))
}

/// The attributes named in `x-amz-object-attributes`.
fn asked(request: &Admitted<GetObjectAttributes>) -> Result<Vec<String>, S3Error> {
    const HEADER: &str = "x-amz-object-attributes";
    let named = request.headers().get_all(HEADER).flat_map(|value| value.split(','));
    let named: Vec<_> = named.map(str::trim).filter(|it| !it.is_empty()).collect();
    match named.iter().find(|it| !ATTRIBUTES.contains(it)) {
        Some(unknown) => {
            Err(S3Error::argument("Invalid attribute name specified.", HEADER, unknown))
        }
        None if named.is_empty() => Err(S3Error::argument(
            "The x-amz-object-attributes header specifying the attributes to be retrieved is \
             either missing or empty",
            HEADER,
            "",
        )),
        None => Ok(named.into_iter().map(str::to_owned).collect()),
    }
}

/// How many parts the object has, and those of a page that have a checksum: S3 tells of no others.
async fn write_parts(
    node: &Node,
    request: &Admitted<GetObjectAttributes>,
    upload: UploadId,
    document: &mut Document,
) -> Result<(), S3Error> {
    let number = |name| {
        let value = request.headers().get(name);
        value.map(str::parse::<u32>).transpose().map_err(|_| {
            let message = "Provided argument is not a valid number.";
            S3Error::argument(message, name, value.unwrap_or_default())
        })
    };
    let after = number("x-amz-part-number-marker")?.unwrap_or_default();
    // A marker beyond every number has nothing behind it.
    let marker = u16::try_from(after).unwrap_or(u16::MAX);
    let limit = number("x-amz-max-parts")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(LIST_PAGE_MAX).min(LIST_PAGE_MAX);
    let count = node.meta.part_span(upload, PARTS_MAX).await?.count;
    let page = node.meta.parts(upload, marker, limit).await?;
    if count == 0 {
        // Overwritten since its version was read.
        return Err(Code::SlowDown.into());
    }
    document
        .open("ObjectParts")
        .number("PartsCount", count)
        .number("PartNumberMarker", after)
        .number("NextPartNumberMarker", page.parts.last().map_or(0, |part| part.number))
        .number("MaxParts", limit)
        .number("IsTruncated", page.truncated);
    for part in page.parts.iter().filter(|part| !part.checksums.is_empty()) {
        document.open("Part").number("PartNumber", part.number).number("Size", part.size);
        for checksum in &part.checksums {
            if let Some(algorithm) = Algorithm::parse(&checksum.algorithm) {
                document.text(algorithm.element(), &checksum.value);
            }
        }
        document.close();
    }
    document.close();
    Ok(())
}
