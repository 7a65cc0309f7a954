//! HeadObject, and the head that it shares with GetObject.

use super::check_version_id;
use crate::answer::{add_checksums, quoted};
use crate::condition::{self, Verdict};
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::range::Wanted;
use crate::time::http_date;
use hamster_meta::record::{Version, VersionKind};
use hamster_net::http::{Response, ResponseBody};
use std::ops::Range;

/// The operation.
pub struct HeadObject;

/// Answers as a GET would, without the bytes.
///
/// # Errors
/// As S3's.
pub async fn object(node: &Node, request: Admitted<HeadObject>) -> Result<Response, S3Error> {
    let version = current_object(node, &request).await?;
    let verdict = condition::check(request.headers(), &condition::READ, &version)?;
    let range = range_of(&request, &version, verdict)?;
    let mut response = describe(&request, &version, verdict, range.as_ref())?;
    if verdict == Verdict::Holds {
        let length = range.map_or(version.size, |range| range.end - range.start);
        response.body = ResponseBody::HeadOnly { length };
    }
    Ok(response)
}

/// The part of the body to answer with; `None` for all of it, or for nothing at all.
///
/// # Errors
/// `InvalidRange`.
pub fn range_of<O>(
    request: &Admitted<O>,
    version: &Version,
    verdict: Verdict,
) -> Result<Option<Range<u64>>, S3Error> {
    if verdict == Verdict::NotModified || !condition::range_holds(request.headers(), version) {
        return Ok(None);
    }
    Wanted::of_header(request.headers().get("range")).within(version.size)
}

/// The object that the request names, without its bytes.
///
/// # Errors
/// `NoSuchKey`, `NoSuchVersion`, and the metadata does not answer.
pub async fn current_object<O>(node: &Node, request: &Admitted<O>) -> Result<Version, S3Error> {
    check_version_id(request.query().get("versionId"))?;
    let version = node.meta.current(request.bucket().id, request.key()).await?;
    version
        .filter(|version| version.kind == VersionKind::Object)
        .ok_or_else(|| S3Error::from(Code::NoSuchKey).with("Key", request.key()))
}

/// The head of an answer about `version`: 200, 206 for a range, or 304.
///
/// # Errors
/// `NotImplemented` for `?partNumber`.
pub fn describe<O>(
    request: &Admitted<O>,
    version: &Version,
    verdict: Verdict,
    range: Option<&Range<u64>>,
) -> Result<Response, S3Error> {
    if request.query().has("partNumber") {
        return Err(S3Error::new(
            Code::NotImplemented,
            "Reading by partNumber is not in this version.",
        ));
    }
    let status = match (verdict, range) {
        (Verdict::NotModified, _) => 304,
        (Verdict::Holds, Some(_)) => 206,
        (Verdict::Holds, None) => 200,
    };
    let mut response = Response::new(status)
        .header("last-modified", &http_date(version.modified))
        .header("etag", &quoted(&version.etag));
    if verdict == Verdict::NotModified {
        return Ok(response);
    }
    response.headers.add("accept-ranges", "bytes");
    if let Some(Range { start, end }) = range {
        let size = version.size;
        response.headers.add("content-range", &format!("bytes {start}-{}/{size}", end - 1));
    }
    headers::add_to(&mut response, &version.headers, |name| override_for(request, name));
    let whole = range.is_none();
    if whole
        && request
            .headers()
            .get("x-amz-checksum-mode")
            .is_some_and(|it| it.eq_ignore_ascii_case("enabled"))
    {
        add_checksums(&mut response, &version.checksums);
    }
    Ok(response)
}

/// What `response-content-type` and its like say instead of the object's own header.
fn override_for<'a, O>(request: &'a Admitted<O>, header: &str) -> Option<&'a str> {
    let name = match header {
        "content-type" => "response-content-type",
        "cache-control" => "response-cache-control",
        "content-disposition" => "response-content-disposition",
        "content-encoding" => "response-content-encoding",
        "content-language" => "response-content-language",
        "expires" => "response-expires",
        _ => return None,
    };
    request.query().get(name)
}
