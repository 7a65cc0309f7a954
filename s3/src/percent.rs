//! Percent-encoding: of keys in paths and queries, and of SigV4's canonical request.
//!
//! Called by `target`, `sigv4` and listings. Works on bytes; nothing here knows paths: `..`, `//`
//! and `%2F` are content like any other.

/// A `%` without two hexadecimal digits behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadEncoding;

/// How a `+` reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plus {
    /// As itself: in paths.
    Literal,
    /// As a space: in queries, as HTML forms write them.
    Space,
}

/// The bytes behind `raw`.
///
/// # Errors
/// A `%` without two hexadecimal digits.
pub fn decode(raw: &[u8], plus: Plus) -> Result<Vec<u8>, BadEncoding> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let (byte, after) = decode_escape(tail).ok_or(BadEncoding)?;
                rest = after;
                byte
            }
            b'+' if plus == Plus::Space => b' ',
            byte => *byte,
        });
    }
    Ok(bytes)
}

/// The byte that the two digits at the start of `tail` stand for, and what follows them.
fn decode_escape(tail: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = tail.split_first_chunk::<2>()?;
    Some((hex_digit(*high)? << 4 | hex_digit(*low)?, rest))
}

const fn hex_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// Characters that are never encoded (RFC 3986, unreserved).
const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

fn encode_byte(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// Appends `bytes` encoded as SigV4 asks: everything but unreserved characters.
pub fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if is_unreserved(*byte) { out.push(*byte) } else { encode_byte(out, *byte) }
    }
}

/// `key` as listings with `encoding-type=url` write it: slashes stay.
pub fn encode_key(key: &str) -> String {
    let mut out = Vec::with_capacity(key.len() + 16);
    for byte in key.as_bytes() {
        if is_unreserved(*byte) || *byte == b'/' {
            out.push(*byte);
        } else {
            encode_byte(&mut out, *byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends the canonical form of a raw path: each byte encoded exactly once, however it was sent.
/// An encoded slash stays encoded, for it is not the slash that separates.
pub fn canonicalize_path(out: &mut Vec<u8>, raw: &[u8]) {
    if raw.is_empty() {
        out.push(b'/');
    }
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'/' => out.push(b'/'),
            b'%' => match decode_escape(tail) {
                Some((byte, after)) => {
                    rest = after;
                    encode(out, &[byte]);
                }
                None => encode_byte(out, b'%'),
            },
            byte => encode(out, &[*byte]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> String {
        let mut out = Vec::new();
        canonicalize_path(&mut out, raw.as_bytes());
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_key_is_whatever_bytes_the_path_stands_for() {
        assert_eq!(decode(b"a%2Fb/..//%00+%20", Plus::Literal), Ok(b"a/b/..//\0+ ".to_vec()));
        assert_eq!(decode(b"a+b%2B", Plus::Space), Ok(b"a b+".to_vec()));
    }

    #[test]
    fn a_percent_without_two_digits_is_refused() {
        for raw in ["%", "%2", "%zz", "a%2", "%+1"] {
            assert_eq!(decode(raw.as_bytes(), Plus::Literal), Err(BadEncoding), "{raw}");
        }
    }

    #[test]
    fn the_canonical_path_encodes_once_and_normalizes_nothing() {
        assert_eq!(canonical(""), "/");
        assert_eq!(canonical("/a//b/../c"), "/a//b/../c");
        assert_eq!(canonical("/a+b c%20%2f%7e!"), "/a%2Bb%20c%20%2F~%21");
        assert_eq!(canonical("/日"), "/%E6%97%A5");
    }
}
