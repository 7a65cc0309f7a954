//! The parsers of what S3 clients send, for `bench/fuzz` and its test only: some are private, and
//! stay so. Each takes any bytes and must not panic.

use crate::body::chunked::{Decoder, Step};
use crate::form::file::Step as FileStep;
use crate::form::{FileDecoder, Form, HeadReader, Policy, Progress};
use crate::query::Query;
use crate::sigv4::{Claim, FormClaim};
use crate::xml::read::{self, CompleteMultipartUpload, CreateBucketConfiguration, Delete};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::WallTime;
use hamster_net::http::Head;

/// A name, the parser, and real bytes of the kind that it parses.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub fn targets() -> Vec<Target> {
    vec![
        ("authorization", authorization, authorizations),
        ("aws_chunked", aws_chunked, aws_chunked_bodies),
        ("xml", xml, documents),
        ("form", form, forms),
        ("policy", policy, policies),
    ]
}

/// A line of the Authorization header, a line of the query.
fn authorization(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (line, query) = text.split_once('\n').unwrap_or((text, ""));
    let header = match line {
        "" => String::new(),
        line => format!("authorization: {line}\r\n"),
    };
    let head = format!(
        "GET /b/k?{query} HTTP/1.1\r\nhost: a\r\n{header}x-amz-date: 20130524T000000Z\r\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\n"
    );
    let Ok(Some((head, _))) = Head::parse(head.as_bytes()) else { return };
    let Ok(query) = Query::parse(head.query()) else { return };
    if let Ok(claim) = Claim::of(head.headers(), &query) {
        let _signed = claim.signs("host");
    }
}

fn authorizations() -> Vec<Vec<u8>> {
    let credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    let signature = "0".repeat(64);
    let header = format!(
        "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, \
         Signature={signature}"
    );
    let query = format!(
        "\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date=20130524T000000Z\
         &X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}",
        credential.replace('/', "%2F")
    );
    vec![header.into(), query.into()]
}

type Decoded = Option<(Vec<u8>, Vec<(String, String)>)>;

fn decode(wire: &[u8], trailers: bool, piece: usize) -> Decoded {
    let mut decoder = Decoder::new(None, trailers);
    let mut payload = Vec::new();
    for mut bytes in wire.chunks(piece) {
        while !bytes.is_empty() {
            let count = match decoder.step(bytes).ok()? {
                Step::Framing(count) => count,
                Step::Payload(count) => {
                    payload.extend(&bytes[..count]);
                    count
                }
            };
            bytes = &bytes[count..];
        }
    }
    Some((payload, decoder.finish().ok()?))
}

fn aws_chunked(bytes: &[u8]) {
    for trailers in [false, true] {
        let whole = decode(bytes, trailers, usize::MAX);
        for piece in [1, 7] {
            assert_eq!(decode(bytes, trailers, piece), whole, "cut into pieces of {piece}");
        }
    }
}

fn aws_chunked_bodies() -> Vec<Vec<u8>> {
    let plain = "5\r\nhello\r\n0\r\n\r\n";
    let trailer = "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    let signed =
        format!("2;chunk-signature={0}\r\nab\r\n0;chunk-signature={0}\r\n\r\n", "0".repeat(64));
    vec![plain.into(), trailer.into(), signed.into()]
}

fn xml(bytes: &[u8]) {
    let _delete = read::document::<Delete>(bytes, "Delete");
    let _complete = read::document::<CompleteMultipartUpload>(bytes, "CompleteMultipartUpload");
    let _create = read::document::<CreateBucketConfiguration>(bytes, "CreateBucketConfiguration");
}

fn documents() -> Vec<Vec<u8>> {
    let documents = [
        "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true\
         </Quiet><Object><Key>a&amp;&#x20;b</Key><VersionId>null</VersionId></Object></Delete>",
        "<CompleteMultipartUpload><Part><ETag>\"a\"</ETag><PartNumber>1</PartNumber><ChecksumCRC32>\
         AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>",
        "<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint>\
         </CreateBucketConfiguration>",
    ];
    documents.map(|document| document.as_bytes().to_vec()).into()
}

const BOUNDARY: &str = "b";

fn read_form(wire: &[u8], piece: usize) -> Option<(Form, Vec<u8>)> {
    let mut reader = HeadReader::new(BOUNDARY);
    let mut pieces = wire.chunks(piece);
    let mut rest = loop {
        let piece = pieces.next()?;
        if let Progress::File { surplus } = reader.feed(piece).ok()? {
            break &piece[piece.len() - surplus..];
        }
    };
    let (mut decoder, mut file) = (FileDecoder::new(BOUNDARY), Vec::new());
    while !decoder.is_at_end() {
        if rest.is_empty() {
            rest = pieces.next()?;
        }
        let count = match decoder.step(rest).ok()? {
            FileStep::Payload(count) => {
                file.extend(&rest[..count]);
                count
            }
            FileStep::Held(count) => {
                file.extend(&decoder.delimiter()[..count]);
                0
            }
            FileStep::Framing(count) => count,
            FileStep::End => 0,
        };
        rest = &rest[count..];
    }
    Some((reader.into_form(), file))
}

/// A form is the same however it is cut, and no larger than what came.
fn form(bytes: &[u8]) {
    let whole = read_form(bytes, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(read_form(bytes, piece), whole, "cut into pieces of {piece}");
    }
    let Some((form, file)) = whole else { return };
    assert!(file.len() < bytes.len());
    let _headers = form.headers();
    let _claim = FormClaim::of(&form, "us-east-1");
    if let Some(Ok(policy)) = form.get("policy").map(Policy::decode) {
        let _sizes = policy.check(&form, "bucket", WallTime::from_secs(0));
    }
}

fn forms() -> Vec<Vec<u8>> {
    let part = |head: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    };
    let policy = BASE64_STANDARD.encode(&policies()[0]);
    let file = part("name=\"file\"; filename=\"C:\\d\\f\"", "\r\n--\r\n-\r") + "--b--\r\n";
    let v4 = part("name=\"key\"", "u/${filename}")
        + &part("name=\"Policy\"; filename=x", &policy)
        + &part("name=x-amz-algorithm", "AWS4-HMAC-SHA256")
        + &part("name=x-amz-credential", "a/20130524/us-east-1/s3/aws4_request")
        + &part("name=\"x-amz-date\"", "20130524T000000Z")
        + &part("name=\"x-amz-signature\"", &"0".repeat(64))
        + &file;
    let v2 = part("name=\"AWSAccessKeyId\"", "a") + &part("name=\"signature\"", "b") + &file;
    vec![v4.into(), v2.into()]
}

fn policy(bytes: &[u8]) {
    let Ok(policy) = Policy::decode(&BASE64_STANDARD.encode(bytes)) else { return };
    let _sizes = policy.check(&Form::default(), "bucket", WallTime::from_secs(0));
}

fn policies() -> Vec<Vec<u8>> {
    let policy = "{\"expiration\": \"2013-05-24T00:00:00.000Z\", \"conditions\": [{\"bucket\": \"b\"}, \
                  [\"starts-with\", \"$key\", \"u\\$\\v\\u00e9\"], [\"eq\", \"$acl\", \"\"], \
                  [\"content-length-range\", 1, \"10\"]]}";
    vec![policy.into()]
}
