//! HeadObject, and the head that it shares with GetObject.

use super::check_version_id;
use super::put_part::part_number;
use crate::answer::{add_part_checksums, checksum_type, quoted};
use crate::condition::{self, Verdict};
use crate::error::{Code, S3Error};
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::range::Wanted;
use crate::time::http_date;
use hamster_meta::record::{Checksum, Content, Version, VersionKind};
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
    let shown = shown(node, &request, &version, verdict).await?;
    let mut response = describe(&request, &version, verdict, &shown);
    if verdict == Verdict::Holds {
        let length = shown.range.map_or(version.size, |range| range.end - range.start);
        response.body = ResponseBody::HeadOnly { length };
    }
    Ok(response)
}

/// What of an object is answered with.
#[derive(Default)]
pub struct Shown {
    /// The range of the body; `None` for all of it, or for nothing at all.
    pub range: Option<Range<u64>>,
    /// The part of that range was asked for: how many there are.
    parts: Option<usize>,
    /// The checksums of what is answered with, if they are wanted.
    checksums: Vec<Checksum>,
}

/// What of `version` the request asks for: all, a range or a part.
///
/// # Errors
/// `InvalidRange`, `InvalidPartNumber`, and the metadata does not answer.
pub async fn shown<O>(
    node: &Node,
    request: &Admitted<O>,
    version: &Version,
    verdict: Verdict,
) -> Result<Shown, S3Error> {
    if verdict == Verdict::NotModified {
        return Ok(Shown::default());
    }
    let header = request.headers().get("range");
    if request.query().has("partNumber") {
        let number = part_number(request.query())?;
        if header.is_some() {
            let message = "Cannot specify both Range header and partNumber query parameter";
            return Err(S3Error::new(Code::InvalidRequest, message));
        }
        let mut shown = shown_part(node, version, number).await?;
        if !wants_checksums(request) {
            shown.checksums.clear();
        }
        return Ok(shown);
    }
    let range = match condition::range_holds(request.headers(), version) {
        true => Wanted::of_header(header).within(version.size)?,
        false => None,
    };
    let checksums = match range.is_none() && wants_checksums(request) {
        true => version.checksums.clone(),
        false => Vec::new(),
    };
    Ok(Shown { range, parts: None, checksums })
}

/// One part of an object. One that was not made of parts is its own first part.
async fn shown_part(node: &Node, version: &Version, number: u16) -> Result<Shown, S3Error> {
    let none =
        || S3Error::from(Code::InvalidPartNumber).with("PartNumberRequested", &number.to_string());
    let Content::Upload(upload) = version.content else {
        let whole = (version.size > 0).then_some(0..version.size);
        let shown = Shown { range: whole, parts: None, checksums: version.checksums.clone() };
        return if number == 1 { Ok(shown) } else { Err(none()) };
    };
    let span = node.meta.part_span(upload, number).await?;
    if span.count == 0 {
        // Overwritten since its version was read: to be asked again.
        return Err(Code::SlowDown.into());
    }
    let part = span.part.ok_or_else(none)?;
    let range = (version.size > 0).then_some(span.offset..span.offset + part.size);
    Ok(Shown { range, parts: Some(span.count), checksums: part.checksums })
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
pub fn describe<O>(
    request: &Admitted<O>,
    version: &Version,
    verdict: Verdict,
    shown: &Shown,
) -> Response {
    let range = shown.range.as_ref();
    let status = match (verdict, range) {
        (Verdict::NotModified, _) => 304,
        (Verdict::Holds, Some(_)) => 206,
        (Verdict::Holds, None) => 200,
    };
    let mut response = Response::new(status)
        .header("last-modified", &http_date(version.modified))
        .header("etag", &quoted(&version.etag));
    if verdict == Verdict::NotModified {
        return response;
    }
    response.headers.add("accept-ranges", "bytes");
    // An object's last part may be empty: there is no range that says so.
    if let Some(Range { start, end }) = range.filter(|range| !range.is_empty()) {
        let size = version.size;
        response.headers.add("content-range", &format!("bytes {start}-{}/{size}", end - 1));
    }
    headers::add_to(&mut response, &version.headers, |name| override_for(request, name));
    if let Some(count) = shown.parts {
        response.headers.add("x-amz-mp-parts-count", &count.to_string());
    }
    add_part_checksums(&mut response, &shown.checksums);
    // Of a part as well the type is that of the object's own checksum.
    if let Some(checksum) = version.checksums.first().filter(|_| !shown.checksums.is_empty()) {
        response.headers.add("x-amz-checksum-type", checksum_type(checksum.composite));
    }
    response
}

fn wants_checksums<O>(request: &Admitted<O>) -> bool {
    let mode = request.headers().get("x-amz-checksum-mode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
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
