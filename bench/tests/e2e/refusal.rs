//! What a node refuses to start on: exit code 1, reason and remedy in one line.

use crate::support::{assert_refused, binary, scratch, serve, serving};
use hamster_bench::cluster::{Node, run};
use std::fs;
use std::time::Duration;

#[test]
fn without_credentials_there_is_no_service() {
    let node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    let mut command = node.serve_command();
    command.env_remove("HAMSTER_ACCESS_KEY_ID").env_remove("HAMSTER_SECRET_ACCESS_KEY");
    let refused = run(&mut command, Duration::from_secs(60));
    assert_refused(&refused, &["no credentials", "HAMSTER_ACCESS_KEY_ID"]);
}

#[test]
fn a_directory_in_use_is_refused() {
    let mut node = serving(1);
    assert_refused(&serve(&node), &["another process", "stop"]);
    node.stop();
}

#[test]
fn a_directory_that_is_not_founded_is_refused() {
    let node = Node::new(&binary(), scratch(), 1);
    fs::create_dir_all(&node.drives()[0]).expect("a directory");
    assert_refused(&serve(&node), &["hamster init"]);
    assert_eq!(fs::read_dir(&node.drives()[0]).expect("it is there").count(), 0, "untouched");
}

#[test]
fn a_foreign_directory_is_neither_formatted_nor_served() {
    let node = Node::new(&binary(), scratch(), 2);
    let foreign = &node.drives()[1];
    fs::create_dir_all(foreign).expect("a directory");
    fs::write(foreign.join("thesis.tex"), "years of work").expect("a file");
    assert_refused(&node.init(), &["thesis.tex", "empty directory"]);
    let left: Vec<_> = fs::read_dir(foreign).expect("it is there").collect();
    assert_eq!(left.len(), 1, "nothing was added: {left:?}");

    let node = Node::new(&binary(), scratch(), 2);
    node.init().assert_ok();
    fs::remove_dir_all(&node.drives()[1]).expect("a drive");
    fs::create_dir_all(&node.drives()[1]).expect("a directory");
    fs::write(node.drives()[1].join("thesis.tex"), "years of work").expect("a file");
    assert_refused(&serve(&node), &["thesis.tex"]);
}

#[test]
fn a_founded_directory_is_not_founded_again() {
    let node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    assert_refused(&node.init(), &["already"]);
}

#[test]
fn with_more_drives_absent_than_survivable_it_refuses() {
    let node = Node::new(&binary(), scratch(), 6);
    node.init().assert_ok();
    for drive in &node.drives()[3..] {
        fs::remove_dir_all(drive).expect("a drive");
        fs::create_dir(drive).expect("an empty mount point");
    }
    assert_refused(&serve(&node), &["3 of 6", "absent"]);
    for drive in &node.drives()[3..] {
        assert_eq!(fs::read_dir(drive).expect("it is there").count(), 0, "never written");
    }
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let node = Node::new(&binary(), scratch(), 1);
    let mut command = node.serve_command();
    command.arg("--no-such-flag");
    assert_eq!(run(&mut command, Duration::from_secs(20)).code, Some(2));
}
