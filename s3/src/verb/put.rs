//! PutObject.

use super::check_version_id;
use super::commit::{self, NewVersion};
use crate::answer::{add_checksums, quoted};
use crate::body::ChecksumOf;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::store;
use hamster_net::http::Response;

/// The operation.
pub struct PutObject;

/// Writes an object: plan, write, commit, answer. Only the commit makes it visible.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn object(node: &Node, mut request: Admitted<PutObject>) -> Result<Response, S3Error> {
    refuse_strays(&request)?;
    request.check_length_stated()?;
    let precondition = headers::precondition(request.headers())?;
    let kept = headers::of_write(request.headers())?;
    let body = request.open_body(&node.core, ChecksumOf::Body)?;

    let mut stored = store::body(node, body).await?;
    let digests = std::mem::take(&mut stored.digests);
    let etag = hex::encode(digests.md5.ok_or(Code::InternalError)?);
    let checksums: Vec<_> = digests.checksum.into_iter().collect();
    let said = request.headers();
    let version = NewVersion { said, kept, precondition, etag: &etag, checksums: &checksums };
    commit::version(node, &request, version, stored).await?;

    let mut response = Response::new(200).header("etag", &quoted(&etag));
    add_checksums(&mut response, &checksums);
    Ok(response)
}

/// Refuses what looks like another operation, or asks for what is not built.
fn refuse_strays(request: &Admitted<PutObject>) -> Result<(), S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    check_version_id(request.query().get("versionId"))?;
    match request.query().get("partNumber") {
        None => Ok(()),
        Some(number) => {
            Err(S3Error::argument("A part needs an uploadId as well.", "partNumber", number))
        }
    }
}
