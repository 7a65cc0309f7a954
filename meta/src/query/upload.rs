//! Open uploads, and parts.

use super::list::common_prefix;
use super::{PartPage, PartSpan, UploadEntry, UploadPage, UploadQuery};
use crate::key;
use crate::record::{Part, Record, Upload, UploadId};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::ids::BucketId;
use hamster_core::limits;

/// The open upload of this id.
pub(crate) fn by_id(
    view: &dyn View,
    bucket: BucketId,
    key: &str,
    upload: UploadId,
) -> Result<Option<Upload>, ReadError> {
    get_record(view, &key::upload(bucket, key, upload))
}

/// The page of open uploads that `query` asks for.
pub(crate) fn page(
    view: &dyn View,
    bucket: BucketId,
    query: &UploadQuery,
) -> Result<UploadPage, ReadError> {
    let limit = query.limit.min(limits::LIST_PAGE_MAX);
    let mut page = UploadPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let delimiter = query.delimiter.as_deref();
    let mut range = key::uploads_with_prefix(bucket, &query.prefix);
    if query.after_key >= query.prefix && !query.after_key.is_empty() {
        range.from = match common_prefix(&query.after_key, &query.prefix, delimiter) {
            Some(listed) => key::uploads_with_prefix(bucket, listed).to,
            None => match query.after_upload {
                Some(after) => {
                    [key::upload(bucket, &query.after_key, after).as_slice(), &[0]].concat()
                }
                None => key::uploads_of_key(bucket, &query.after_key).to,
            },
        };
    }
    view.scan(&range, &mut |_, value| {
        if page.entries.len() == limit {
            page.truncated = true;
            return Ok(Visit::Stop);
        }
        let upload = Upload::decode(value)?;
        if let Some(shared) = common_prefix(&upload.key, &query.prefix, delimiter) {
            let behind = key::uploads_with_prefix(bucket, shared).to;
            page.entries.push(UploadEntry::CommonPrefix(shared.into()));
            return Ok(Visit::Seek(behind));
        }
        page.entries.push(UploadEntry::Upload(upload));
        Ok(Visit::Next)
    })?;
    Ok(page)
}

/// Parts of an upload with numbers above `after`.
pub(crate) fn parts(
    view: &dyn View,
    upload: UploadId,
    after: u16,
    limit: usize,
) -> Result<PartPage, ReadError> {
    let limit = limit.min(limits::PARTS_MAX.into());
    let mut page = PartPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let mut range = key::parts(upload);
    range.from = [key::part(upload, after).as_slice(), &[0]].concat();
    view.scan(&range, &mut |_, value| {
        if page.parts.len() == limit {
            page.truncated = true;
            return Ok(Visit::Stop);
        }
        page.parts.push(Part::decode(value)?);
        Ok(Visit::Next)
    })?;
    Ok(page)
}

/// The part of this number, and where it lies among all parts of the upload.
pub(crate) fn span(view: &dyn View, upload: UploadId, number: u16) -> Result<PartSpan, ReadError> {
    let mut span = PartSpan { part: None, offset: 0, count: 0 };
    view.scan(&key::parts(upload), &mut |_, value| {
        let part = Part::decode(value)?;
        span.count += 1;
        if part.number < number {
            span.offset += part.size;
        }
        if part.number == number {
            span.part = Some(part);
        }
        Ok(Visit::Next)
    })?;
    Ok(span)
}
