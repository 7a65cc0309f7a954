//! The error document. (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>)

use super::Document;
use crate::error::S3Error;
use bytes::Bytes;

/// The document for `error`, about `resource`, in answer to the request of this id.
pub fn document(error: &S3Error, resource: &str, request_id: &str, host_id: &str) -> Bytes {
    let mut document = Document::bare("Error");
    document.text("Code", error.code().name()).text("Message", error.message());
    for (name, value) in error.elements() {
        document.text(name, value);
    }
    document.text("Resource", resource).text("RequestId", request_id).text("HostId", host_id);
    document.finish()
}
