//! Users from a file: buckets belong to who made them, others are refused, root may do everything.
//! Those of the cluster, who are managed by command, are in [`replicated`].

mod replicated;

use crate::support::{USERS, binary, scratch, with_users};
use hamster_bench::client::{Answer, Call, Client, element};
use hamster_bench::cluster::Node;
use hamster_bench::sign::Credentials;
use std::fs;

/// What others than its owner may not do with a bucket `hers` and its object `k`.
const OTHERS_MAY_NOT: [(&str, &str); 5] = [
    ("GET", "/hers/k"),
    ("PUT", "/hers/k"),
    ("DELETE", "/hers/k"),
    ("GET", "/hers"),
    ("DELETE", "/hers"),
];

fn call(client: &mut Client, method: &str, path: &str) -> Answer {
    client.call(&Call { method, path, ..Call::default() }).expect("an answer")
}

/// Signs as Alice or Bob on a new connection, which any core may serve.
fn user(node: &Node, name: &str) -> Client {
    let secret_key = format!("{name}-secret-{name}-secret");
    let credentials = Credentials { access_key: format!("{name}-key"), secret_key };
    Client::new(&node.s3.to_string(), credentials, "us-east-1")
}

#[test]
fn sighup_reads_the_users_again_and_a_bad_file_changes_nothing() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    let (alice, bob) = USERS.split_at(USERS.rfind("[[user]]").expect("two users"));
    let file = with_users(&mut node, alice);
    node.start();
    let code = |node: &Node, name| call(&mut user(node, name), "GET", "/").code();
    assert_eq!(code(&node, "alice"), "");
    assert_eq!(code(&node, "bob"), "InvalidAccessKeyId");

    fs::write(&file, bob).expect("a file");
    node.reload();
    node.wait_for_log("were read again");
    for _ in 0..16 {
        assert_eq!(code(&node, "alice"), "InvalidAccessKeyId");
        assert_eq!(code(&node, "bob"), "");
    }
    assert_eq!(call(&mut node.client(), "GET", "/").status, 200);

    fs::write(&file, format!("{bob}{bob}")).expect("a file");
    node.reload();
    node.wait_for_log("all stays as it was");
    assert_eq!(code(&node, "bob"), "");
    node.stop();
}

#[test]
fn buckets_belong_to_who_made_them() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    with_users(&mut node, USERS);
    node.start();
    let (mut alice, mut bob, mut root) = (user(&node, "alice"), user(&node, "bob"), node.client());
    alice.create_bucket("hers").expect("the bucket is made");
    assert_eq!(alice.put("hers", "k", b"private").expect("an answer").status, 200);
    for (method, path) in OTHERS_MAY_NOT {
        let answer = call(&mut bob, method, path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "AccessDenied"),
            "{method} {path}"
        );
    }
    let taken = call(&mut bob, "PUT", "/hers");
    assert_eq!((taken.status, taken.code().as_str()), (409, "BucketAlreadyExists"));
    assert_eq!(call(&mut root, "GET", "/hers/k").body, b"private");
    assert_eq!(call(&mut alice, "GET", "/hers/k").body, b"private");
    let (hers, his) = (call(&mut alice, "GET", "/").text(), call(&mut bob, "GET", "/").text());
    assert_eq!(element(&hers, "DisplayName"), Some("Alice"), "{hers}");
    assert_eq!(element(&hers, "ID"), Some("1".repeat(64).as_str()), "{hers}");
    assert!(hers.contains("<Name>hers</Name>") && !his.contains("<Name>hers</Name>"), "{his}");
    node.stop();
}
