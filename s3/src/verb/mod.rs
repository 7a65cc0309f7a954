//! What S3 does, one verb per file. Each takes an [`Admitted`](crate::gate::Admitted) request of
//! its own operation, so that no check can be forgotten, and tells its story top to bottom.

pub mod abort_upload;
pub mod acl;
mod asked;
pub mod attributes;
pub mod bucket_cors;
pub mod bucket_settings;
pub mod bucket_tagging;
mod commit;
pub mod complete_upload;
pub mod copy;
pub mod create_bucket;
pub mod create_upload;
pub mod delete;
pub mod delete_bucket;
pub mod delete_many;
pub mod get;
pub mod head;
pub mod head_bucket;
pub mod list;
pub mod list_buckets;
pub mod list_parts;
pub mod list_uploads;
pub mod list_versions;
pub mod object_tagging;
pub mod post;
pub mod put;
pub mod put_part;
pub mod put_part_copy;
mod setting;

use crate::checksum::Algorithm;
use crate::error::{Code, S3Error};
use crate::query::Query;
use hamster_core::limits::LIST_PAGE_MAX;
use hamster_meta::record::UploadId;

/// How many entries a page of a listing has: what `name` asks for, within the limit.
fn page_size(query: &Query, name: &'static str) -> Result<usize, S3Error> {
    let wanted: Option<u32> = query.number(name)?;
    let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
    Ok(wanted.unwrap_or(LIST_PAGE_MAX).min(LIST_PAGE_MAX))
}

/// Whether listed keys are to be percent-encoded.
fn encodes_keys(query: &Query) -> Result<bool, S3Error> {
    match query.get("encoding-type") {
        None | Some("") => Ok(false),
        Some("url") => Ok(true),
        Some(other) => Err(S3Error::argument(
            "Invalid Encoding Method specified in Request",
            "encoding-type",
            other,
        )),
    }
}

/// The upload that the query names.
fn upload_id(query: &Query) -> Result<UploadId, S3Error> {
    query.get("uploadId").unwrap_or_default().parse().map_err(|_| Code::NoSuchUpload.into())
}

/// Refuses a version id that no unversioned bucket can have.
fn check_version_id(version_id: Option<&str>) -> Result<(), S3Error> {
    match version_id {
        None | Some("" | "null") => Ok(()),
        Some(version_id) => Err(S3Error::from(Code::NoSuchVersion).with("VersionId", version_id)),
    }
}

/// The checksum algorithm that a header names, if it is there.
fn named_algorithm(name: Option<&str>) -> Result<Option<Algorithm>, S3Error> {
    let Some(name) = name else { return Ok(None) };
    let message = "Checksum algorithm provided is unsupported. Please try again with any of the \
                   valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
    Algorithm::parse(name).map(Some).ok_or_else(|| S3Error::new(Code::InvalidRequest, message))
}
