//! GetObject.

use super::check_version_id;
use super::head::{describe, shown};
use crate::condition::{self, Verdict};
use crate::error::{Code, S3Error};
use crate::fetch::{Fetch, FetchBody, Held};
use crate::gate::Admitted;
use crate::node::Node;
use crate::range::Wanted;
use bytes::Bytes;
use hamster_meta::record::VersionKind;
use hamster_net::http::{Response, ResponseBody};
use std::ops::Range;

/// The operation.
pub struct GetObject;

/// Reads an object: find, check conditions, read the first bytes, answer with the rest streaming.
/// An error before the first byte is an error; one behind it cuts the connection.
///
/// # Errors
/// As S3's.
pub async fn object(node: &Node, request: Admitted<GetObject>) -> Result<Response, S3Error> {
    check_version_id(request.query().get("versionId"))?;
    let (bucket, key) = (request.bucket().id, request.key());
    let held = Held::find(node, bucket, key, wanted_extents(&request)).await?;
    let Some(held) = held.filter(|held| held.object().version.kind == VersionKind::Object) else {
        return Err(S3Error::from(Code::NoSuchKey).with("Key", key));
    };
    let object = held.object();
    let version = &object.version;
    let verdict = condition::check(request.headers(), &condition::READ, version)?;
    let shown = shown(node, &request, version, verdict).await?;
    let mut response = describe(&request, version, verdict, &shown);
    if verdict == Verdict::NotModified {
        return Ok(response);
    }
    let range = shown.range.unwrap_or(0..version.size);
    let mut fetch = Fetch::new(&node.shards, held, range);
    let length = fetch.length();
    let first = fetch.next().await?.unwrap_or_default();
    response.body = if first.len() as u64 == length {
        whole(first)
    } else {
        let source = Box::new(FetchBody::new(first, fetch, request.into_permit()));
        ResponseBody::Stream { length, source }
    };
    Ok(response)
}

/// What to look up: the range, or all where it may turn out not to count.
fn wanted_extents(request: &Admitted<GetObject>) -> Range<u64> {
    let headers = request.headers();
    match headers.get("if-range") {
        Some(_) => Wanted::All.bound(),
        None => Wanted::of_header(headers.get("range")).bound(),
    }
}

fn whole(bytes: Bytes) -> ResponseBody {
    if bytes.is_empty() { ResponseBody::Empty } else { ResponseBody::Full(bytes) }
}
