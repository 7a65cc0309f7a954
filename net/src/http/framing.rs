//! Where a request ends: RFC 9112 section 6, read strictly. Pure.
//!
//! Every rule here refuses what two readers could take for different lengths (request smuggling).

use super::body::BodyLength;
use super::head::{Head, Headers, Version};
use super::rejection::Rejection;

/// What the headers say about the message's frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Framing {
    /// The body's length.
    pub body: BodyLength,
    /// Whether another request may follow.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// The frame of the request with this head.
///
/// # Errors
/// Contradictory or malformed; the connection must close.
pub fn of_request(head: &Head) -> Result<Framing, Rejection> {
    let modern = head.version() == Version::Http11;
    let (mut hosts, mut expects_continue) = (0, false);
    for (name, value) in head.headers().iter() {
        match name {
            "host" => hosts += 1,
            // Any other expectation may be passed over (RFC 9110, 10.1.1), and is by S3.
            "expect" if value.eq_ignore_ascii_case("100-continue") => expects_continue = modern,
            "transfer-encoding" if !modern => {
                return Err(Rejection::Malformed("Transfer-Encoding in HTTP/1.0"));
            }
            _ => {}
        }
    }
    if hosts > 1 || (hosts == 0 && modern) {
        return Err(Rejection::Malformed("there must be one Host header"));
    }
    let body = body_length(head.headers()).map_err(Rejection::Malformed)?;
    let keep_alive = modern && !says_close(head.headers());
    Ok(Framing { body, keep_alive, expects_continue })
}

/// The body's length by Content-Length and Transfer-Encoding.
///
/// # Errors
/// Contradictory or malformed.
pub fn body_length(headers: &Headers) -> Result<BodyLength, &'static str> {
    let mut body = BodyLength::None;
    for (name, value) in headers.iter() {
        let length = match name {
            "content-length" => BodyLength::Exact(decimal(value)?),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => BodyLength::Chunked,
            "transfer-encoding" => return Err("the transfer coding is not supported"),
            _ => continue,
        };
        // Why even equal ones are refused: a proxy in front may have taken one and dropped another.
        if body != BodyLength::None {
            return Err("more than one header says how long the body is");
        }
        body = length;
    }
    Ok(body)
}

/// Whether a Connection header says `close`.
pub fn says_close(headers: &Headers) -> bool {
    let mut tokens = headers.get_all("connection").flat_map(|value| value.split(','));
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case("close"))
}

/// Digits only: `u64::from_str` alone would take a sign.
fn decimal(digits: &str) -> Result<u64, &'static str> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten().ok_or("the Content-Length is malformed")
}
