//! What was signed: the canonical request and the string to sign, rebuilt from the request as sent.
//!
//! The hot path of every request: one buffer, one pass over each part.

use super::{ALGORITHM, HexHash, SERVICE, TERMINATOR, sha256_hex};
use crate::percent;
use crate::query::Query;
use crate::time::SigningTime;
use hamster_net::http::{Head, Headers};

/// Most canonical requests fit.
const CAPACITY_BYTES: usize = 1536;

/// The hash of the canonical request
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
///
/// The signature itself (`X-Amz-Signature` in `query`) is left out.
pub fn request_hash(head: &Head, query: &Query, signed_headers: &str, payload: &str) -> HexHash {
    sha256_hex(&request(head, query, signed_headers, payload))
}

fn request(head: &Head, query: &Query, signed_headers: &str, payload: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(CAPACITY_BYTES);
    out.extend(head.method().as_str().as_bytes());
    out.push(b'\n');
    percent::canonicalize_path(&mut out, head.path().as_bytes());
    out.push(b'\n');
    append_query(&mut out, query);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        append_header(&mut out, head.headers(), name);
    }
    out.push(b'\n');
    out.extend(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend(payload.as_bytes());
    out
}

/// Encoded names and values, sorted by their encoded bytes.
fn append_query(out: &mut Vec<u8>, query: &Query) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend(name);
        out.push(b'=');
        out.extend(value);
    }
}

fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    percent::encode(&mut out, text.as_bytes());
    out
}

/// `name:value,value\n`, white space at the ends dropped and inside reduced to one space.
fn append_header(out: &mut Vec<u8>, headers: &Headers, name: &str) {
    out.extend(name.as_bytes());
    out.push(b':');
    for (index, value) in headers.get_all(name).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend(word.as_bytes());
        }
    }
    out.push(b'\n');
}

/// The start of every string to sign: its kind, time and scope.
pub fn begin_string(kind: &str, time: &SigningTime, region: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(320);
    for part in [kind, "\n", time.text(), "\n", time.day(), "/", region, "/", SERVICE, "/"] {
        out.extend(part.as_bytes());
    }
    out.extend(TERMINATOR.as_bytes());
    out
}

/// The string to sign of a request whose canonical form has this hash.
pub fn string_to_sign(time: &SigningTime, region: &str, request_hash: &HexHash) -> Vec<u8> {
    let mut out = begin_string(ALGORITHM, time, region);
    out.push(b'\n');
    out.extend(request_hash);
    out
}
