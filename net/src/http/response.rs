//! Answers: status, headers, and a body that is either here or streams.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

/// A streaming body's source gave up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the body cannot be completed")]
pub struct BodyAborted;

/// Gives a streaming body piece by piece.
pub trait BodySource {
    /// The next piece, not empty; `None` at the end. An error cuts the connection, so that the
    /// client sees a short body and never a false end.
    fn next(&mut self) -> LocalBoxFuture<'_, Result<Option<Bytes>, BodyAborted>>;
}

/// What follows an answer's head.
pub enum ResponseBody {
    /// Nothing (`Content-Length: 0`; no such header with 204 and 304).
    Empty,
    /// These bytes.
    Full(Bytes),
    /// Exactly `length` bytes from `source`; more or fewer cut the connection.
    Stream {
        /// Bytes in total.
        length: u64,
        /// Where they come from.
        source: Box<dyn BodySource>,
    },
    /// For HEAD only: no bytes, and the Content-Length that GET would have. (`Full` and `Stream`
    /// answer HEAD as well: their bytes are not sent.)
    HeadOnly {
        /// What Content-Length says.
        length: u64,
    },
}

/// An answer. The server adds Date, Content-Length and Connection.
pub struct Response {
    /// The status code, 200 to 599.
    pub status: u16,
    /// All other headers.
    pub headers: ResponseHeaders,
    /// The body.
    pub body: ResponseBody,
    /// Ends the connection after this answer.
    pub close: bool,
}

impl Response {
    /// An answer without headers or body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: ResponseHeaders::default(),
            body: ResponseBody::Empty,
            close: false,
        }
    }

    /// With this header besides.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = ResponseBody::Full(body.into());
        self
    }
}

/// Enough for the headers of most answers: one allocation.
const HEADERS_BYTES_USUAL: usize = 512;

/// Headers of an answer, already in wire format: adding one is a copy, not an allocation.
#[derive(Default)]
pub struct ResponseHeaders(Vec<u8>);

impl ResponseHeaders {
    /// Adds a header. Bytes of the value that would end the line (and other control characters)
    /// become spaces: no value can forge a header. Nor can a name: one that is no token is left out,
    /// whatever was stored.
    pub fn add(&mut self, name: &str, value: &str) {
        if !is_token(name) {
            return;
        }
        if self.0.is_empty() {
            self.0.reserve(HEADERS_BYTES_USUAL);
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        let start = self.0.len();
        self.0.extend_from_slice(value.as_bytes());
        for byte in &mut self.0[start..] {
            if byte.is_ascii_control() {
                *byte = b' ';
            }
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// The first value of `name` (any case): for tests and logs.
    pub fn get(&self, name: &str) -> Option<&str> {
        let text = str::from_utf8(&self.0).ok()?;
        let mut lines = text.split_terminator("\r\n").filter_map(|line| line.split_once(": "));
        lines.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// RFC 9110 section 5.6.2: what a header's name may be. Clients name headers too (`x-amz-meta-a_b`).
pub fn is_token(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(plain)
}

impl ResponseBody {
    /// What Content-Length says.
    fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Full(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } | Self::HeadOnly { length } => *length,
        }
    }
}

/// The answer's head on the wire.
pub(super) fn encode_head(response: &Response, date: &[u8; 29], close: bool) -> Bytes {
    let mut head = Vec::with_capacity(response.headers.0.len() + 160);
    head.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(&mut head, u64::from(response.status));
    head.push(b' ');
    head.extend_from_slice(reason(response.status).as_bytes());
    head.extend_from_slice(b"\r\ndate: ");
    head.extend_from_slice(date);
    // RFC 9110 section 8.6: never with 204; with 304 it would have to be that of the whole object.
    if !matches!(response.status, 204 | 304) {
        head.extend_from_slice(b"\r\ncontent-length: ");
        push_decimal(&mut head, response.body.length());
    }
    if close {
        head.extend_from_slice(b"\r\nconnection: close");
    }
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(&response.headers.0);
    head.extend_from_slice(b"\r\n");
    head.into()
}

pub(super) fn push_decimal(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

/// For people reading along; clients go by the number.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Head;

    #[test]
    fn no_header_value_can_end_its_line() {
        let response = Response::new(200).header("x-name", "a\r\nset-cookie: b\0\u{e9}");
        let head = encode_head(&response, b"Thu, 01 Jan 1970 00:00:00 GMT", false);
        let text = str::from_utf8(&head).unwrap();
        assert!(text.ends_with("\r\nx-name: a  set-cookie: b \u{e9}\r\n\r\n"), "{text}");
    }

    #[test]
    fn every_name_that_a_request_may_have_an_answer_may_have() {
        let name = "x-amz-meta-a_b.c!#$%&'*+^`|~9";
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{name}: v\r\n\r\n");
        let (head, _) = Head::parse(request.as_bytes()).unwrap().unwrap();
        let (name, value) = head.headers().iter().last().unwrap();
        assert!(is_token(name));
        assert_eq!(Response::new(200).header(name, value).headers.get(name), Some("v"));
        for forged in ["", "a b", "a:b", "a\r\nb", "\u{e9}"] {
            assert!(!is_token(forged), "{forged:?}");
            assert!(Response::new(200).header(forged, "v").headers.0.is_empty(), "{forged:?}");
        }
    }

    #[test]
    fn a_head_says_what_the_body_needs() {
        let date = b"Thu, 01 Jan 1970 00:00:00 GMT";
        let head = encode_head(&Response::new(204), date, true);
        let expected = "HTTP/1.1 204 No Content\r\n\
                        date: Thu, 01 Jan 1970 00:00:00 GMT\r\nconnection: close\r\n\r\n";
        assert_eq!(str::from_utf8(&head).unwrap(), expected);
        let head = encode_head(&Response::new(200).body("0123456789"), date, false);
        assert!(str::from_utf8(&head).unwrap().contains("\r\ncontent-length: 10\r\n"));
    }
}
