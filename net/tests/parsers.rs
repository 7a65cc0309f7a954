//! The parsers, against tables and models: how bytes are split never makes a difference.

use hamster_core::limits::{CHUNK_OVERHEAD_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX};
use hamster_net::http::chunked::{ChunkDecoder, Chunked};
use hamster_net::http::framing::{self, Framing};
use hamster_net::http::{BodyLength, Head, Method, Rejection};
use proptest::prelude::*;

const HEAD: &str = "PUT /bucket/a%20key?partNumber=1&uploadId=x HTTP/1.1\r\nHost: s3.example\r\n\
                    X-Amz-Meta-Name:  caf\u{e9} \t\r\nx-amz-meta-name: second\r\nEmpty:\r\n\
                    Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n";

fn frame(request: &str) -> Result<Framing, Rejection> {
    let (head, _) = Head::parse(request.as_bytes())?.expect("a complete head");
    framing::of_request(&head)
}

#[test]
fn a_head_gives_back_what_was_sent() {
    let (head, length) = Head::parse(HEAD.as_bytes()).unwrap().unwrap();
    assert_eq!(length, HEAD.len());
    assert_eq!((head.method(), head.path()), (Method::Put, "/bucket/a%20key"));
    assert_eq!(head.query(), Some("partNumber=1&uploadId=x"));
    let headers: Vec<_> = head.headers().iter().collect();
    assert_eq!(headers[0], ("host", "s3.example"));
    assert_eq!(headers[1], ("x-amz-meta-name", "caf\u{e9}"));
    assert_eq!(headers[3], ("empty", ""));
    assert_eq!(head.headers().get("x-amz-meta-name"), Some("caf\u{e9}"));
    assert_eq!(head.headers().get_all("x-amz-meta-name").count(), 2);
    let expected = Framing { body: BodyLength::Exact(5), keep_alive: true, expects_continue: true };
    assert_eq!(framing::of_request(&head), Ok(expected));
}

#[test]
fn every_prefix_of_a_head_is_incomplete_and_what_follows_is_not_read() {
    for end in 0..HEAD.len() {
        assert!(matches!(Head::parse(&HEAD.as_bytes()[..end]), Ok(None)), "{end} bytes");
    }
    let followed = [HEAD.as_bytes(), b"\r\n\n\0 \xff body"].concat();
    assert_eq!(Head::parse(&followed).unwrap().unwrap().1, HEAD.len());
}

/// What a header holds is kept and given back as text: bytes that are none are refused.
#[test]
fn headers_that_are_not_utf_8_are_refused() {
    let latin_1 = b"PUT /b/k HTTP/1.1\r\nhost: a\r\nx-amz-meta-a: caf\xe9\r\n\r\n";
    assert!(matches!(Head::parse(latin_1), Err(Rejection::Malformed(_))));
}

#[test]
fn one_empty_line_before_a_request_is_passed_over() {
    let (_, length) = Head::parse(b"\r\nGET / HTTP/1.0\r\n\r\nrest").unwrap().unwrap();
    assert_eq!(length, 20);
    for flood in ["\r\n\r\n", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "\n", "\r\n\n"] {
        assert!(Head::parse(flood.as_bytes()).is_err(), "{flood:?}");
    }
}

#[test]
fn heads_have_bounds() {
    let header = |length: usize| format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(length));
    let fits = HEAD_BYTES_MAX.as_usize() - header(0).len();
    assert!(matches!(Head::parse(header(fits).as_bytes()), Ok(Some(_))));
    let too_large = Some(Rejection::HeadTooLarge);
    assert_eq!(Head::parse(header(fits + 1).as_bytes()).err(), too_large);
    let endless = "GET /".to_owned() + &"a".repeat(HEAD_BYTES_MAX.as_usize());
    assert_eq!(Head::parse(endless.as_bytes()).err(), too_large);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
    assert_eq!(Head::parse(many.as_bytes()).err(), too_large);
}

#[test]
fn frames_are_read_strictly() {
    let none = Framing { body: BodyLength::None, keep_alive: true, expects_continue: false };
    let chunked = Framing { body: BodyLength::Chunked, ..none };
    let exact = |length| Framing { body: BodyLength::Exact(length), ..none };
    let closing = Framing { keep_alive: false, ..none };
    for (headers, expected) in [
        ("", none),
        ("content-length: 0\r\n", exact(0)),
        ("content-length: 18446744073709551615\r\n", exact(u64::MAX)),
        ("transfer-encoding: Chunked\r\n", chunked),
        ("connection: keep-alive, Close\r\n", closing),
        ("expect: 200-ok\r\n", none),
        ("expect:\r\n", none),
    ] {
        assert_eq!(frame(&format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n")), Ok(expected));
    }
    assert_eq!(frame("GET / HTTP/1.0\r\n\r\n"), Ok(closing));
    assert_eq!(frame("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), Ok(closing));
}

/// Decodes `wire` as it comes in pieces of these sizes: the payload, and how many bytes were read.
fn decode(wire: &[u8], sizes: &[usize]) -> Result<(Vec<u8>, usize), &'static str> {
    let (mut decoder, mut payload) = (ChunkDecoder::default(), Vec::new());
    let (mut read, mut come, mut turn) = (0, 0, 0);
    while come < wire.len() {
        come = wire.len().min(come + sizes[turn % sizes.len()]);
        turn += 1;
        loop {
            let (skip, found) = decoder.read(&wire[read..come])?;
            read += skip;
            match found {
                Chunked::More => break,
                Chunked::End => return Ok((payload, read)),
                Chunked::Payload(count) => {
                    // Takes half, so that payload is asked for again.
                    let count = count.div_ceil(2);
                    payload.extend_from_slice(&wire[read..read + count]);
                    decoder.take(count);
                    read += count;
                }
            }
        }
    }
    Err("not at its end")
}

proptest! {
    #[test]
    fn chunks_decode_to_what_was_encoded_however_they_arrive(
        chunks in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..300), "(;[ -~]{0,9})?"),
            0..8,
        ),
        trailer in "([a-z-]{1,9}: [ -~]{0,9}\r\n){0,3}",
        sizes in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let mut wire = Vec::new();
        for (payload, extension) in &chunks {
            wire.extend_from_slice(format!("{:X}{extension}\r\n", payload.len()).as_bytes());
            wire.extend_from_slice(payload);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(format!("00\r\n{trailer}\r\n").as_bytes());
        let end = wire.len();
        wire.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let expected: Vec<u8> = chunks.into_iter().flat_map(|(payload, _)| payload).collect();
        prop_assert_eq!(decode(&wire, &sizes), Ok((expected, end)));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic_and_no_split_changes_their_answer(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b';'), any::<u8>()],
            0..200,
        ),
        sizes in prop::collection::vec(1_usize..20, 1..5),
    ) {
        drop(Head::parse(&bytes));
        prop_assert_eq!(decode(&bytes, &sizes), decode(&bytes, &[bytes.len().max(1)]));
    }
}

#[test]
fn broken_chunks_are_refused() {
    let endless_extension = format!("1;{}", "a".repeat(CHUNK_OVERHEAD_BYTES_MAX));
    let endless_trailer = format!("0\r\n{}", "a: b\r\n".repeat(CHUNK_OVERHEAD_BYTES_MAX));
    for wire in [
        "\r\n",
        ";a\r\n",
        "g\r\n",
        "+1\r\na\r\n",
        "-1\r\na\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        "1\na\r\n",
        "1\ra\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1;a\nb\r\na\r\n",
        "1;a\0\r\na\r\n",
        "1000000000000000\r\n",
        "0\r\n folded: a\r\n\r\n",
        "0\r\na: b\n\r\n",
        "0\r\n\n",
        &endless_extension,
        &endless_trailer,
    ] {
        let error = decode(wire.as_bytes(), &[7]).expect_err(wire);
        assert_ne!(error, "not at its end", "{wire:?}");
    }
}
