//! Which bytes of an object: the Range header (RFC 9110, 14.2) and a copy's source range.

use crate::error::{Code, S3Error};
use std::ops::Range;

/// One range, before the object's size is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// No range: the whole object.
    All,
    /// `bytes=a-`
    From(u64),
    /// `bytes=a-b`, both inclusive.
    Between(u64, u64),
    /// `bytes=-n`
    Last(u64),
}

impl Wanted {
    /// Reads a Range header. What is malformed, or names several ranges, is ignored: the client
    /// gets the whole object, as HTTP allows and S3 does.
    pub fn of_header(header: Option<&str>) -> Self {
        header.and_then(parse).unwrap_or(Self::All)
    }

    /// Bytes that could be asked for, whatever the object's size.
    pub fn bound(self) -> Range<u64> {
        match self {
            Self::All | Self::Last(_) => 0..u64::MAX,
            Self::From(first) => first..u64::MAX,
            Self::Between(first, last) => first..last.saturating_add(1),
        }
    }

    /// The bytes asked for of an object of `size` bytes; `None` for the whole object.
    ///
    /// # Errors
    /// `InvalidRange` if there are none.
    pub fn within(self, size: u64) -> Result<Option<Range<u64>>, S3Error> {
        let range = match self {
            Self::All => return Ok(None),
            Self::From(first) => first..size,
            Self::Between(first, last) => first..last.saturating_add(1).min(size),
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        if range.start < range.end {
            return Ok(Some(range));
        }
        Err(S3Error::from(Code::InvalidRange).with("ActualObjectSize", &size.to_string()))
    }
}

fn parse(header: &str) -> Option<Wanted> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    match (first, last) {
        ("", last) => Some(Wanted::Last(number(last)?)),
        (first, "") => Some(Wanted::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Wanted::Between(first, last))
        }
    }
}

/// Digits only; more than fit are as good as the most that do.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The bytes that an `x-amz-copy-source-range` names of a source of `size` bytes.
///
/// # Errors
/// `InvalidArgument` unless it is `bytes=first-last` within the source.
pub fn of_copy_source(header: &str, size: u64) -> Result<Range<u64>, S3Error> {
    match parse(header) {
        Some(Wanted::Between(first, last)) if last < size => Ok(first..last + 1),
        Some(Wanted::Between(..)) => Err(S3Error::argument(
            "Range specified is not valid for the source object",
            "x-amz-copy-source-range",
            header,
        )),
        _ => Err(S3Error::argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
             and last are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(header: &str, size: u64) -> Result<Option<Range<u64>>, Code> {
        Wanted::of_header(Some(header)).within(size).map_err(|error| error.code())
    }

    #[test]
    fn every_form_of_a_range() {
        assert_eq!(within("bytes=0-0", 10), Ok(Some(0..1)));
        assert_eq!(within("bytes=2-5", 10), Ok(Some(2..6)));
        assert_eq!(within("bytes=2-99", 10), Ok(Some(2..10)));
        assert_eq!(within("bytes=4-", 10), Ok(Some(4..10)));
        assert_eq!(within("bytes=-3", 10), Ok(Some(7..10)));
        assert_eq!(within("bytes=-99", 10), Ok(Some(0..10)));
        assert_eq!(within("bytes=0-99999999999999999999999", 10), Ok(Some(0..10)));
    }

    #[test]
    fn a_range_without_bytes_cannot_be_satisfied() {
        for header in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(within(header, 10), Err(Code::InvalidRange), "{header}");
        }
        assert_eq!(within("bytes=0-", 0), Err(Code::InvalidRange));
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in
            ["", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2"]
        {
            assert_eq!(within(header, 10), Ok(None), "{header}");
        }
    }

    #[test]
    fn a_copy_source_range_is_exact() {
        assert_eq!(of_copy_source("bytes=0-9", 10), Ok(0..10));
        for header in ["bytes=0-10", "bytes=0-", "bytes=-1", "0-9", "bytes=2-1"] {
            assert!(of_copy_source(header, 10).is_err(), "{header}");
        }
    }
}
