//! PutBucketCors, GetBucketCors and DeleteBucketCors.

use super::setting;
use crate::answer;
use crate::cors::Configuration;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::node::Node;
use hamster_meta::record::SettingKind;
use hamster_net::http::Response;

/// The operation.
pub struct PutBucketCors;
/// The operation.
pub struct GetBucketCors;
/// The operation.
pub struct DeleteBucketCors;

/// Replaces the bucket's CORS rules.
///
/// # Errors
/// As S3's.
pub async fn put(node: &Node, mut request: Admitted<PutBucketCors>) -> Result<Response, S3Error> {
    let document = setting::document(node, &mut request).await?;
    let rules = Configuration::read(&document)?;
    setting::set(node, request.bucket(), SettingKind::Cors, Some(rules.document())).await?;
    Ok(Response::new(200))
}

/// The bucket's CORS rules.
///
/// # Errors
/// `NoSuchCORSConfiguration`, and as S3's.
pub async fn get(node: &Node, request: Admitted<GetBucketCors>) -> Result<Response, S3Error> {
    let rules = node.meta.setting(request.bucket().id, SettingKind::Cors).await?;
    Ok(answer::document(rules.ok_or(Code::NoSuchCORSConfiguration)?.into()))
}

/// Removes them, if there are any.
///
/// # Errors
/// As S3's.
pub async fn delete(node: &Node, request: Admitted<DeleteBucketCors>) -> Result<Response, S3Error> {
    setting::set(node, request.bucket(), SettingKind::Cors, None).await?;
    Ok(Response::new(204))
}
