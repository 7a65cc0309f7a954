//! Conditional reads: If-Match, If-None-Match and their dates, in the order of RFC 9110, 13.2.2.
//! Called by GET, HEAD and the copies; and what a write is told whose condition did not hold.

use crate::error::{Code, S3Error};
use crate::headers::unquoted;
use crate::time::parse_http_date;
use hamster_core::WallTime;
use hamster_meta::command::Outcome;
use hamster_meta::record::Version;
use hamster_net::http::Headers;

/// What the conditions of a read come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They hold.
    Holds,
    /// The client has it already: 304.
    NotModified,
}

/// The names of the four conditions.
pub struct Names {
    if_match: &'static str,
    if_none_match: &'static str,
    if_modified_since: &'static str,
    if_unmodified_since: &'static str,
}

/// The conditions of a read.
pub const READ: Names = Names {
    if_match: "if-match",
    if_none_match: "if-none-match",
    if_modified_since: "if-modified-since",
    if_unmodified_since: "if-unmodified-since",
};

/// The conditions on a copy's source.
pub const COPY_SOURCE: Names = Names {
    if_match: "x-amz-copy-source-if-match",
    if_none_match: "x-amz-copy-source-if-none-match",
    if_modified_since: "x-amz-copy-source-if-modified-since",
    if_unmodified_since: "x-amz-copy-source-if-unmodified-since",
};

/// Whether the conditions that `headers` state under `names` hold of `version`.
///
/// # Errors
/// `PreconditionFailed`.
pub fn check(headers: &Headers, names: &Names, version: &Version) -> Result<Verdict, S3Error> {
    let date = |name| headers.get(name).and_then(parse_http_date);
    let failed =
        |name| Err(S3Error::from(Code::PreconditionFailed).with("Condition", &shown(name)));
    match headers.get(names.if_match) {
        Some(etags) if !names_etag(etags, &version.etag) => return failed(names.if_match),
        Some(_) => {}
        None if date(names.if_unmodified_since)
            .is_some_and(|at| is_after(version.modified, at)) =>
        {
            return failed(names.if_unmodified_since);
        }
        None => {}
    }
    let not_modified = match headers.get(names.if_none_match) {
        Some(etags) => names_etag(etags, &version.etag),
        None => date(names.if_modified_since).is_some_and(|at| !is_after(version.modified, at)),
    };
    Ok(if not_modified { Verdict::NotModified } else { Verdict::Holds })
}

/// What the outcome of a write, other than the one hoped for, means to the client: of a condition that
/// did not hold, which one (s3fs knows an existing file by that).
pub fn refused(headers: &Headers, outcome: Outcome) -> S3Error {
    let error = S3Error::from(outcome);
    if error.code() != Code::PreconditionFailed {
        return error;
    }
    // A write states one of the two at most.
    let name = headers.get(READ.if_none_match).map_or(READ.if_match, |_| READ.if_none_match);
    error.with("Condition", &shown(name))
}

/// A condition's name as S3 writes it: `If-Match`, `x-amz-copy-source-If-Match`.
fn shown(name: &str) -> String {
    let start = name.find("if-").unwrap_or(0);
    let (prefix, condition) = name.split_at(start);
    let words = condition.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    prefix.to_owned() + &words.collect::<Vec<_>>().join("-")
}

/// Whether a Range header counts: not if an If-Range names another version than this one, so that a
/// resumed download never mixes two (RFC 9110, 13.1.5).
pub fn range_holds(headers: &Headers, version: &Version) -> bool {
    headers.get("if-range").is_none_or(|named| match parse_http_date(named) {
        Some(at) => version.modified.secs() == at.secs(),
        None => unquoted(named) == version.etag,
    })
}

/// Whether a list of ETags names this one, or all.
fn names_etag(list: &str, etag: &str) -> bool {
    let mut named = list.split(',').map(|it| it.trim());
    named.any(|it| it == "*" || unquoted(it.strip_prefix("W/").unwrap_or(it)) == etag)
}

/// HTTP dates have whole seconds.
fn is_after(modified: WallTime, at: WallTime) -> bool {
    modified.secs() > at.secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{head, version};

    const BEFORE: &str = "Wed, 21 Oct 2015 07:27:59 GMT";
    const SAME: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

    fn verdict(conditions: &[(&str, &str)]) -> Result<Verdict, Code> {
        let mut object = version("abc", 5);
        object.modified = WallTime::from_nanos(1_445_412_480_500_000_000);
        let head = head("GET", "/b/k", conditions);
        check(head.headers(), &READ, &object).map_err(|error| error.code())
    }

    #[test]
    fn etags_are_compared_without_quotes() {
        for etags in ["\"abc\"", "abc", "*", "\"x\", \"abc\"", "W/\"abc\""] {
            assert_eq!(verdict(&[("if-match", etags)]), Ok(Verdict::Holds), "{etags}");
            assert_eq!(verdict(&[("if-none-match", etags)]), Ok(Verdict::NotModified), "{etags}");
        }
        assert_eq!(verdict(&[("if-match", "\"x\"")]), Err(Code::PreconditionFailed));
        assert_eq!(verdict(&[("if-none-match", "\"x\"")]), Ok(Verdict::Holds));
    }

    #[test]
    fn dates_have_whole_seconds() {
        assert_eq!(verdict(&[("if-modified-since", SAME)]), Ok(Verdict::NotModified));
        assert_eq!(verdict(&[("if-modified-since", BEFORE)]), Ok(Verdict::Holds));
        assert_eq!(verdict(&[("if-unmodified-since", SAME)]), Ok(Verdict::Holds));
        assert_eq!(verdict(&[("if-unmodified-since", BEFORE)]), Err(Code::PreconditionFailed));
        assert_eq!(verdict(&[("if-modified-since", "nonsense")]), Ok(Verdict::Holds));
    }

    #[test]
    fn a_range_of_another_version_does_not_count() {
        let mut object = version("abc", 5);
        object.modified = WallTime::from_nanos(1_445_412_480_500_000_000);
        let holds = |value: &str| {
            range_holds(head("GET", "/b/k", &[("if-range", value)]).headers(), &object)
        };
        let values = ["\"abc\"", SAME, "\"x\"", BEFORE, "W/\"abc\""];
        assert_eq!(values.map(holds), [true, true, false, false, false]);
        assert!(range_holds(head("GET", "/b/k", &[]).headers(), &object));
    }

    #[test]
    fn an_etag_outranks_a_date() {
        let both = [("if-match", "abc"), ("if-unmodified-since", BEFORE)];
        assert_eq!(verdict(&both), Ok(Verdict::Holds));
        let both = [("if-none-match", "x"), ("if-modified-since", SAME)];
        assert_eq!(verdict(&both), Ok(Verdict::Holds));
    }
}
