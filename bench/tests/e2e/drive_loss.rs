//! Six drives, 4+2: any two may go, while objects are read and written, and across restarts.

use crate::support::{assert_same, bytes, serving, wait_for, wipe};
use hamster_bench::client::Client;
use hamster_bench::clock;
use hamster_bench::cluster::Node;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Around every border: nothing, small bodies (copies), slices, stripes, many stripes.
const SIZES: [usize; 9] =
    [0, 1, 4_096, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 5_000_000, 20 << 20];

#[test]
fn any_two_drives_may_go_while_reading_and_across_a_restart() {
    let mut node = serving(6);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    put_all(&mut client, "before");
    let status = node.status();
    assert_eq!(text(&status, "profile"), "4+2", "{status}");
    assert_eq!(number(&status, "survives_drives"), 2, "{status}");
    let victims = victims(&status);

    // Readers go on while the drives go.
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut client = node.client();
            while !stop.load(Ordering::Relaxed) {
                check_all(&mut client, "before");
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Also in a panic: the scope waits for the reader.
        let _stop = StopAtEnd(&stop);
        let rounds = |more: u64| {
            let target = reads.load(Ordering::Relaxed) + more;
            while reads.load(Ordering::Relaxed) < target && !reader.is_finished() {
                clock::sleep(Duration::from_millis(10));
            }
        };
        rounds(1);
        victims.iter().for_each(|victim| wipe(victim));
        rounds(2);
        put_all(&mut client, "while");
    });
    check_all(&mut client, "before");
    check_all(&mut client, "while");
    let status = wait_until_two_are_out(&node);
    assert_eq!(text(&status, "profile_goal"), "4+2", "{status}");
    assert_eq!(number(&status, "survives_drives_old"), 0, "{status}");
    assert_untouched(&victims);

    // The mount points are empty after a restart, clean or not.
    node.stop();
    node.start();
    degraded_but_whole(&node, &victims, "restarted");
    node.kill();
    node.start();
    degraded_but_whole(&node, &victims, "killed");
    check_all(&mut node.client(), "restarted");
    node.stop();
}

/// Tells the reader to stop when it goes out of scope.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn degraded_but_whole(node: &Node, victims: &[PathBuf], name: &str) {
    let mut client = node.client();
    check_all(&mut client, "before");
    check_all(&mut client, "while");
    put_all(&mut client, name);
    check_all(&mut client, name);
    wait_until_two_are_out(node);
    assert_untouched(victims);
}

/// Two drives, the first of which holds metadata.
fn victims(status: &Value) -> [PathBuf; 2] {
    let mirror = status["metadata_mirrors"][0].as_u64().expect("metadata is somewhere");
    let drives = status["drives"].as_array().expect("drives");
    let path = |drive: &Value| PathBuf::from(drive["path"].as_str().expect("a path"));
    let is_mirror = |drive: &&Value| drive["ordinal"].as_u64() == Some(mirror);
    let first = drives.iter().find(is_mirror).map(path).expect("a drive of the list");
    let second = drives.iter().rev().map(path).find(|path| *path != first).expect("six drives");
    [first, second]
}

fn assert_untouched(victims: &[PathBuf]) {
    for victim in victims {
        let found: Vec<_> = fs::read_dir(victim).expect("the mount point").collect();
        assert!(found.is_empty(), "{} was written: {found:?}", victim.display());
    }
}

/// The node notices that two drives are out of service, and says so.
fn wait_until_two_are_out(node: &Node) -> Value {
    wait_for(node, "two drives are out", |status| {
        let drives = status["drives"].as_array().expect("drives");
        let out = drives.iter().filter(|drive| drive["state"] != "live").count();
        out == 2 && status["degraded"] == true
    })
}

/// Puts every size. A write that loses too many of its drives on the way is answered 503 and put
/// again, as every client does; the next plan avoids them.
fn put_all(client: &mut Client, name: &str) {
    for size in SIZES {
        let key = format!("{name}/{size}");
        let mut put = || client.put("box", &key, &body(&key, size)).expect("an answer");
        let mut answer = put();
        for _ in 0..20 {
            if answer.status == 503 {
                clock::sleep(Duration::from_millis(100));
                answer = put();
            }
        }
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    }
}

fn check_all(client: &mut Client, name: &str) {
    for size in SIZES {
        let key = format!("{name}/{size}");
        let answer = client.get("box", &key).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        assert_same(&answer.body, &body(&key, size), &key);
    }
}

fn body(key: &str, size: usize) -> Vec<u8> {
    bytes(key.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)), size)
}

fn text<'a>(status: &'a Value, name: &str) -> &'a str {
    status[name].as_str().unwrap_or_default()
}

fn number(status: &Value, name: &str) -> u64 {
    status[name].as_u64().unwrap_or(u64::MAX)
}
