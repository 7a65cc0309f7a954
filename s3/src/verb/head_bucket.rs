//! HeadBucket.

use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use hamster_net::http::Response;

/// The operation.
pub struct HeadBucket;

/// Says that the bucket is there and may be used: the gate has looked.
///
/// # Errors
/// None of its own.
pub fn exists(node: &Node, request: Admitted<HeadBucket>) -> Result<Response, S3Error> {
    drop(request);
    Ok(Response::new(200)
        .header("x-amz-bucket-region", &node.region)
        .header("x-amz-access-point-alias", "false"))
}
