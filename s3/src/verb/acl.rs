//! GetBucketAcl and GetObjectAcl: the owner has full control, and nobody else has any.

use super::head::current_object;
use crate::answer;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::xml::Document;
use hamster_net::http::Response;

/// The operation.
pub struct GetBucketAcl;
/// The operation.
pub struct GetObjectAcl;

/// The ACL of a bucket.
///
/// # Errors
/// None of its own.
pub fn of_bucket(node: &Node, request: Admitted<GetBucketAcl>) -> Result<Response, S3Error> {
    Ok(full_control(node, &request.bucket().owner))
}

/// The ACL of an object.
///
/// # Errors
/// `NoSuchKey`, and the metadata does not answer.
pub async fn of_object(node: &Node, request: Admitted<GetObjectAcl>) -> Result<Response, S3Error> {
    let version = current_object(node, &request).await?;
    Ok(full_control(node, &version.owner))
}

fn full_control(node: &Node, owner: &str) -> Response {
    let credentials = node.keyring.current();
    let name = credentials.display_name(owner);
    let mut document = Document::new("AccessControlPolicy");
    document.person("Owner", owner, name);
    document.open("AccessControlList").open("Grant");
    document.open_typed("Grantee", "CanonicalUser");
    document.text("ID", owner).text("DisplayName", name).close();
    document.text("Permission", "FULL_CONTROL");
    answer::document(document.finish())
}
