//! AbortMultipartUpload.

use super::upload_id;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use hamster_meta::command::{Command, Outcome};
use hamster_net::http::Response;

/// The operation.
pub struct AbortMultipartUpload;

/// Gives an upload up, with all its parts.
///
/// # Errors
/// `NoSuchUpload`, and as S3's.
pub async fn abort(
    node: &Node,
    request: Admitted<AbortMultipartUpload>,
) -> Result<Response, S3Error> {
    let outcome = node
        .propose(Command::AbortUpload {
            bucket: request.bucket().id,
            key: request.key().to_owned(),
            upload: upload_id(request.query())?,
        })
        .await?;
    match outcome {
        Outcome::UploadAborted => Ok(Response::new(204)),
        outcome => Err(outcome.into()),
    }
}
