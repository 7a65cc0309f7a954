//! ListMultipartUploads.

use super::asked::Asked;
use crate::answer;
use crate::checksum::Algorithm;
use crate::error::S3Error;
use crate::gate::Admitted;
use crate::node::Node;
use crate::time::iso8601;
use crate::xml::Document;
use hamster_meta::query::{UploadEntry, UploadQuery};
use hamster_meta::record::Upload;
use hamster_net::http::Response;

/// The operation.
pub struct ListMultipartUploads;

/// A page of a bucket's open uploads, by key, then in the order of their beginning.
///
/// # Errors
/// As S3's.
pub async fn page(
    node: &Node,
    request: Admitted<ListMultipartUploads>,
) -> Result<Response, S3Error> {
    let query = request.query();
    let asked = Asked::of(query, "max-uploads")?;
    let shown = |key| asked.shown(key);
    let key_marker = query.get("key-marker").unwrap_or_default();
    // S3: an upload's marker means nothing without its key's.
    let upload_marker =
        query.get("upload-id-marker").filter(|it| !it.is_empty() && !key_marker.is_empty());
    let after_upload = upload_marker.map(str::parse).transpose().map_err(|_| {
        S3Error::argument(
            "Invalid uploadId marker",
            "upload-id-marker",
            upload_marker.unwrap_or_default(),
        )
    })?;
    let bucket = request.bucket();
    let wanted = UploadQuery {
        prefix: asked.prefix.to_owned(),
        after_key: key_marker.to_owned(),
        after_upload,
        delimiter: asked.delimiter.map(str::to_owned),
        limit: asked.limit,
    };
    let page = node.meta.uploads(bucket.id, wanted).await?;

    let mut document = Document::new("ListMultipartUploadsResult");
    document
        .text("Bucket", &bucket.name)
        .text("KeyMarker", &shown(key_marker))
        .text("UploadIdMarker", upload_marker.unwrap_or_default());
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        let (key, upload) = match last {
            UploadEntry::Upload(upload) => (&upload.key, upload.id.to_string()),
            UploadEntry::CommonPrefix(prefix) => (prefix, String::new()),
        };
        document.text("NextKeyMarker", &shown(key)).text("NextUploadIdMarker", &upload);
    }
    asked.write_delimiter(&mut document);
    document.text("Prefix", &shown(asked.prefix));
    asked.write_encoding(&mut document);
    document.number("MaxUploads", asked.limit).number("IsTruncated", page.truncated);
    for entry in &page.entries {
        if let UploadEntry::Upload(upload) = entry {
            write_upload(node, &mut document, upload, &shown(&upload.key));
        }
    }
    let prefixes = page.entries.iter().filter_map(|entry| match entry {
        UploadEntry::CommonPrefix(prefix) => Some(prefix.as_str()),
        UploadEntry::Upload(_) => None,
    });
    asked.write_prefixes(&mut document, prefixes);
    Ok(answer::document(document.finish()))
}

fn write_upload(node: &Node, document: &mut Document, upload: &Upload, key: &str) {
    let credentials = node.keyring.current();
    let owner_name = credentials.display_name(&upload.owner);
    document
        .open("Upload")
        .text("Key", key)
        .number("UploadId", upload.id)
        .person("Initiator", &upload.owner, owner_name)
        .person("Owner", &upload.owner, owner_name)
        .text("StorageClass", "STANDARD")
        .text("Initiated", &iso8601(upload.initiated));
    if let Some(algorithm) = Algorithm::parse(&upload.checksum_algorithm) {
        document.text("ChecksumAlgorithm", algorithm.name());
    }
    document.close();
}
