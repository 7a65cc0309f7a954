//! Answers: what they share in headers, and errors as documents. Called by the verbs and the
//! service.

use crate::checksum::Algorithm;
use crate::error::S3Error;
use crate::xml;
use bytes::Bytes;
use hamster_meta::record::Checksum;
use hamster_net::http::Response;

/// An XML document as an answer.
pub fn document(bytes: Bytes) -> Response {
    Response::new(200).header("content-type", "application/xml").body(bytes)
}

/// An error as an answer, about the path `resource`.
pub fn error(error: &S3Error, resource: &str, request_id: &str, host_id: &str) -> Response {
    let document = xml::error::document(error, resource, request_id, host_id);
    Response::new(error.code().status()).header("content-type", "application/xml").body(document)
}

/// Adds the ids that every answer carries.
pub fn identify(response: &mut Response, request_id: &str, host_id: &str) {
    response.headers.add("x-amz-request-id", request_id);
    response.headers.add("x-amz-id-2", host_id);
}

/// An ETag as it stands in headers and XML.
pub fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Adds the checksums of a part.
pub fn add_part_checksums(response: &mut Response, checksums: &[Checksum]) {
    for checksum in checksums {
        if let Some(algorithm) = Algorithm::parse(&checksum.algorithm) {
            response.headers.add(algorithm.header(), &checksum.value);
        }
    }
}

/// Adds the checksums of an object, and what they cover.
pub fn add_checksums(response: &mut Response, checksums: &[Checksum]) {
    add_part_checksums(response, checksums);
    if let Some(checksum) = checksums.first() {
        response.headers.add("x-amz-checksum-type", checksum_type(checksum.composite));
    }
}

/// What a checksum covers.
pub fn checksum_type(composite: bool) -> &'static str {
    if composite { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// Adds the checksums of an object to a document, and what they cover.
pub fn write_checksums(document: &mut xml::Document, checksums: &[Checksum]) {
    for checksum in checksums {
        let Some(algorithm) = Algorithm::parse(&checksum.algorithm) else { continue };
        document.text(algorithm.element(), &checksum.value);
        document.text("ChecksumType", checksum_type(checksum.composite));
    }
}
