//! ListBuckets.

use crate::answer;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_core::limits::{BUCKETS_MAX, LIST_PAGE_MAX};
use hamster_meta::record::Bucket;
use hamster_net::http::Response;

/// The operation.
pub struct ListBuckets;

/// The buckets of whoever asks; all of them for root.
///
/// # Errors
/// As S3's.
pub async fn of_user(node: &Node, request: Admitted<ListBuckets>) -> Result<Response, S3Error> {
    let query = request.query();
    let limit = query.number::<u32>("max-buckets")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(BUCKETS_MAX);
    let prefix = query.get("prefix").unwrap_or_default();
    let user = request.user();
    let shown = |bucket: &Bucket| {
        bucket.name.starts_with(prefix) && (user.is_root() || bucket.owner == user.id())
    };
    let mut found: Vec<Bucket> = Vec::new();
    let mut after = query.get("continuation-token").unwrap_or_default().to_owned();
    // One more than fits tells whether there are more.
    while found.len() <= limit {
        let page = node.meta.buckets(&after, LIST_PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.name);
        found.extend(page.into_iter().filter(shown));
    }
    let truncated = found.len() > limit;
    found.truncate(limit);

    let mut document = Document::new("ListAllMyBucketsResult");
    document.person("Owner", user.id(), user.name()).open("Buckets");
    for bucket in &found {
        document
            .open("Bucket")
            .text("Name", &bucket.name)
            .text("CreationDate", &iso8601(bucket.created))
            .text("BucketRegion", &node.region)
            .close();
    }
    document.close();
    let next = found.last().filter(|_| truncated).map(|bucket| bucket.name.as_str());
    document.optional("ContinuationToken", next);
    document.optional("Prefix", query.get("prefix"));
    Ok(answer::document(document.finish()))
}
