//! Data ids, living and dead: what reclaim, scrub and repair walk.

use crate::key;
use crate::record::{DataRecord, Malformed, Record, Sequence};
use crate::state::{ReadError, View, Visit, get_record};
use hamster_core::ids::DataId;
use hamster_core::limits;

/// Rows of the dead queue behind `after`, at most `limit`, in the order of the deaths.
pub(crate) fn dead(
    view: &dyn View,
    after: Option<(Sequence, DataId)>,
    limit: usize,
) -> Result<Vec<(Sequence, DataRecord)>, ReadError> {
    page(view, &key::dead_behind(after), limit, |row, record| {
        let sequence = key::sequence_of_dead(row).ok_or(Malformed::Not("dead queue"))?;
        Ok((sequence, record))
    })
}

/// Data records behind that of `after`, at most `limit`, by partition and data id.
pub(crate) fn records(
    view: &dyn View,
    after: Option<DataId>,
    limit: usize,
) -> Result<Vec<DataRecord>, ReadError> {
    page(view, &key::data_behind(after), limit, |_row, record| Ok(record))
}

/// The data record of each of these; `None` where nothing refers to it.
pub(crate) fn of(view: &dyn View, ids: &[DataId]) -> Result<Vec<Option<DataRecord>>, ReadError> {
    ids.iter().map(|data| get_record(view, &key::data(*data))).collect()
}

/// Whether each of these has a data record.
pub(crate) fn referenced(view: &dyn View, ids: &[DataId]) -> Result<Vec<bool>, ReadError> {
    ids.iter().map(|data| Ok(view.get(&key::data(*data))?.is_some())).collect()
}

/// What `shown` makes of the first rows of a range of data records.
fn page<T>(
    view: &dyn View,
    range: &key::KeyRange,
    limit: usize,
    shown: impl Fn(&[u8], DataRecord) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let limit = limit.min(limits::DATA_IDS_PER_CALL_MAX);
    let mut page = Vec::new();
    if limit == 0 {
        return Ok(page);
    }
    view.scan(range, &mut |row, value| {
        page.push(shown(row, DataRecord::decode(value)?)?);
        Ok(if page.len() == limit { Visit::Stop } else { Visit::Next })
    })?;
    Ok(page)
}
