//! DeleteBucket.

use crate::error::S3Error;
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
    let outcome = node.propose(Command::DeleteBucket { bucket: request.bucket().id }).await?;
    match outcome {
        Outcome::BucketDeleted => Ok(Response::new(204)),
        outcome => Err(outcome.into()),
    }
}
