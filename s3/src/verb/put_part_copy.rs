//! UploadPartCopy.

use super::copy::{Source, source};
use super::put_part::{commit, open_upload, part_number};
use crate::answer::{self, quoted};
use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::fetch::Fetch;
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::range::of_copy_source;
use crate::store::{self, Wanted};
use crate::time::iso8601;
use crate::xml::Document;
use hamster_core::limits::PUT_BYTES_MAX;
use hamster_net::http::Response;

/// The operation.
pub struct UploadPartCopy;

/// Copies a range of an object into a part: find the source, write, commit, answer.
///
/// # Errors
/// As S3's.
pub async fn part(node: &Node, request: Admitted<UploadPartCopy>) -> Result<Response, S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    let number = part_number(request.query())?;
    let upload = open_upload(node, &request).await?;
    let Source { held, .. } = source(node, &request).await?;
    let size = held.object().version.size;
    let range = match request.headers().get("x-amz-copy-source-range") {
        Some(header) => of_copy_source(header, size)?,
        None => 0..size,
    };
    if range.end - range.start > PUT_BYTES_MAX.get() {
        return Err(Code::EntityTooLarge.into());
    }
    let checksum = Algorithm::parse(&upload.checksum_algorithm);

    let fetch = Fetch::new(&node.shards, held, range);
    let stored = store::copy(node, fetch, Wanted { md5: true, checksum }).await?;
    let md5 = stored.digests.md5.ok_or(Code::InternalError)?;
    let checksum = stored.digests.checksum.clone();
    let etag = commit(node, &upload, number, hex::encode(md5), stored).await?;

    let mut document = Document::new("CopyPartResult");
    let now = node.core.clock().wall();
    document.text("LastModified", &iso8601(now)).text("ETag", &quoted(&etag));
    if let Some((checksum, algorithm)) =
        checksum.as_ref().and_then(|it| Some((it, Algorithm::parse(&it.algorithm)?)))
    {
        document.text(algorithm.element(), &checksum.value);
    }
    Ok(answer::document(document.finish()))
}
