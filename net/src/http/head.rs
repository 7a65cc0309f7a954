//! The head of a request or an answer, parsed once into one string and ranges over it.
//!
//! Called for every request: two allocations, whatever the number of headers. Pure: no I/O here.

use super::rejection::Rejection;
use hamster_core::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use std::mem::MaybeUninit;
use std::ops::Range;

/// The methods that a [`Service`](super::Service) sees. The server itself refuses all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "RFC 9110 section 9")]
pub enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
    Options,
}

impl Method {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    fn parse(token: &str) -> Option<Self> {
        use Method::{Delete, Get, Head, Options, Post, Put};
        [Get, Head, Put, Post, Delete, Options].into_iter().find(|it| it.as_str() == token)
    }
}

/// HTTP/1.0 or HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the variants are their own names")]
pub enum Version {
    Http10,
    Http11,
}

/// A request's first line and headers.
#[derive(Debug)]
pub struct Head {
    method: Method,
    version: Version,
    path: Range<usize>,
    query: Option<Range<usize>>,
    headers: Headers,
}

impl Head {
    /// What is asked.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Spoken by the client.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The path as sent: percent-encoded, beginning with `/` (or `*` alone, for OPTIONS).
    pub fn path(&self) -> &str {
        &self.headers.text[self.path.clone()]
    }

    /// What follows the `?`, as sent; `None` without a `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.clone().map(|range| &self.headers.text[range])
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Parses the head at the start of `bytes` and says how long it is; `None` if it is not
    /// complete yet. How the bytes are split makes no difference.
    ///
    /// # Errors
    /// Malformed, too long, too many headers, or a method or version that is not served.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Rejection> {
        let bytes = bytes.get(..HEAD_BYTES_MAX.as_usize()).unwrap_or(bytes);
        // Why: RFC 9112 section 2.2 asks servers to pass over one empty line before a request.
        let skipped = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
        let head = &bytes[skipped..];
        if head.starts_with(b"\r") && head != b"\r" || head.starts_with(b"\n") {
            return Err(Rejection::Malformed("empty lines before the request"));
        }
        let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut []);
        let status = parsed
            .parse_with_uninit_headers(head, &mut lines)
            .map_err(|error| rejection(error, head))?;
        let httparse::Status::Complete(length) = status else {
            refuse_bare_line_feeds(head)?;
            return match bytes.len() < HEAD_BYTES_MAX.as_usize() {
                true => Ok(None),
                false => Err(Rejection::HeadTooLarge),
            };
        };
        let text = &head[..length];
        refuse_bare_line_feeds(text)?;
        let headers = Headers::from_parsed(text, parsed.headers).map_err(Rejection::Malformed)?;
        let version = match parsed.version {
            Some(1) => Version::Http11,
            _ => Version::Http10,
        };
        let method = parsed.method.and_then(Method::parse).ok_or(Rejection::MethodUnknown)?;
        let target = parsed.path.unwrap_or_default();
        let (path, query) = split_target(method, target, offset_in(text, target.as_bytes()))?;
        Ok(Some((Self { method, version, path, query, headers }, skipped + length)))
    }
}

fn rejection(error: httparse::Error, head: &[u8]) -> Rejection {
    // Why ask: to httparse any third word but HTTP/1.0 and HTTP/1.1 is a version.
    let third_word = head.split(|&byte| byte == b' ').nth(2);
    let is_version = third_word.is_some_and(|word| word.starts_with(b"HTTP/"));
    match error {
        httparse::Error::TooManyHeaders => Rejection::HeadTooLarge,
        httparse::Error::Version if is_version => Rejection::VersionUnsupported,
        httparse::Error::HeaderName => Rejection::Malformed("a header's name is malformed"),
        httparse::Error::HeaderValue => Rejection::Malformed("a header's value is malformed"),
        httparse::Error::NewLine => Rejection::Malformed("a line does not end in CR LF"),
        httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
            Rejection::Malformed("the request line is malformed")
        }
    }
}

/// httparse takes a lone line feed for the end of a line; proxies differ on it.
fn refuse_bare_line_feeds(bytes: &[u8]) -> Result<(), Rejection> {
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    // Why no early end: without a branch per byte the loop is compiled to vector instructions.
    let bare = pairs.fold(false, |bare, (&before, &it)| bare | ((it == b'\n') & (before != b'\r')));
    match bare || bytes.first() == Some(&b'\n') {
        true => Err(Rejection::Malformed("a line does not end in CR LF")),
        false => Ok(()),
    }
}

/// Where path and query are. Only the origin form is served (and `*` for OPTIONS): what a proxy
/// would send as `http://host/path` could name another host than the Host header does.
fn split_target(
    method: Method,
    target: &str,
    start: usize,
) -> Result<(Range<usize>, Option<Range<usize>>), Rejection> {
    let asterisk = method == Method::Options && target == "*";
    if !(target.starts_with('/') || asterisk) || target.contains('#') {
        return Err(Rejection::Malformed("the request target is not a path"));
    }
    let end = start + target.len();
    Ok(match target.find('?') {
        Some(at) => (start..start + at, Some(start + at + 1..end)),
        None => (start..end, None),
    })
}

/// Where `part`, a slice of `whole`, begins in it.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// Headers in the order sent; names in lower case, values without surrounding white space.
#[derive(Debug)]
pub struct Headers {
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Copies the head `text` once and keeps where httparse found names and values in it.
    pub(super) fn from_parsed(
        text: &[u8],
        parsed: &[httparse::Header<'_>],
    ) -> Result<Self, &'static str> {
        let range = |part: &[u8]| offset_in(text, part)..offset_in(text, part) + part.len();
        let lines: Vec<Line> = parsed
            .iter()
            .map(|header| Line {
                name: range(header.name.as_bytes()),
                value: range(header.value.trim_ascii()),
            })
            .collect();
        let text = str::from_utf8(text).map_err(|_| "the headers are not UTF-8")?;
        let mut text = text.to_owned();
        for line in &lines {
            text[line.name.clone()].make_ascii_lowercase();
        }
        Ok(Self { text, lines })
    }

    /// What a client said where headers have no place, as in the fields of a form: names and values
    /// as if they were headers.
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { text: String::new(), lines: Vec::new() }.with(pairs)
    }

    /// These, and `more` behind them.
    #[must_use]
    pub fn with<'a>(&self, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut text, mut lines) = (self.text.clone(), self.lines.clone());
        for (name, value) in more {
            let start = text.len();
            text.push_str(name);
            text[start..].make_ascii_lowercase();
            let colon = text.len();
            text.push_str(value.trim_ascii());
            lines.push(Line { name: start..colon, value: colon..text.len() });
        }
        Self { text, lines }
    }

    /// The first value of `name` (lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Every value of `name` (lower case), in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines
            .iter()
            .map(|line| (&self.text[line.name.clone()], &self.text[line.value.clone()]))
    }
}
