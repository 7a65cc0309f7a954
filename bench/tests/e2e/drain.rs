//! SIGTERM: requests in flight finish, everything is synced, exit code 0.

use crate::support::{assert_same, bytes, serving};
use hamster_bench::client::{Call, connect, read_answer};
use hamster_bench::clock;
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
