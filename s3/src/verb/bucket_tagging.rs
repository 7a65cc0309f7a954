//! PutBucketTagging, GetBucketTagging and DeleteBucketTagging.

use super::setting;
use crate::answer;
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::node::Node;
use crate::tags;
use hamster_core::limits::BUCKET_TAGS_MAX;
use hamster_meta::record::SettingKind;
use hamster_net::http::Response;

/// The operation.
pub struct PutBucketTagging;
/// The operation.
pub struct GetBucketTagging;
/// The operation.
pub struct DeleteBucketTagging;

/// Replaces the bucket's tags.
///
/// # Errors
/// As S3's.
pub async fn put(
    node: &Node,
    mut request: Admitted<PutBucketTagging>,
) -> Result<Response, S3Error> {
    let document = setting::document(node, &mut request).await?;
    let tags = tags::of_document(&document, BUCKET_TAGS_MAX)?;
    let document = (!tags.is_empty()).then(|| tags::document(&tags));
    setting::set(node, request.bucket(), SettingKind::Tagging, document).await?;
    Ok(Response::new(204))
}

/// The bucket's tags.
///
/// # Errors
/// `NoSuchTagSet`, and as S3's.
pub async fn get(node: &Node, request: Admitted<GetBucketTagging>) -> Result<Response, S3Error> {
    let tags = node.meta.setting(request.bucket().id, SettingKind::Tagging).await?;
    Ok(answer::document(tags.ok_or(Code::NoSuchTagSet)?.into()))
}

/// Removes them, if there are any.
///
/// # Errors
/// As S3's.
pub async fn delete(
    node: &Node,
    request: Admitted<DeleteBucketTagging>,
) -> Result<Response, S3Error> {
    setting::set(node, request.bucket(), SettingKind::Tagging, None).await?;
    Ok(Response::new(204))
}
