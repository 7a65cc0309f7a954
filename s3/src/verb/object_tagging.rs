//! PutObjectTagging, GetObjectTagging and DeleteObjectTagging.

use super::head::current_object;
use super::{check_version_id, setting};
use crate::answer;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::tags::{self, Tags};
use hamster_core::limits::OBJECT_TAGS_MAX;
use hamster_meta::command::{Command, Outcome, SetTags};
use hamster_net::http::Response;

/// The operation.
pub struct PutObjectTagging;
/// The operation.
pub struct GetObjectTagging;
/// The operation.
pub struct DeleteObjectTagging;

/// Replaces the object's tags.
///
/// # Errors
/// As S3's.
pub async fn put(
    node: &Node,
    mut request: Admitted<PutObjectTagging>,
) -> Result<Response, S3Error> {
    let document = setting::document(node, &mut request).await?;
    set(node, &request, tags::of_document(&document, OBJECT_TAGS_MAX)?).await?;
    Ok(Response::new(200))
}

/// The object's tags.
///
/// # Errors
/// As S3's.
pub async fn get(node: &Node, request: Admitted<GetObjectTagging>) -> Result<Response, S3Error> {
    let version = current_object(node, &request).await?;
    Ok(answer::document(tags::document(&version.headers.tags).finish()))
}

/// Removes them, if there are any.
///
/// # Errors
/// As S3's.
pub async fn delete(
    node: &Node,
    request: Admitted<DeleteObjectTagging>,
) -> Result<Response, S3Error> {
    set(node, &request, Tags::new()).await?;
    Ok(Response::new(204))
}

async fn set<O>(node: &Node, request: &Admitted<O>, tags: Tags) -> Result<(), S3Error> {
    check_version_id(request.query().get("versionId"))?;
    let (bucket, key) = (request.bucket().id, request.key().to_owned());
    let command = Command::SetTags(SetTags { bucket, key, version: None, tags });
    match node.propose(command).await? {
        Outcome::TagsSet { .. } => Ok(()),
        outcome => Err(S3Error::from(outcome).with("Key", request.key())),
    }
}
