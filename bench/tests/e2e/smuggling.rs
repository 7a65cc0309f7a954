//! Requests that two readers could cut apart differently, over real sockets and rightly signed as far as
//! signatures go: refused, the connection closed, and what follows in the same segment never runs.

use crate::support::{serving, tell};
use hamster_bench::client::{Call, Client, connect};
use hamster_bench::clock;
use hamster_bench::cluster::Node;
use hamster_bench::sign::Unsigned;
use std::io::{Read, Write};
use std::time::Duration;

/// Everything that comes back for `bytes`, until the server closes.
#[track_caller]
fn exchange(host: &str, bytes: &[u8], what: &str) -> String {
    let mut stream = connect(host).expect("it serves");
    stream.get_mut().set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.get_mut().write_all(bytes).expect("it reads");
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let reset = error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(reset, "{what}: not closed: {error}, after {}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A signed PUT of `/box/KEY` that would store a byte.
fn put(client: &mut Client, key: &str) -> String {
    let path = format!("/box/{key}");
    let call = Call { method: "PUT", path: &path, body: b"x", ..Call::default() };
    let head = String::from_utf8(client.head(&call)).expect("text");
    head + "x"
}

/// The same PUT with another frame: `lines` instead of its Content-Length, and this body.
fn framed(client: &mut Client, key: &str, lines: &str, body: &str) -> String {
    let request = put(client, key);
    let (head, _) = request.split_once("\r\n\r\n").expect("a head");
    let kept = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("content-length"));
    format!("{}\r\n{lines}\r\n\r\n{body}", kept.collect::<Vec<_>>().join("\r\n"))
}

fn node() -> (Node, Client, String) {
    let node = serving(1);
    let (mut client, host) = (node.client(), node.s3.to_string());
    client.create_bucket("box").expect("the bucket is made");
    (node, client, host)
}

/// Frames in doubt; none is taken, whatever its signature.
const FRAMES: [(&str, &str); 33] = [
    ("content-length: 1\r\ntransfer-encoding: chunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ncontent-length: 1", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ncontent-length: 0", "1\r\nx\r\n0\r\n\r\n"),
    ("content-length: 1\r\ncontent-length: 1", "x"),
    ("content-length: 1\r\ncontent-length: 2", "x"),
    ("content-length: 1, 1", "x"),
    ("content-length: 1,2", "x"),
    ("content-length: +1", "x"),
    ("content-length: -1", "x"),
    ("content-length: 1 1", "x"),
    ("content-length: 0x1", "x"),
    ("content-length: 1a", "x"),
    ("content-length: 1.0", "x"),
    ("content-length:", "x"),
    ("content-length: 18446744073709551617", "x"),
    ("content-length : 1", "x"),
    ("content-length\t: 1", "x"),
    (" content-length: 1", "x"),
    ("x-a: b\r\n content-length: 1", "x"),
    ("content-length:\r\n 1", "x"),
    ("content-length: 1\n", "x"),
    ("content-length: 1\0", "x"),
    ("content-length: \u{b}1", "x"),
    ("transfer-encoding: Chunked, chunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: gzip, chunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked, identity", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: identity", "x"),
    ("transfer-encoding: xchunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: \"chunked\"", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: \u{b}chunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding : chunked", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding:", "1\r\nx\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "1\r\nx\r\n0\r\n\r\n"),
];

#[test]
fn a_frame_in_doubt_is_refused_and_nothing_behind_it_runs() {
    let (mut node, mut client, host) = node();
    for (lines, body) in FRAMES {
        let first = framed(&mut client, "first", lines, body);
        let both = first + &put(&mut client, "second");
        let answer = exchange(&host, both.as_bytes(), lines);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lines:?}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{lines:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{lines:?}: {answer}");
    }
    // Without a doubt both run: the table attacks what is there.
    let good = framed(&mut client, "first", "content-length: 1", "x") + &put(&mut client, "second");
    assert_absent(&mut client);
    let answers = exchange(&host, closing(&good).as_bytes(), "two good ones");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    tell(&format!("smuggling: {} frames refused", FRAMES.len()));
    node.stop();
}

/// The last request asks for the connection's end.
fn closing(requests: &str) -> String {
    let at = requests.rfind("\r\n\r\n").expect("a head");
    format!("{}\r\nconnection: close{}", &requests[..at], &requests[at..])
}

#[track_caller]
fn assert_absent(client: &mut Client) {
    for key in ["first", "second"] {
        assert_eq!(client.get("box", key).expect("an answer").status, 404, "{key} is readable");
    }
}

#[test]
fn a_head_in_doubt_is_refused_and_nothing_behind_it_runs() {
    let (mut node, mut client, host) = node();
    let good = put(&mut client, "first");
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is in {good}");
        good.replacen(from, to, 1)
    };
    let host_line = format!("host: {host}\r\n");
    let heads = [
        with("PUT /box/first ", &format!("PUT http://{host}/box/first ")),
        with("PUT /box/first ", "PUT http://elsewhere/box/first "),
        with("PUT /box/first ", "PUT box/first "),
        with("PUT /box/first ", "PUT /box/first#x "),
        with("PUT /box/first ", "PUT /box/fi rst "),
        with("PUT ", "PUT  "),
        with("PUT ", " PUT "),
        with(" HTTP/1.1\r\n", " HTTP/1.1\n"),
        with(" HTTP/1.1\r\n", " HTTP/1.1\r\r\n"),
        with(" HTTP/1.1\r\n", " HTTP/2.0\r\n"),
        with(" HTTP/1.1\r\n", "\r\n"),
        with(&host_line, ""),
        with(&host_line, &format!("{host_line}{host_line}")),
        with(&host_line, &host_line.replace("host:", "host :")),
        with(&host_line, &format!("{host_line} folded\r\n")),
        with(&host_line, &format!("{host_line}no colon\r\n")),
        with(&host_line, &format!("{host_line}: no name\r\n")),
        with(&host_line, &format!("{host_line}x: a\rb\r\n")),
        with(&host_line, &format!("{host_line}x: a\nb: c\r\n")),
        with(&host_line, &format!("{host_line}x: a\0b\r\n")),
        with(&host_line, &format!("{host_line}x\0: b\r\n")),
        with("\r\n\r\n", "\n\n"),
        with("\r\n\r\n", "\r\n\n"),
        format!("\r\n\r\n{good}"),
        format!("\0{good}"),
    ];
    for head in &heads {
        let both = head.clone() + &put(&mut client, "second");
        let answer = exchange(&host, both.as_bytes(), head);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answer}");
        let refused = answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5");
        assert!(refused, "{head:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{head:?}: {answer}");
        assert_absent(&mut client);
    }
    tell(&format!("smuggling: {} heads refused", heads.len()));
    node.stop();
}

/// What a PUT of one byte streams without a known length: in the aws-chunked coding, and that as HTTP's
/// chunks.
const CHUNKS: &str = "b\r\n1\r\nx\r\n0\r\n\r\n\r\n0\r\n\r\n";

/// A PUT that streams `chunks`, as SDKs do over TLS.
fn streamed(client: &mut Client, host: &str, key: &str, chunks: &str) -> String {
    let (path, now) = (format!("/box/{key}"), clock::wall());
    let payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let headers = [("x-amz-decoded-content-length", "1")];
    let request =
        Unsigned { method: "PUT", path: &path, query: "", host, headers: &headers, payload };
    let authorization = client.signer().authorization(&request, now);
    let stamp = client.signer().stamp(now);
    format!(
        "PUT {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {stamp}\r\nauthorization: {authorization}\r\n\
         x-amz-content-sha256: {payload}\r\nx-amz-decoded-content-length: 1\r\n\
         transfer-encoding: chunked\r\n\r\n{chunks}"
    )
}

#[test]
fn chunks_in_doubt_store_nothing_and_nothing_behind_them_runs() {
    let (mut node, mut client, host) = node();
    let long = "e".repeat(20_000);
    let size = |size: &str| CHUNKS.replacen("b\r\n", size, 1);
    let end = |end: &str| CHUNKS.strip_suffix("0\r\n\r\n").expect("its end").to_owned() + end;
    let bodies = [
        size("b\n"),
        size("b\r"),
        size("\r\nb\r\n"),
        size("+b\r\n"),
        size("-b\r\n"),
        size("0xb\r\n"),
        size(" b\r\n"),
        size("b b\r\n"),
        size("g\r\n"),
        size("\r\n"),
        size("a\r\n"),
        size("c\r\n"),
        size("1000000000000000b\r\n"),
        size("ffffffffffffffff\r\n"),
        size("fffffffffffffffffb\r\n"),
        size(&format!("b;{long}\r\n")),
        size("b;x\ny\r\n"),
        size("b;x\0\r\n"),
        end("0\n\n"),
        end("0\r\n\n"),
        end("0\r\nx\ny\r\n\r\n"),
        end("00x\r\n\r\n"),
        end(&format!("0\r\nx: {long}\r\n\r\n")),
    ];
    for body in &bodies {
        let both = streamed(&mut client, &host, "first", body) + &put(&mut client, "second");
        let answer = exchange(&host, both.as_bytes(), body);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{body:.60?}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{body:.60?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{body:.60?}: {answer}");
        assert_absent(&mut client);
    }
    let good =
        streamed(&mut client, &host, "first", CHUNKS) + &closing(&put(&mut client, "second"));
    let answers = exchange(&host, good.as_bytes(), "two good ones");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    tell(&format!("smuggling: {} chunked bodies refused", bodies.len()));
    node.stop();
}
