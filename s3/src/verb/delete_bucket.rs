//! DeleteBucket.

use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::node::Node;
use hamster_meta::command::{Command, Outcome};
use hamster_net::http::Response;

/// The operation.
pub struct DeleteBucket;

/// Removes an empty bucket.
///
/// # Errors
/// `BucketNotEmpty`, and as S3's.
pub async fn empty(node: &Node, request: Admitted<DeleteBucket>) -> Result<Response, S3Error> {
    // Why before it is proposed: all commits would wait for a look through what was deleted.
    if !node.meta.is_empty(request.bucket().id).await? {
        return Err(Code::BucketNotEmpty.into());
    }
    let outcome = node.propose(Command::DeleteBucket { bucket: request.bucket().id }).await?;
    match outcome {
        Outcome::BucketDeleted => Ok(Response::new(204)),
        outcome => Err(outcome.into()),
    }
}
