//! ListBuckets.

use crate::answer;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::query::Query;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_core::limits::{BUCKETS_MAX, BUCKETS_PER_PAGE_MAX, LIST_PAGE_MAX};
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
    let limit = page_size(query)?;
    // All buckets are in this node's region.
    let here = query.get("bucket-region").is_none_or(|region| *region == *node.region);
    let prefix = query.get("prefix").unwrap_or_default();
    let user = request.user();
    let shown = |bucket: &Bucket| {
        bucket.name.starts_with(prefix) && (user.is_root() || bucket.owner == user.id())
    };
    let mut found: Vec<Bucket> = Vec::new();
    let mut after = query.get("continuation-token").unwrap_or_default().to_owned();
    // One more than fits tells whether there are more.
    while here && found.len() <= limit {
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

/// How many buckets the page has: all, if the client does not say.
fn page_size(query: &Query) -> Result<usize, S3Error> {
    const NAME: &str = "max-buckets";
    match query.number::<usize>(NAME)? {
        None => Ok(BUCKETS_MAX),
        Some(size) if (1..=BUCKETS_PER_PAGE_MAX).contains(&size) => Ok(size),
        Some(size) => {
            let message = "Argument max-buckets must be an integer between 1 and 10000";
            Err(S3Error::argument(message, NAME, &size.to_string()))
        }
    }
}
