//! Copies of the metadata: never an older one, and a lost one is made anew while the node serves.

use crate::support::{assert_refused, assert_same, bytes, serve, serving, wait_for, wipe};
use hamster_bench::cluster::Node;
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn an_older_copy_that_is_put_back_is_refused() {
    let mut node = serving(4);
    node.client().create_bucket("box").expect("the bucket is made");
    put(&node, "first");
    let mirrors = mirrors(&node.status());
    node.stop();
    let meta = |drive: usize| node.drives()[drive].join("meta");
    let aside = |name: &str| node.home().join(name);
    copy_all(&meta(mirrors[0]), &aside("older"));
    node.start();
    put(&node, "second");
    node.stop();
    let meta = |drive: usize| node.drives()[drive].join("meta");
    let aside = |name: &str| node.home().join(name);
    for drive in &mirrors {
        fs::rename(meta(*drive), aside(&format!("newest-{drive}"))).expect("it was there");
    }
    copy_all(&aside("older"), &meta(mirrors[0]));
    assert_refused(&serve(&node), &["older copy", "name its directory"]);
    // One that was there last is enough, and the older copy is made anew from it.
    fs::rename(aside(&format!("newest-{}", mirrors[1])), meta(mirrors[1])).expect("it was there");
    node.start();
    assert_there(&node, &["first", "second"]);
    wait_for(&node, "three copies", |status| self::mirrors(status).len() == 3);
    node.stop();
}

#[test]
fn a_start_that_is_refused_leaves_the_absent_mirrors_as_good_as_they_were() {
    let mut node = serving(6);
    node.client().create_bucket("box").expect("the bucket is made");
    put(&node, "first");
    let mirrors = mirrors(&node.status());
    assert_eq!(mirrors.len(), 3);
    node.kill();
    // Two mirrors and one more are not mounted; then they are again.
    let other = (0..6).find(|drive| !mirrors.contains(drive)).expect("three of six");
    let absent = [mirrors[1], mirrors[2], other];
    let aside = |drive: usize| node.home().join(format!("aside-{drive}"));
    for drive in absent {
        fs::rename(&node.drives()[drive], aside(drive)).expect("it was there");
    }
    assert_refused(&serve(&node), &["3 of 6", "absent"]);
    for drive in absent {
        fs::rename(aside(drive), &node.drives()[drive]).expect("it was there");
    }
    // The mirror that was there is lost.
    wipe(&node.drives()[mirrors[0]]);
    node.start();
    assert_there(&node, &["first"]);
    put(&node, "second");
    assert_there(&node, &["second"]);
    node.stop();
}

#[test]
fn a_lost_mirror_is_made_anew_while_the_node_serves() {
    let mut node = serving(6);
    node.client().create_bucket("box").expect("the bucket is made");
    put(&node, "first");
    let originals = mirrors(&node.status());
    assert_eq!(originals.len(), 3);
    // One with its drive, the others by themselves: not one of the first copies is left.
    for (count, lost) in originals.iter().enumerate() {
        match count {
            0 => wipe(&node.drives()[*lost]),
            _ => fs::remove_dir_all(node.drives()[*lost].join("meta")).expect("a mirror"),
        }
        wait_for(&node, "another drive has the copy", |status| {
            let mirrors = mirrors(status);
            mirrors.len() == 3 && !mirrors.contains(lost)
        });
        put(&node, &format!("without {count}"));
    }
    node.kill();
    node.start();
    assert_there(&node, &["first", "without 0", "without 1", "without 2"]);
    node.stop();
}

#[test]
fn a_removed_mirror_shows_where_no_other_drive_is_free() {
    let mut node = serving(2);
    let mirrors_before = mirrors(&node.status());
    assert_eq!(mirrors_before.len(), 2);
    fs::remove_dir_all(node.drives()[0].join("meta")).expect("a mirror");
    wait_for(&node, "one copy is left", |status| {
        mirrors(status) == [1] && status["survives_drives"] == 0
    });
    assert!(node.status_with(&[]).contains("[1] (2 wanted)"), "{}", node.status_with(&[]));
    node.stop();
    node.start();
    wait_for(&node, "a restart makes it anew", |status| mirrors(status).len() == 2);
    node.stop();
}

#[test]
fn damage_beyond_what_is_survived_has_a_line_of_its_own() {
    let mut node = serving(6);
    node.client().create_bucket("box").expect("the bucket is made");
    for number in 0..3 {
        put(&node, &format!("large-{number}"));
    }
    let status = node.status();
    assert_eq!(status["damage"], Value::Null, "{status}");
    assert!(!node.status_with(&[]).contains("damage"));
    let mirrors = mirrors(&status);
    for drive in (0..6).filter(|drive| !mirrors.contains(drive)) {
        wipe(&node.drives()[drive]);
    }
    // All of them are 4+2, so each has lost three of six.
    let status = wait_for(&node, "it counts", |status| status["damage"]["bodies_unreadable"] == 3);
    assert_eq!(status["damage"]["drives_out"], 3, "{status}");
    assert_eq!(status["damage"]["drives_survived"], 2, "{status}");
    let text = node.status_with(&[]);
    let line = text.lines().find(|line| line.starts_with("damage"));
    assert!(line.is_some_and(|line| line.contains("3 objects or parts")), "{text}");
    node.stop();
}

fn mirrors(status: &Value) -> Vec<usize> {
    let mirrors = status["metadata_mirrors"].as_array().expect("mirrors");
    let number = |mirror: &Value| mirror.as_u64().and_then(|mirror| usize::try_from(mirror).ok());
    mirrors.iter().map(|mirror| number(mirror).expect("an ordinal")).collect()
}

fn body(key: &str) -> Vec<u8> {
    bytes(key.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)), 1_500_000)
}

fn path(key: &str) -> String {
    key.replace(' ', "-")
}

fn put(node: &Node, key: &str) {
    let answer = node.client().put("box", &path(key), &body(key)).expect("an answer");
    assert_eq!(answer.status, 200, "{key}: {}", answer.text());
}

fn assert_there(node: &Node, keys: &[&str]) {
    let mut client = node.client();
    for key in keys {
        let answer = client.get("box", &path(key)).expect("an answer");
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        assert_same(&answer.body, &body(key), key);
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable").path();
        let to = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy_all(&entry, &to),
            false => fs::copy(&entry, &to).map(drop).expect("copied"),
        }
    }
}
