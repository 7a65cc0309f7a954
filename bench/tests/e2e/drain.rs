//! SIGTERM: requests in flight finish, everything is synced, exit code 0.

use crate::support::{assert_same, binary, bytes, scratch, serving};
use hamster_bench::client::{Call, Client, connect, element, read_answer};
use hamster_bench::clock;
use hamster_bench::cluster::Node;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const MIB: usize = 1 << 20;

#[test]
fn requests_in_flight_finish_and_nothing_acknowledged_is_lost() {
    let mut node = serving(6);
    let host = node.s3.to_string();
    let mut client = node.client();
    client.create_bucket("drain").expect("the bucket is made");
    let (old, new) = (bytes(1, 24 * MIB), bytes(2, 3 * MIB));
    assert_eq!(client.put("drain", "old", &old).expect("an answer").status, 200);

    // A PUT that has sent half of its body, and a GET of which little was read.
    let mut put = connect(&host).expect("it serves");
    let head =
        client.head(&Call { method: "PUT", path: "/drain/new", body: &new, ..Call::default() });
    put.get_mut().write_all(&head).expect("it reads");
    put.get_mut().write_all(&new[..new.len() / 2]).expect("it reads");
    let mut get = connect(&host).expect("it serves");
    let head = client.head(&Call { method: "GET", path: "/drain/old", ..Call::default() });
    get.get_mut().write_all(&head).expect("it reads");
    let mut first = [0; 1];
    get.get_ref().peek(&mut first).expect("the answer has begun");

    node.terminate();
    wait_until_refused(&host);
    put.get_mut().write_all(&new[new.len() / 2..]).expect("it still reads");
    let (answer, _) = read_answer(&mut put, false).expect("it answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (answer, _) = read_answer(&mut get, false).expect("it answers");
    assert_same(&answer.body, &old, "what was read while draining");
    drop((put, get));
    assert_eq!(node.wait().code(), Some(0));

    node.start();
    let mut client = node.client();
    for (key, body) in [("old", &old), ("new", &new)] {
        assert_same(&client.get("drain", key).expect("an answer").body, body, key);
    }
    node.stop();
}

/// A core that has nothing to do has drained at once; one that still reads needs the lanes of the
/// other, where the rest of the object lies. Which core reads is the kernel's choice.
#[test]
fn a_core_that_has_drained_still_answers_those_that_read() {
    for round in 0..4 {
        let mut node = Node::new(&binary(), scratch(), 1);
        node.init().assert_ok();
        let mut command = node.serve_command();
        command.args(["--cores", "2"]).env("HAMSTER_LOG", "info,hamster_node=debug");
        node.start_with(command);
        let mut client = node.client();
        client.create_bucket("drain").expect("the bucket is made");
        let parts: Vec<_> = (0..8).map(|part| bytes(part, 5 * MIB)).collect();
        put_parts(&mut client, "/drain/parts", &parts);

        let mut get = connect(&node.s3.to_string()).expect("it serves");
        let head = client.head(&Call { method: "GET", path: "/drain/parts", ..Call::default() });
        get.get_mut().write_all(&head).expect("it reads");
        get.get_ref().peek(&mut [0; 1]).expect("the answer has begun");
        drop(client);
        node.terminate();
        node.wait_for_log("drained core=");
        let (answer, _) = read_answer(&mut get, false).expect("it answers whole");
        assert_same(&answer.body, &parts.concat(), &format!("what was read in round {round}"));
        drop(get);
        assert_eq!(node.wait().code(), Some(0));
    }
}

fn put_parts(client: &mut Client, path: &str, parts: &[Vec<u8>]) {
    let call = Call { method: "POST", path, query: "uploads=", ..Call::default() };
    let answer = client.call(&call).expect("an answer");
    let id = element(&answer.text(), "UploadId").expect("an upload").to_owned();
    let mut list = String::new();
    for (part, body) in (1..).zip(parts) {
        let query = format!("partNumber={part}&uploadId={id}");
        let call = Call { method: "PUT", path, query: &query, body, ..Call::default() };
        let answer = client.call(&call).expect("an answer");
        let etag = answer.header("etag").expect("an ETag").to_owned();
        list += &format!("<Part><PartNumber>{part}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let (query, body) = (format!("uploadId={id}"), list.as_bytes());
    let call = Call { method: "POST", path, query: &query, body, ..Call::default() };
    assert_eq!(client.call(&call).expect("an answer").status, 200);
}

/// Whenever the second signal comes, up to the very end, the exit code tells of the first.
#[test]
fn a_second_signal_while_it_ends_kills_nothing() {
    let mut node = serving(1);
    for _ in 0..3 {
        node.terminate();
        node.reload();
        clock::sleep(Duration::from_millis(10));
        node.terminate();
        assert_eq!(node.wait().code(), Some(0));
        node.start();
    }
    node.stop();
}

/// A draining node takes no new request: the connection is refused, or ends without an answer, or
/// the answer is 503.
fn wait_until_refused(host: &str) {
    let deadline = clock::now() + Duration::from_secs(20);
    loop {
        let Ok(mut stream) = TcpStream::connect(host) else { return };
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let sent = stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        let mut answer = [0; 12];
        if sent.is_err() || stream.read_exact(&mut answer).is_err() || &answer[9..] == b"503" {
            return;
        }
        assert!(clock::now() < deadline, "a draining node still takes requests");
        clock::sleep(Duration::from_millis(20));
    }
}
