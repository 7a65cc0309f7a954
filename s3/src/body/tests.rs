//! Facts about bodies: what keeps its promises comes through, whatever breaks one does not.

use super::{Body, ChecksumOf, Digests};
use crate::checksum::Algorithm;
use crate::error::Code;
use crate::sigv4::Payload;
use crate::testing::head;
use aws_lc_rs::digest;
use bytes::Bytes;
use hamster_core::sim;
use hamster_net::http::RequestBody;

type Read = Result<(Vec<u8>, Digests), Code>;

/// Reads `wire` as the body of a PUT with these headers.
fn read(payload: Payload, headers: &[(&str, &str)], wire: &[u8]) -> Read {
    let head = head("PUT", "/b/k", headers);
    let source = RequestBody::whole(Bytes::copy_from_slice(wire));
    sim::run(1, |core| async move {
        let read = async {
            let mut body = Body::open(source, payload, head.headers(), ChecksumOf::Body, &core)?;
            let bytes = body.gather(1 << 20).await?;
            Ok((bytes, body.into_digests()))
        };
        read.await.map_err(|error: crate::S3Error| error.code())
    })
}

fn plain(headers: &[(&str, &str)], wire: &[u8]) -> Read {
    read(Payload::Unsigned, headers, wire)
}

fn chunked(headers: &[(&str, &str)], wire: &str) -> Read {
    read(Payload::Chunked { signer: None, trailers: true }, headers, wire.as_bytes())
}

#[test]
fn a_body_without_promises_comes_through() {
    assert_eq!(plain(&[], b"hello"), Ok((b"hello".to_vec(), Digests::default())));
    assert_eq!(plain(&[], b""), Ok((Vec::new(), Digests::default())));
    let long = vec![7; 300_000];
    assert_eq!(plain(&[], &long).map(|(bytes, _)| bytes), Ok(long));
}

#[test]
fn the_signed_hash_is_that_of_the_body() {
    let hash = |bytes: &[u8]| {
        let hash = digest::digest(&digest::SHA256, bytes);
        Payload::Hashed(hash.as_ref().try_into().expect("32 bytes"))
    };
    assert!(read(hash(b"hello"), &[], b"hello").is_ok());
    assert_eq!(read(hash(b"hello"), &[], b"hellO"), Err(Code::XAmzContentSHA256Mismatch));
    assert_eq!(read(hash(b"hello"), &[], b""), Err(Code::XAmzContentSHA256Mismatch));
}

#[test]
fn the_content_md5_is_that_of_the_body() {
    let md5 = "XUFAKrxLKna5cZ2REBfFkg==";
    let digests = plain(&[("content-md5", md5)], b"hello").map(|(_, digests)| digests.md5);
    assert_eq!(
        digests.map(|md5| md5.map(hex::encode)),
        Ok(Some("5d41402abc4b2a76b9719d911017c592".to_owned()))
    );
    assert_eq!(plain(&[("content-md5", md5)], b"hellO"), Err(Code::BadDigest));
    for malformed in ["", "nonsense", "AAAA", "5d41402abc4b2a76b9719d911017c592"] {
        assert_eq!(plain(&[("content-md5", malformed)], b"hello"), Err(Code::InvalidDigest));
    }
    let two = [("content-md5", md5), ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    assert_eq!(plain(&two, b"hello"), Err(Code::InvalidDigest));
}

#[test]
fn every_checksum_is_checked_in_header_and_trailer() {
    for algorithm in Algorithm::ALL {
        let (good, bad) = (algorithm.of(b"hello"), algorithm.of(b"other"));
        let name = algorithm.header();
        let kept = |read: Read| read.map(|(_, digests)| digests.checksum.map(|it| it.value));
        assert_eq!(kept(plain(&[(name, &good)], b"hello")), Ok(Some(good.clone())));
        assert_eq!(plain(&[(name, &bad)], b"hello"), Err(Code::BadDigest));
        assert_eq!(plain(&[(name, "AAA")], b"hello"), Err(Code::InvalidRequest));

        let headers = [("x-amz-decoded-content-length", "5"), ("x-amz-trailer", name)];
        let with =
            |value: &str| chunked(&headers, &format!("5\r\nhello\r\n0\r\n{name}:{value}\r\n\r\n"));
        assert_eq!(kept(with(&good)), Ok(Some(good.clone())));
        assert_eq!(with(&bad), Err(Code::BadDigest));
        let without = chunked(&headers, "5\r\nhello\r\n0\r\n\r\n");
        assert_eq!(without, Err(Code::MalformedTrailerError));
    }
}

#[test]
fn the_declared_trailer_comes_once_and_no_other() {
    let (name, value) = (Algorithm::Crc32.header(), Algorithm::Crc32.of(b"hello"));
    let (good, other) = (format!("{name}:{value}\r\n"), "x-amz-checksum-sha1:AAAA\r\n");
    let of = |declared: Option<&str>, trailers: &str| {
        let length = ("x-amz-decoded-content-length", "5");
        let headers: Vec<_> =
            std::iter::once(length).chain(declared.map(|it| ("x-amz-trailer", it))).collect();
        chunked(&headers, &format!("5\r\nhello\r\n0\r\n{trailers}\r\n")).map(drop)
    };
    assert_eq!(of(Some(name), &good), Ok(()));
    assert_eq!(of(None, ""), Ok(()));
    for (declared, trailers) in [
        (Some(name), good.clone() + &good),
        (Some(name), good.clone() + other),
        (Some(name), other.to_owned()),
        (None, good.clone()),
    ] {
        assert_eq!(of(declared, &trailers), Err(Code::MalformedTrailerError), "{trailers}");
    }
    for unknown in ["x-amz-meta-a", "", "x-amz-checksum-crc32,x-amz-checksum-sha1"] {
        assert_eq!(of(Some(unknown), &good), Err(Code::InvalidRequest), "{unknown}");
    }
}

#[test]
fn two_checksums_are_refused() {
    let (crc32, sha1) = (Algorithm::Crc32.of(b"hello"), Algorithm::Sha1.of(b"hello"));
    let two = [("x-amz-checksum-crc32", &*crc32), ("x-amz-checksum-sha1", &*sha1)];
    assert_eq!(plain(&two, b"hello"), Err(Code::InvalidRequest));
    let both = [("x-amz-checksum-crc32", &*crc32), ("x-amz-trailer", "x-amz-checksum-sha1")];
    assert_eq!(plain(&both, b"hello"), Err(Code::InvalidRequest));
}

#[test]
fn the_decoded_length_is_exact() {
    let of = |length: &str, wire: &str| chunked(&[("x-amz-decoded-content-length", length)], wire);
    let wire = "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    assert_eq!(of("5", wire).map(|(bytes, _)| bytes), Ok(b"hello".to_vec()));
    for length in ["4", "6", "0"] {
        assert_eq!(of(length, wire), Err(Code::IncompleteBody), "{length}");
    }
    assert_eq!(of("-5", wire), Err(Code::InvalidArgument));
    assert_eq!(chunked(&[], wire), Err(Code::MissingContentLength));
}

#[test]
fn a_body_over_the_bound_is_not_gathered() {
    assert_eq!(plain(&[], &vec![0; (1 << 20) + 1]), Err(Code::EntityTooLarge));
}
