//! What S3 does, fact by fact (`bench/compat/conformance.py`), asked of a node by two of its users.

use crate::clients::programs::program;
use crate::support::{USERS, binary, scratch, tell, with_users};
use hamster_bench::clock;
use hamster_bench::cluster::{Node, run};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Facts that hold, and those that do not yet (`LATER` in the script): one that is lost on the way
/// would not be missed otherwise.
const FACTS: (usize, usize) = (773, 0);

/// The script has a minute on an idle machine; tests share it.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn every_fact_of_the_conformance_suite_holds() {
    let mut node = Node::new(&binary(), scratch(), 6);
    node.init().assert_ok();
    // Neither is root, which would be allowed everything.
    with_users(&mut node, USERS);
    node.start();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/conformance.py");
    let mut command = Command::new(program("python3"));
    // -B: the checkout stays as it is.
    command.arg("-B").arg(script).env("HOME", node.home());
    command
        .env("CONFORMANCE_ENDPOINT", format!("http://{}", node.s3))
        .env("CONFORMANCE_KEY", "alice-key")
        .env("CONFORMANCE_SECRET", "alice-secret-alice-secret")
        .env("CONFORMANCE_OTHER_KEY", "bob-key")
        .env("CONFORMANCE_OTHER_SECRET", "bob-secret-bob-secret");
    let start = clock::now();
    let finished = run(&mut command, PATIENCE);
    let failed: Vec<&str> =
        finished.stdout.lines().filter(|line| line.starts_with("FAILED")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    finished.assert_ok();
    let (held, later) = FACTS;
    let last = finished.stdout.lines().last();
    assert_eq!(last, Some(format!("{held} ok, {later} later, 0 failed").as_str()));
    tell(&format!("conformance: {held} facts, {:.1} s", clock::now().since(start).as_secs_f64()));
    node.stop();
}
