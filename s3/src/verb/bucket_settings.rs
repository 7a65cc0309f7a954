//! GetBucketLocation and GetBucketVersioning: what is fixed in this version, in S3's words.

use crate::answer;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::xml::Document;
use hamster_net::http::Response;

/// The operation.
pub struct GetBucketLocation;
/// The operation.
pub struct GetBucketVersioning;

/// Where the bucket is: nothing for us-east-1, as S3.
///
/// # Errors
/// None of its own.
pub fn location(node: &Node, request: Admitted<GetBucketLocation>) -> Result<Response, S3Error> {
    drop(request);
    let mut document = Document::new("LocationConstraint");
    if &*node.region != "us-east-1" {
        document.content(&node.region);
    }
    Ok(answer::document(document.finish()))
}

/// An empty configuration: versioning was never switched on.
///
/// # Errors
/// None of its own.
pub fn versioning(request: Admitted<GetBucketVersioning>) -> Result<Response, S3Error> {
    drop(request);
    Ok(answer::document(Document::new("VersioningConfiguration").finish()))
}
