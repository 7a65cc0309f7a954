//! The head of a request or an answer, parsed once into one string and ranges over it.
//!
//! Called for every request: two allocations, whatever the number of headers. Pure: no I/O here.

use super::rejection::Rejection;
use std::ops::Range;

/// The methods that a [`Service`](super::Service) sees. The server itself refuses all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// complete yet. The result does not depend on how the bytes arrive.
    ///
    /// # Errors
    /// Malformed, too long, too many headers, or a method or version that is not served.
    pub fn parse(_bytes: &[u8]) -> Result<Option<(Self, usize)>, Rejection> {
        todo!()
    }
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
