//! CreateBucket.

use crate::body::ChecksumOf;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::target::check_bucket_name;
use crate::xml::read::{self, CreateBucketConfiguration};
use hamster_core::limits::XML_BODY_BYTES_MAX;
use hamster_meta::command::{self, Command, Outcome};
use hamster_net::http::Response;

/// The operation.
pub struct CreateBucket;

/// Makes a bucket that belongs to whoever asks. Making one's own again is fine, as in us-east-1.
///
/// # Errors
/// As S3's.
pub async fn named(node: &Node, mut request: Admitted<CreateBucket>) -> Result<Response, S3Error> {
    check_bucket_name(request.bucket_name())?;
    headers::refuse_unbuilt(request.headers())?;
    let body = request
        .open_body(&node.core, ChecksumOf::Body)?
        .gather(XML_BODY_BYTES_MAX.as_usize())
        .await?;
    let configuration: CreateBucketConfiguration = match body.is_empty() {
        true => CreateBucketConfiguration::default(),
        false => read::document(&body, "CreateBucketConfiguration")?,
    };
    check_location(configuration.location.as_deref(), &node.region)?;

    let outcome = node
        .propose(Command::CreateBucket(command::CreateBucket {
            name: request.bucket_name().to_owned(),
            owner: request.user().id().to_owned(),
            owner_is_user: request.user().is_of_cluster(),
            created: node.core.clock().wall(),
        }))
        .await?;
    match outcome {
        Outcome::BucketCreated(_) => {}
        Outcome::BucketExists { owner, .. } if owner == request.user().id() => {}
        outcome => return Err(outcome.into()),
    }
    Ok(Response::new(200).header("location", &format!("/{}", request.bucket_name())))
}

fn check_location(location: Option<&str>, region: &str) -> Result<(), S3Error> {
    match location {
        None | Some("") => Ok(()),
        Some(location) if location == region => Ok(()),
        Some(location) => {
            let message = format!(
                "The {location} location constraint is incompatible for the region specific \
                 endpoint this request was sent to."
            );
            Err(S3Error::new(Code::IllegalLocationConstraintException, message))
        }
    }
}
