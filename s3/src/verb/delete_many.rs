//! DeleteObjects.

use super::{check_version_id, delete};
use crate::answer;
use crate::body::ChecksumOf;
use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::target::check_key_length;
use crate::xml::Document;
use crate::xml::read::{self, DeleteObject};
use futures_util::future::join_all;
use hamster_core::limits::{DELETE_OBJECTS_MAX, DELETIONS_AT_ONCE_MAX, XML_BODY_BYTES_MAX};
use hamster_meta::record::Bucket;
use hamster_net::http::Response;

/// The operation.
pub struct DeleteObjects;

/// Deletes up to a thousand objects, each for itself: the answer says what became of each.
///
/// # Errors
/// As S3's, if the request as a whole is refused: then nothing was deleted.
pub async fn objects(
    node: &Node,
    mut request: Admitted<DeleteObjects>,
) -> Result<Response, S3Error> {
    let protected =
        ["content-md5", "x-amz-trailer"].iter().any(|name| request.headers().get(name).is_some())
            || request.headers().iter().any(|(name, _)| Algorithm::of_header(name).is_some());
    if !protected {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    let body = request
        .open_body(&node.core, ChecksumOf::Body)?
        .gather(XML_BODY_BYTES_MAX.as_usize())
        .await?;
    let wanted: read::Delete = read::document(&body, "Delete")?;
    if wanted.objects.is_empty() || wanted.objects.len() > DELETE_OBJECTS_MAX {
        return Err(Code::MalformedXML.into());
    }
    // Proposed together, so that they share log entries and syncs; not all at once, so that many such
    // requests do not refuse one another's keys.
    let (bucket, mut outcomes) = (request.bucket(), Vec::with_capacity(wanted.objects.len()));
    for group in wanted.objects.chunks(DELETIONS_AT_ONCE_MAX) {
        outcomes.extend(join_all(group.iter().map(|object| one(node, bucket, object))).await);
    }

    let mut document = Document::new("DeleteResult");
    for (object, outcome) in wanted.objects.iter().zip(outcomes) {
        match outcome {
            Ok(()) if wanted.quiet => {}
            Ok(()) => {
                document.open("Deleted").text("Key", &object.key);
                document.optional("VersionId", object.version_id.as_deref()).close();
            }
            Err(error) => {
                document.open("Error").text("Key", &object.key);
                document.optional("VersionId", object.version_id.as_deref());
                document.text("Code", error.code().name()).text("Message", error.message()).close();
            }
        }
    }
    Ok(answer::document(document.finish()))
}

async fn one(node: &Node, bucket: &Bucket, object: &DeleteObject) -> Result<(), S3Error> {
    check_key_length(&object.key)?;
    if object.size.is_some() || object.last_modified_time.is_some() {
        let message = "Deleting by Size or LastModifiedTime is not in this version.";
        return Err(S3Error::new(Code::NotImplemented, message));
    }
    check_version_id(object.version_id.as_deref())?;
    let precondition = headers::of_deletion(object.etag.as_deref());
    delete::current(node, bucket, &object.key, precondition).await
}
