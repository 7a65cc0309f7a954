//! The parser of request heads, for `bench/fuzz` and its test only. It takes any bytes and must
//! neither panic nor depend on how they come in.

use crate::http::{Head, framing};

/// A name, the parser, and real bytes of the kind that it parses.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub fn targets() -> Vec<Target> {
    vec![("http_head", head, heads)]
}

fn head(bytes: &[u8]) {
    let Ok(Some((head, length))) = Head::parse(bytes) else { return };
    let _framing = framing::of_request(&head);
    let alone = Head::parse(&bytes[..length]).ok().flatten();
    let (again, same) = alone.expect("what follows a head does not matter to it");
    assert_eq!((again.path(), again.query(), same), (head.path(), head.query(), length));
    for end in 0..length {
        assert!(matches!(Head::parse(&bytes[..end]), Ok(None)), "refused before its end");
    }
}

fn heads() -> Vec<Vec<u8>> {
    let get: &[u8] =
        b"GET /bucket/key?versionId=null HTTP/1.1\r\nHost: a:9000\r\nRange: bytes=0-4\r\n\r\n";
    let put: &[u8] = b"\r\nPUT /b/%20k HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello";
    let post: &[u8] = b"POST /b?delete HTTP/1.0\r\nhost:a\r\ntransfer-encoding: chunked\r\n\r\n";
    [get, put, post].map(<[u8]>::to_vec).into()
}
