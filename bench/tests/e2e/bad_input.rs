//! Requests that are wrong, hostile or cut short, over raw sockets: the right S3 error, nothing
//! readable afterwards, and a closed connection where it is unclear where the next request begins.

use crate::support::{assert_same, bytes, serving};
use hamster_bench::client::{Answer, Call, Client, connect, read_answer};
use hamster_bench::clock;
use hamster_bench::cluster::{Node, root};
use hamster_bench::sign::{Credentials, STREAMING_PAYLOAD, Signer, Unsigned, encode};
use hamster_core::WallTime;
use std::io::{BufRead, Write};
use std::net::Shutdown;
use std::time::Duration;

/// Sends `request` and, with `hang_up`, nothing more ever. The answer (`None`: the connection ended
/// without one), and whether the server then closed the connection.
fn send(host: &str, request: &[u8], hang_up: bool) -> (Option<Answer>, bool) {
    let mut stream = connect(host).expect("it serves");
    stream.get_mut().write_all(request).expect("it reads");
    if hang_up {
        stream.get_mut().shutdown(Shutdown::Write).expect("it is open");
    }
    let head = request.starts_with(b"HEAD ");
    let answer = read_answer(&mut stream, head).ok().map(|(answer, _)| answer);
    let wait = Some(Duration::from_millis(500));
    stream.get_mut().set_read_timeout(wait).expect("a timeout");
    let closed = match stream.fill_buf() {
        Ok(rest) => rest.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    (answer, closed)
}

#[track_caller]
fn assert_error(answer: Option<&Answer>, status: u16, code: &str) {
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
}

/// A node with a bucket `box` that holds `victim`.
fn node() -> (Node, Client, String) {
    let node = serving(1);
    let (mut client, host) = (node.client(), node.s3.to_string());
    client.create_bucket("box").expect("the bucket is made");
    assert_eq!(client.put("box", "victim", b"treasure").expect("an answer").status, 200);
    (node, client, host)
}

#[track_caller]
fn assert_absent(client: &mut Client, key: &str) {
    let answer = client.get("box", key).expect("an answer");
    assert_eq!(answer.status, 404, "{key} is readable");
}

/// A signed GET with something wrong about its signing; its head.
fn head(signer: &mut Signer, host: &str, path: &str, now: WallTime) -> Vec<u8> {
    head_of("GET", signer, host, path, now)
}

/// The head of a signed request that says nothing of a body.
fn head_of(method: &str, signer: &mut Signer, host: &str, path: &str, now: WallTime) -> Vec<u8> {
    let payload = hamster_bench::sign::EMPTY_PAYLOAD;
    let request = Unsigned { method, path, query: "", host, headers: &[], payload };
    let authorization = signer.authorization(&request, now);
    let stamp = signer.stamp(now);
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {stamp}\r\n\
         x-amz-content-sha256: {payload}\r\nauthorization: {authorization}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn who_cannot_sign_reads_nothing() {
    let (mut node, _, host) = node();
    let now = clock::wall();
    let signer = |access_key: &str, secret_key: &str| {
        let (access_key, secret_key) = (access_key.to_owned(), secret_key.to_owned());
        Signer::new(Credentials { access_key, secret_key }, "us-east-1")
    };
    let good = root();
    let mut right = signer(&good.access_key, &good.secret_key);
    let skew = 16 * 60;
    let table = [
        ("unknown key", signer("nobody", &good.secret_key), now, "InvalidAccessKeyId"),
        ("wrong secret", signer(&good.access_key, "wrong"), now, "SignatureDoesNotMatch"),
        (
            "an hour ago",
            signer(&good.access_key, &good.secret_key),
            WallTime::from_secs(now.secs() - skew),
            "RequestTimeTooSkewed",
        ),
        (
            "from the future",
            signer(&good.access_key, &good.secret_key),
            WallTime::from_secs(now.secs() + skew),
            "RequestTimeTooSkewed",
        ),
    ];
    for (what, mut signer, when, code) in table {
        let (answer, _) = send(&host, &head(&mut signer, &host, "/box/victim", when), false);
        println!("{what}");
        assert_error(answer.as_ref(), 403, code);
    }
    let unsigned = format!("GET /box/victim HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let (answer, _) = send(&host, unsigned.as_bytes(), false);
    assert_error(answer.as_ref(), 403, "AccessDenied");
    // Signed for one key, sent for another.
    let text = head(&mut right, &host, "/box/other", now);
    let text = String::from_utf8(text).expect("text").replace("/box/other", "/box/victim");
    let (answer, _) = send(&host, text.as_bytes(), false);
    assert_error(answer.as_ref(), 403, "SignatureDoesNotMatch");
    node.stop();
}

#[test]
fn presigned_urls_that_were_edited_or_expired_are_worth_nothing() {
    let (mut node, mut client, host) = node();
    let request = Unsigned {
        method: "GET",
        path: "/box/victim",
        query: "",
        host: &host,
        headers: &[],
        payload: "",
    };
    let now = clock::wall();
    let get = |query: String| {
        let text = format!("GET /box/victim?{query} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        send(&host, text.as_bytes(), false).0
    };
    let good = client.signer().presign(&request, now, 60);
    assert_eq!(get(good.clone()).expect("an answer").body, b"treasure");
    let edited = good.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    assert_error(get(edited).as_ref(), 403, "SignatureDoesNotMatch");
    let added = format!("{good}&response-content-type=text%2Fhtml");
    assert_error(get(added).as_ref(), 403, "SignatureDoesNotMatch");
    let old = WallTime::from_secs(now.secs() - 120);
    let expired = client.signer().presign(&request, old, 60);
    assert_error(get(expired).as_ref(), 403, "AccessDenied");
    let too_long = client.signer().presign(&request, now, 604_801);
    assert_error(get(too_long).as_ref(), 400, "AuthorizationQueryParametersError");
    node.stop();
}

/// A PUT in signed chunks whose second chunk is not what was signed.
#[test]
fn a_wrong_chunk_signature_stores_nothing() {
    let (mut node, mut client, host) = node();
    let chunks = [bytes(1, 64 << 10), bytes(2, 64 << 10)];
    for forged in [false, true] {
        let key = if forged { "forged" } else { "signed" };
        let request = chunked_put(&mut client, &host, key, &chunks, forged);
        let (answer, _) = send(&host, &request, false);
        if !forged {
            assert_eq!(answer.expect("an answer").status, 200);
            let stored = client.get("box", key).expect("an answer");
            assert_same(&stored.body, &chunks.concat(), "signed chunks");
            continue;
        }
        assert_error(answer.as_ref(), 403, "SignatureDoesNotMatch");
        assert_absent(&mut client, key);
    }
    node.stop();
}

fn chunked_put(
    client: &mut Client,
    host: &str,
    key: &str,
    chunks: &[Vec<u8>],
    forged: bool,
) -> Vec<u8> {
    let length: usize = chunks.iter().map(Vec::len).sum();
    let (length, path, now) = (length.to_string(), format!("/box/{key}"), clock::wall());
    let headers =
        [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", length.as_str())];
    let request = Unsigned {
        method: "PUT",
        path: &path,
        query: "",
        host,
        headers: &headers,
        payload: STREAMING_PAYLOAD,
    };
    let signer = client.signer();
    let authorization = signer.authorization(&request, now);
    let mut signature = signer.signature(&request, now);
    let mut body = Vec::new();
    for (index, chunk) in chunks.iter().map(Vec::as_slice).chain([&[][..]]).enumerate() {
        signature = signer.chunk(&signature, chunk);
        let size = chunk.len();
        body.extend(format!("{size:x};chunk-signature={signature}\r\n").into_bytes());
        let begin = body.len();
        body.extend_from_slice(chunk);
        if forged && index == 1 {
            body[begin] ^= 1;
        }
        body.extend_from_slice(b"\r\n");
    }
    let mut text = format!(
        "PUT {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {}\r\nauthorization: {authorization}\r\n\
         x-amz-content-sha256: {STREAMING_PAYLOAD}\r\ncontent-encoding: aws-chunked\r\n\
         x-amz-decoded-content-length: {length}\r\ncontent-length: {}\r\n\r\n",
        signer.stamp(now),
        body.len()
    )
    .into_bytes();
    text.extend(body);
    text
}

#[test]
fn a_body_that_is_not_what_was_promised_is_not_stored() {
    let (mut node, mut client, host) = node();
    let body = bytes(3, 300_000);
    let path = "/box/broken";
    let put = |client: &mut Client, headers: &[(&str, &str)]| {
        let mut text = client.head(&Call { method: "PUT", path, headers, body: &body, query: "" });
        text.extend_from_slice(&body);
        text
    };
    // MD5 of nothing; no MD5 at all; another body than the signed one; less body than announced.
    let request = put(&mut client, &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")]);
    let (answer, _) = send(&host, &request, false);
    assert_error(answer.as_ref(), 400, "BadDigest");
    let request = put(&mut client, &[("content-md5", "nonsense")]);
    let (answer, _) = send(&host, &request, false);
    assert_error(answer.as_ref(), 400, "InvalidDigest");
    let request = put(&mut client, &[("x-amz-checksum-crc32", "AAAAAA==")]);
    let (answer, _) = send(&host, &request, false);
    assert_error(answer.as_ref(), 400, "BadDigest");
    let mut request = put(&mut client, &[]);
    *request.last_mut().expect("a body") ^= 1;
    let (answer, _) = send(&host, &request, false);
    assert_error(answer.as_ref(), 400, "XAmzContentSHA256Mismatch");
    let request = put(&mut client, &[]);
    let (answer, closed) = send(&host, &request[..request.len() - 1000], true);
    assert!(closed, "the next request cannot be found");
    if let Some(answer) = answer {
        assert_error(Some(&answer), 400, "IncompleteBody");
    }
    assert_absent(&mut client, "broken");
    node.stop();
}

#[test]
fn what_is_not_there_is_named_as_such() {
    let (mut node, mut client, _) = node();
    let table = [
        ("GET", "/box/missing", "", 404, "NoSuchKey"),
        ("GET", "/missing/k", "", 404, "NoSuchBucket"),
        ("PUT", "/missing/k", "", 404, "NoSuchBucket"),
        ("DELETE", "/missing/k", "", 404, "NoSuchBucket"),
        ("GET", "/missing", "list-type=2", 404, "NoSuchBucket"),
        ("DELETE", "/missing", "", 404, "NoSuchBucket"),
        ("DELETE", "/box", "", 409, "BucketNotEmpty"),
        ("GET", "/box/k", "uploadId=nonsense", 404, "NoSuchUpload"),
        ("PUT", "/Not_A_Bucket", "", 400, "InvalidBucketName"),
        ("GET", "/box", "policy=", 501, "NotImplemented"),
    ];
    for (method, path, query, status, code) in table {
        let answer = client.call(&Call { method, path, query, ..Call::default() });
        println!("{method} {path}?{query}");
        assert_error(answer.ok().as_ref(), status, code);
    }
    let head = Call { method: "HEAD", path: "/box/missing", ..Call::default() };
    let answer = client.call(&head).expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (404, 0));
    node.stop();
}

#[test]
fn malformed_xml_changes_nothing() {
    let (mut node, mut client, _) = node();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">]>\
        <Delete><Object><Key>&b;</Key></Object></Delete>";
    for body in ["", "<Delete><Object><Key>victim</Key>", "{}", "<Delete></Other>", bomb] {
        let md5 = md5_of(body.as_bytes());
        let headers = [("content-md5", md5.as_str())];
        let delete = Call {
            method: "POST",
            path: "/box",
            query: "delete=",
            headers: &headers,
            body: body.as_bytes(),
        };
        let answer = client.call(&delete).expect("an answer");
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let code = answer.code();
        assert!(matches!(code.as_str(), "MalformedXML" | "MissingRequestBodyError"), "{code}");
    }
    assert_eq!(client.get("box", "victim").expect("an answer").body, b"treasure");
    node.stop();
}

fn md5_of(body: &[u8]) -> String {
    use md5::{Digest, Md5};
    let digest = Md5::digest(body);
    // Base64 of 16 bytes, by hand: 24 characters.
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in digest.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).expect("six bits");
            let filler = place > three.len();
            text.push(if filler { '=' } else { char::from(DIGITS[digit]) });
        }
    }
    text
}

/// Keys are opaque: whatever looks like a path stays a key of its bucket.
#[test]
fn keys_that_look_like_paths_stay_keys() {
    let (mut node, mut client, _) = node();
    client.create_bucket("other").expect("the bucket is made");
    let keys =
        ["../other/k", "..", "a/../../b", "a//b", "/", "//x", "./.", "a/b", "nul\0key", "%2F"];
    for key in keys {
        let answer = client.put("box", key, key.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.text());
    }
    for key in keys {
        let answer = client.get("box", key).expect("an answer");
        assert_same(&answer.body, key.as_bytes(), &format!("{key:?}"));
    }
    // A slash is a slash, however it is written.
    let call = Call { method: "GET", path: "/box/a%2Fb", ..Call::default() };
    assert_eq!(client.call(&call).expect("an answer").body, b"a/b");
    let list = |client: &mut Client, bucket: &str| {
        let path = format!("/{bucket}");
        let query = "encoding-type=url&list-type=2";
        let call = Call { method: "GET", path: &path, query, ..Call::default() };
        client.call(&call).expect("an answer").text().matches("<Key>").count()
    };
    assert_eq!(list(&mut client, "other"), 0, "nothing went to another bucket");
    assert_eq!(list(&mut client, "box"), keys.len() + 1);
    for path in ["/../box/victim", "/%2E%2E/box", "/box%00/victim", "/%2Fbox/victim"] {
        let answer = client.call(&Call { method: "GET", path, ..Call::default() });
        let answer = answer.expect("an answer");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text());
        assert!(!answer.body.windows(8).any(|text| text == b"treasure"), "{path}");
    }
    let (longest, longer) = ("k".repeat(1024), "k".repeat(1025));
    assert_eq!(client.put("box", &longest, b"").expect("an answer").status, 200);
    let answer = client.put("box", &longer, b"").expect("an answer");
    assert_error(Some(&answer), 400, "KeyTooLongError");
    let wide = "ü".repeat(513);
    let call = format!("/box/{}", encode(&wide, true));
    let answer = client.call(&Call { method: "PUT", path: &call, ..Call::default() });
    assert_error(answer.ok().as_ref(), 400, "KeyTooLongError");
    node.stop();
}

/// An object of no bytes must not come of a PUT whose body has no known end.
#[test]
fn a_put_that_does_not_say_how_long_it_is_stores_nothing() {
    let (mut node, mut client, host) = node();
    let mut signer = Signer::new(root(), "us-east-1");
    let mut request = head_of("PUT", &mut signer, &host, "/box/k", clock::wall());
    request.extend_from_slice(b"hello");
    let (answer, _) = send(&host, &request, false);
    assert_error(answer.as_ref(), 411, "MissingContentLength");
    assert_absent(&mut client, "k");
    node.stop();
}

/// Requests that two parsers could cut apart differently: refused, and the connection closed.
#[test]
fn framing_in_doubt_closes_the_connection() {
    let (mut node, mut client, host) = node();
    let table = [
        "PUT /box/k HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "PUT /box/k HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT /box/k HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\nhello",
        "PUT /box/k HTTP/1.1\r\nhost: h\r\ncontent-length: +5\r\n\r\nhello",
        "PUT /box/k HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999\r\n\r\nhello",
        "GET /box/k HTTP/1.1\r\nhost: h\r\nbad header: x\r\n\r\n",
        "GET /box/k HTTP/1.1\r\nhost : h\r\n\r\n",
        "GET  /box/k HTTP/1.1\r\nhost: h\r\n\r\n",
        "nonsense\r\n\r\n",
    ];
    for request in table {
        let (answer, closed) = send(&host, request.as_bytes(), false);
        println!("{request:?}: {:?}", answer.as_ref().map(|answer| answer.status));
        assert!(closed, "{request:?}");
        assert!(answer.is_none_or(|answer| answer.status >= 400), "{request:?}");
    }
    let long = format!("GET /box/k HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "x".repeat(64 << 10));
    let (answer, closed) = send(&host, long.as_bytes(), false);
    assert!(closed && answer.is_none_or(|answer| answer.status == 431), "a head without end");
    assert_absent(&mut client, "k");
    node.stop();
}
