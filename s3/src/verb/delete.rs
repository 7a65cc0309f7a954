//! DeleteObject.

use super::check_version_id;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use hamster_meta::command::{Command, DeleteCurrent, Outcome, Precondition};
use hamster_meta::record::Bucket;
use hamster_net::http::Response;

/// The operation.
pub struct DeleteObject;

/// Deletes an object. One that is not there is deleted as well.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn object(node: &Node, request: Admitted<DeleteObject>) -> Result<Response, S3Error> {
    headers::refuse_unbuilt(request.headers())?;
    check_version_id(request.query().get("versionId"))?;
    let precondition = headers::precondition_of_deletion(request.headers())?;
    current(node, request.bucket(), request.key(), precondition).await?;
    Ok(Response::new(204))
}

/// Deletes the current version of `key`.
///
/// # Errors
/// As [`object`].
pub async fn current(
    node: &Node,
    bucket: &Bucket,
    key: &str,
    precondition: Precondition,
) -> Result<(), S3Error> {
    let outcome = node
        .propose(Command::DeleteCurrent(DeleteCurrent {
            bucket: bucket.id,
            key: key.to_owned(),
            modified: node.core.clock().wall(),
            owner: bucket.owner.clone(),
            precondition,
        }))
        .await?;
    match outcome {
        Outcome::Deleted { .. } => Ok(()),
        Outcome::PreconditionFailed => {
            Err(S3Error::from(Outcome::PreconditionFailed).with("Condition", "If-Match"))
        }
        outcome => Err(outcome.into()),
    }
}
