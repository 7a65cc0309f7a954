//! PostObject: an object from a browser's form.

use super::commit::{self, NewVersion};
use super::named_algorithm;
use crate::answer::{add_checksums, quoted};
use crate::checksum;
use crate::error::{Code, S3Error};
use crate::form::Form;
use crate::gate::Admitted;
use crate::headers;
use crate::node::Node;
use crate::percent;
use crate::store;
use crate::tags;
use crate::xml::Document;
use hamster_core::limits::OBJECT_TAGS_MAX;
use hamster_net::http::{Headers, Response};

/// The operation.
pub struct PostObject;

/// Writes the file of a form: plan, write, commit, answer. Only the commit makes it visible. What the
/// headers of a PutObject say, the fields say here; the request's own headers say nothing.
///
/// # Errors
/// As S3's; after `InternalError` the object may or may not be there.
pub async fn form(node: &Node, mut request: Admitted<PostObject>) -> Result<Response, S3Error> {
    let (headers, form, file) = request.open_form(&node.core)?;
    refuse_strays(&headers)?;
    let precondition = headers::precondition(&headers)?;
    let mut kept = headers::of_write(&headers)?;
    if let Some(document) = form.get("tagging") {
        kept.tags = tags::of_document(document.as_bytes(), OBJECT_TAGS_MAX)?;
    }

    let mut stored = store::form_file(node, file).await?;
    let digests = std::mem::take(&mut stored.digests);
    let etag = hex::encode(digests.md5.ok_or(Code::InternalError)?);
    let checksums: Vec<_> = digests.checksum.into_iter().collect();
    let said = &headers;
    let version = NewVersion { said, kept, precondition, etag: &etag, checksums: &checksums };
    commit::version(node, &request, version, stored).await?;

    let mut response = answer(&request, &form, &etag);
    add_checksums(&mut response, &checksums);
    Ok(response)
}

/// Refuses what asks for what is not built, and an algorithm without its checksum.
fn refuse_strays(headers: &Headers) -> Result<(), S3Error> {
    headers::refuse_unbuilt(headers)?;
    let named = named_algorithm(headers.get("x-amz-checksum-algorithm"))?;
    let promised = checksum::promised(headers)?.map(|(algorithm, _)| algorithm);
    match named {
        Some(algorithm) if promised != Some(algorithm) => {
            let message = format!("The field {} must be in the form too.", algorithm.header());
            Err(S3Error::new(Code::InvalidRequest, message))
        }
        _ => Ok(()),
    }
}

/// What the form asks to be answered: a way to go on to, a document, or nothing.
fn answer(request: &Admitted<PostObject>, form: &Form, etag: &str) -> Response {
    let etag = quoted(etag);
    let mut key = Vec::new();
    percent::encode(&mut key, request.key().as_bytes());
    let key = String::from_utf8_lossy(&key);
    let location = format!("{}/{key}", request.url().trim_end_matches('/'));
    let redirect = form.get("success_action_redirect").or_else(|| form.get("redirect"));
    if let Some(url) = redirect.filter(|url| is_url(url)) {
        let bucket = request.bucket_name();
        // As forms are encoded.
        let query = format!("bucket={bucket}&key={}&etag=%22", key.replace("%20", "+"));
        let query = query + etag.trim_matches('"') + "%22";
        return Response::new(303)
            .header("location", &with_query(url, &query))
            .header("etag", &etag);
    }
    let response = match form.get("success_action_status") {
        Some("200") => Response::new(200),
        Some("201") => {
            let mut document = Document::bare("PostResponse");
            document
                .text("Location", &location)
                .text("Bucket", request.bucket_name())
                .text("Key", request.key())
                .text("ETag", &etag);
            Response::new(201).header("content-type", "application/xml").body(document.finish())
        }
        _ => Response::new(204),
    };
    response.header("etag", &etag).header("location", &location)
}

/// Whether a browser can be sent there; S3 ignores what is no absolute URL.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = |rest: &str| rest.starts_with(|first: char| !"/?#:@".contains(first));
    rest.is_some_and(host) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// `url` with more of a query, before its fragment.
fn with_query(url: &str, more: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{more}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_urls_are_gone_on_to() {
        for url in ["http://a/b", "https://a.b:9/c?d=e#f", "http://a/x y"] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "",
            "/there",
            "//a/b",
            "ftp://a",
            "http://",
            "http:///a",
            "https://?a",
            "javascript:alert(1)",
            "http://a/\u{e9}",
            "http://a/\r\nx: y",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn what_the_url_already_asks_stays() {
        assert_eq!(with_query("http://a/b", "c=d"), "http://a/b?c=d");
        assert_eq!(with_query("http://a/b?e=f", "c=d"), "http://a/b?e=f&c=d");
        assert_eq!(with_query("http://a/b#g", "c=d"), "http://a/b?c=d#g");
    }
}
