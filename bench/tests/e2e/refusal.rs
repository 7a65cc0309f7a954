//! What a node refuses to start on: exit code 1, reason and remedy in one line.

use crate::support::{assert_refused, binary, scratch, serve, serving};
use hamster_bench::clock;
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
fn a_short_root_secret_is_named() {
    let node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    let mut command = node.serve_command();
    command.env("HAMSTER_SECRET_ACCESS_KEY", "short");
    let refused = run(&mut command, Duration::from_secs(60));
    assert_refused(&refused, &["HAMSTER_SECRET_ACCESS_KEY is too short"]);
}

#[test]
fn a_user_with_the_roots_access_key_is_refused() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    let file = node.home().join("users.toml");
    let twin = "[[user]]\nid='u'\nname='n'\naccess_key='hamster'\nsecret_key='long enough'\n";
    fs::write(&file, twin).expect("a file");
    node.flags = vec!["--credentials".to_owned(), file.display().to_string()];
    assert_refused(&serve(&node), &["two users", "\"hamster\"", "HAMSTER_ACCESS_KEY_ID"]);
}

#[test]
fn flags_of_later_versions_are_refused_by_name() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.flags = vec!["--new-master-key-file".to_owned(), "key".to_owned()];
    assert_refused(&serve(&node), &["--new-master-key-file", "not in this version"]);
}

#[test]
fn the_status_of_no_directory_says_what_is_missing() {
    let node = Node::new(&binary(), scratch(), 1);
    let refused = node.status_of(&node.home().join("none"));
    assert_refused(&refused, &["none: no such directory", "--data-dir"]);
    assert!(!refused.stderr.contains("os error"), "{}", refused.stderr);
}

#[test]
fn a_directory_in_use_is_refused() {
    let mut node = serving(1);
    assert_refused(&serve(&node), &["another process", "stop"]);
    node.stop();
}

/// It waits for a former owner to let go; told to stop, it does, and nothing failed.
#[test]
fn waiting_for_a_directory_in_use_can_be_stopped() {
    let mut node = serving(1);
    let mut waiting = node.serve_command().spawn().expect("the binary starts");
    let status = format!("/proc/{}/status", waiting.id());
    while !blocks_sigterm(&fs::read_to_string(&status).expect("a child of this process")) {
        clock::sleep(Duration::from_millis(5));
    }
    let pid = libc::pid_t::try_from(waiting.id()).expect("a process id");
    // SAFETY: no pointers; a child that was not waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    assert_eq!(waiting.wait().expect("a child of this process").code(), Some(0));
    node.stop();
}

/// Once it blocks the signal it reads it from a descriptor; before, the signal would end it.
fn blocks_sigterm(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("Linux");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a mask");
    mask & (1 << (libc::SIGTERM - 1)) != 0
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
fn more_directories_than_the_node_has_drives_are_refused() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    let (missing, empty) = (node.home().join("missing"), node.home().join("empty"));
    fs::create_dir(&empty).expect("a directory");
    for surplus in [&missing, &empty] {
        let surplus = surplus.display().to_string();
        node.flags = vec!["--data-dir".to_owned(), surplus.clone()];
        assert_refused(&serve(&node), &["1 drive", "cannot be added", "leave out", &surplus]);
    }
    assert!(!missing.exists());
    assert_eq!(fs::read_dir(&empty).expect("it is there").count(), 0, "untouched");
    node.flags.clear();
    node.start();
    node.stop();
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let node = Node::new(&binary(), scratch(), 1);
    let mut command = node.serve_command();
    command.arg("--no-such-flag");
    assert_eq!(run(&mut command, Duration::from_secs(20)).code, Some(2));
}
