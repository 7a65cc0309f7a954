//! Versions of a key, and where their bytes lie.

use super::{Extent, Object};
use crate::key;
use crate::record::{Content, DataRecord, Head, Part, Record, UploadId, Version, VersionId};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::ids::{BucketId, DataId, DriveOrdinal};
use std::ops::Range;

/// The version of this id.
pub(crate) fn version(
    view: &dyn View,
    bucket: BucketId,
    key: &str,
    id: VersionId,
) -> Result<Option<Version>, ReadError> {
    let sequence = match id {
        VersionId::Of(sequence) => Some(sequence),
        VersionId::Null => {
            get_record::<Head>(view, &key::head(bucket, key))?.and_then(|head| head.null)
        }
    };
    let Some(sequence) = sequence else {
        return Ok(None);
    };
    let version: Option<Version> = get_record(view, &key::version(bucket, key, sequence))?;
    // Why the filter: a null version has a sequence, but is not named by it.
    Ok(version.filter(|version| version.id == id))
}

/// Counts the data records that have fewer than k durable pieces on drives that are not gone.
pub(crate) fn unreadable(
    view: &dyn View,
    is_gone: &dyn Fn(DriveOrdinal) -> bool,
) -> Result<u64, ReadError> {
    let mut count = 0;
    view.scan(&key::data_behind(None), &mut |_, value| {
        let record = DataRecord::decode(value)?;
        let pieces = record.pieces.iter();
        let left = pieces.filter(|piece| piece.checksum.is_some() && !is_gone(piece.drive)).count();
        count += u64::from(left < usize::from(record.k));
        Ok(Visit::Next)
    })?;
    Ok(count)
}

/// Rows that refer to one another do not: they are of two moments.
#[derive(Debug)]
pub(crate) struct Torn;

/// The current version of a key and where `range` of its body lies.
pub(crate) fn object(
    view: &dyn View,
    bucket: BucketId,
    key: &str,
    range: &Range<u64>,
) -> Result<Result<Option<Object>, Torn>, ReadError> {
    let Some(head) = get_record::<Head>(view, &key::head(bucket, key))? else {
        return Ok(Ok(None));
    };
    let version: Option<Version> = get_record(view, &key::version(bucket, key, head.current))?;
    let Some(version) = version else {
        return Ok(Err(Torn));
    };
    let extents = extents(view, version.content, version.size, range)?;
    Ok(extents.map(|extents| Some(Object { version, extents })).ok_or(Torn))
}

/// Where `range` of a body of `size` lies; `None` if its version has gone.
pub(crate) fn extents(
    view: &dyn View,
    content: Content,
    size: u64,
    range: &Range<u64>,
) -> Result<Option<Vec<Extent>>, ReadError> {
    if range.start >= size.min(range.end) {
        return Ok(Some(vec![]));
    }
    match content {
        Content::Nothing => Ok(None),
        Content::Data(data) => {
            let record = get_record::<DataRecord>(view, &key::data(data))?;
            let extent = |record| vec![Extent { offset: 0, size, record }];
            Ok(record.map(extent))
        }
        Content::Upload(upload) => extents_of_parts(view, upload, size, range),
    }
}

fn extents_of_parts(
    view: &dyn View,
    upload: UploadId,
    size: u64,
    range: &Range<u64>,
) -> Result<Option<Vec<Extent>>, ReadError> {
    let mut wanted: Vec<(u64, u64, DataId)> = vec![];
    let mut offset = 0;
    view.scan(&key::parts(upload), &mut |_, value| {
        let part = Part::decode(value)?;
        let end = offset + part.size;
        if let Some(data) = part.data
            && end > range.start
            && offset < range.end
        {
            wanted.push((offset, part.size, data));
        }
        offset = end;
        Ok(Visit::Next)
    })?;
    if offset != size {
        return Ok(None);
    }
    let mut extents = Vec::with_capacity(wanted.len());
    for (offset, size, data) in wanted {
        let Some(record) = get_record(view, &key::data(data))? else {
            return Ok(None);
        };
        extents.push(Extent { offset, size, record });
    }
    Ok(Some(extents))
}
