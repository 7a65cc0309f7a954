//! Virtual-hosted buckets (`--domain`), and a node that comes back with another number of cores.

use crate::support::{assert_same, binary, bytes, scratch};
use hamster_bench::client::Client;
use hamster_bench::clock;
use hamster_bench::cluster::{Node, root};
use hamster_bench::sign::{EMPTY_PAYLOAD, Signer, Unsigned};

fn founded(flags: &[&str]) -> Node {
    let mut node = Node::new(&binary(), scratch(), 2);
    node.init().assert_ok();
    node.flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    node.start();
    node
}

#[test]
fn a_bucket_may_stand_in_the_host_name() {
    let mut node = founded(&["--domain", "s3.example.com"]);
    let mut client = node.client();
    client.create_bucket("photos").expect("the bucket is made");
    let body = bytes(5, 5000);
    assert_eq!(client.put("photos", "2026/hamster.jpg", &body).expect("an answer").status, 200);
    let (path, host) = ("/2026/hamster.jpg", "photos.s3.example.com");
    let request =
        Unsigned { method: "GET", path, query: "", host, headers: &[], payload: EMPTY_PAYLOAD };
    let (mut signer, now) = (Signer::new(root(), "us-east-1"), clock::wall());
    let authorization = signer.authorization(&request, now);
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {}\r\n\
         x-amz-content-sha256: {EMPTY_PAYLOAD}\r\nauthorization: {authorization}\r\n\r\n",
        signer.stamp(now)
    );
    let answer = client.exchange("GET", head.as_bytes(), &[]).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_same(&answer.body, &body, "by host name");
    node.stop();
}

#[test]
fn a_node_comes_back_with_more_or_fewer_cores() {
    let mut node = founded(&["--cores", "2"]);
    let objects = [("small", bytes(1, 4096)), ("large", bytes(2, 3 << 20))];
    node.client().create_bucket("box").expect("the bucket is made");
    // Several connections, so that every core takes some.
    for copy in 0..8 {
        let mut client = node.client();
        for (name, body) in &objects {
            let key = format!("{name}-{copy}");
            assert_eq!(client.put("box", &key, body).expect("an answer").status, 200);
        }
    }
    let check = |client: &mut Client| {
        for (copy, (name, body)) in (0..8).flat_map(|copy| objects.iter().map(move |o| (copy, o))) {
            let answer = client.get("box", &format!("{name}-{copy}")).expect("an answer");
            assert_same(&answer.body, body, name);
        }
    };
    for cores in ["1", "2"] {
        node.stop();
        node.flags = vec!["--cores".to_owned(), cores.to_owned()];
        node.start();
        check(&mut node.client());
        check(&mut node.client());
    }
    node.stop();
}
