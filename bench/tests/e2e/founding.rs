//! `init`, killed at any moment, can be run again.

use crate::support::{assert_refused, binary, scratch, serve};
use hamster_bench::clock;
use hamster_bench::cluster::Node;
use std::process::Stdio;
use std::time::Duration;

/// What a founding makes, in this order.
const STEPS: [&str; 5] = [
    "d0/drive.hamster",
    "d3/drive.hamster",
    "d0/meta/log/CURRENT",
    "d2/meta/state/CURRENT",
    "d3/node.hamster",
];

#[test]
fn an_init_that_was_killed_is_run_again() {
    for step in STEPS {
        let mut node = Node::new(&binary(), scratch(), 4);
        kill_init_at(&node, step);
        // Killed too late, it had founded the cluster: then `serve` takes it.
        let again = node.init();
        if again.code != Some(0) {
            assert_refused(&again, &["hamster serve"]);
        }
        node.start();
        let mut client = node.client();
        client.create_bucket("box").expect("the bucket is made");
        assert_eq!(client.put("box", "key", b"bytes").expect("an answer").status, 200);
        node.stop();
    }
}

#[test]
fn what_an_init_that_was_killed_left_is_not_served_and_the_remedy_is_named() {
    let node = Node::new(&binary(), scratch(), 4);
    kill_init_at(&node, STEPS[0]);
    assert_refused(&serve(&node), &["hamster init"]);
    node.init().assert_ok();
}

/// Kills `init` once it has made this file.
fn kill_init_at(node: &Node, step: &str) {
    let path = node.home().join(step);
    let mut command = node.init_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut init = command.spawn().expect("the binary starts");
    let deadline = clock::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(clock::now() < deadline, "init never made {step}");
        std::thread::yield_now();
    }
    // It may have ended this moment: then there is nothing to kill.
    let _ = init.kill();
    init.wait().expect("a child of this process");
}
