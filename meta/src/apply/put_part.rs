//! PutPart: the commit of a part. A former part of its number dies.

use super::change::Change;
use crate::command::{Outcome, PutPart};
use crate::key;
use crate::record::{Owner, Part, Upload};
use crate::state::ReadError;

pub(super) fn apply(change: &mut Change<'_>, put: &PutPart) -> Result<Outcome, ReadError> {
    let upload: Option<Upload> = change.get(&key::upload(put.bucket, &put.key, put.upload))?;
    if upload.is_none() {
        change.reject(put.data.as_ref())?;
        return Ok(Outcome::NoSuchUpload);
    }
    if (put.size > 0) != put.data.is_some() {
        change.reject(put.data.as_ref())?;
        return Ok(Outcome::Refused("a part without data, or data without a part".into()));
    }
    if let Some(data) = &put.data
        && change.knows(data.data)?
    {
        return Ok(Outcome::Refused(format!("{} is taken", data.data)));
    }
    let row = key::part(put.upload, put.number);
    if let Some(former) = change.get::<Part>(&row)?.and_then(|part| part.data) {
        change.release(former)?;
    }
    let part = Part {
        number: put.number,
        size: put.size,
        etag: put.etag.clone(),
        modified: put.modified,
        data: put.data.as_ref().map(|data| data.data),
        checksums: put.checksums.clone(),
    };
    change.put(row, &part);
    if let Some(data) = &put.data {
        change.claim(data, Owner::Part { upload: put.upload, number: put.number });
    }
    Ok(Outcome::PartCommitted)
}
