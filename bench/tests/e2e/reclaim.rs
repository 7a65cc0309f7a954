//! Reclaim: what was deleted or overwritten gives its space back, and nothing else does.

use crate::support::{assert_same, bytes, serving, tell, wait_for};
use hamster_bench::client::{Call, Client};
use hamster_bench::cluster::Node;
use serde_json::Value;

const MIB: u64 = 1 << 20;

/// Space that the drives' segments take.
fn held(status: &Value) -> u64 {
    let drives = status["drives"].as_array().expect("drives");
    let figure = |drive: &Value, name: &str| drive[name].as_u64().expect("a figure");
    drives
        .iter()
        .map(|drive| figure(drive, "used_bytes") + figure(drive, "preallocated_bytes"))
        .sum()
}

/// Bytes of records in them.
fn used(status: &Value) -> u64 {
    let drives = status["drives"].as_array().expect("drives");
    drives.iter().map(|drive| drive["used_bytes"].as_u64().expect("a figure")).sum()
}

fn body(key: u64, size: usize) -> Vec<u8> {
    bytes(key, size)
}

/// Puts `keys`, and deletes all but every `kept`th.
fn fill(client: &mut Client, keys: std::ops::Range<u64>, kept: u64, size: usize) -> Vec<u64> {
    for key in keys.clone() {
        let answer = client.put("box", &format!("k{key}"), &body(key, size)).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for key in keys.clone().filter(|key| key % kept != 0) {
        let answer = client.delete("box", &format!("k{key}")).expect("an answer");
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    keys.filter(|key| key % kept == 0).collect()
}

fn check(client: &mut Client, keys: &[u64], size: usize) {
    for key in keys {
        let answer = client.get("box", &format!("k{key}")).expect("an answer");
        assert_same(&answer.body, &body(*key, size), &format!("k{key}"));
    }
}

#[test]
fn deleted_bodies_of_many_mib_give_their_space_back() {
    let mut node = serving(3);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    let size = usize::try_from(12 * MIB).expect("fits");
    let kept = fill(&mut client, 0..30, 10, size);
    // 2+1: half as much again as the bodies. Segments have room in advance; that is not used.
    let (all, kept_bytes) = (30 * 12 * MIB * 3 / 2, 3 * 12 * MIB * 3 / 2);
    let left = wait_for(&node, "the space is free", |status| used(status) < 2 * kept_bytes);
    println!("{} MiB of {} MiB written are in use", used(&left) / MIB, all / MIB);
    check(&mut client, &kept, size);
    node.kill();
    node.start();
    check(&mut node.client(), &kept, size);
    node.stop();
}

#[test]
fn deleted_small_bodies_give_their_space_back_and_the_others_stay() {
    let mut node = serving(1);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    let size = 120 << 10;
    let kept = fill(&mut client, 0..2500, 10, size);
    let written = 2500 * 120 * 1024;
    // A few of the segments that nothing is in stay as spares: they count as preallocated.
    let left = wait_for(&node, "segments are compacted", |status| used(status) < written / 2);
    println!("{} MiB of {} MiB written are in use", used(&left) / MIB, written / MIB);
    check(&mut client, &kept, size);
    node.kill();
    node.start();
    check(&mut node.client(), &kept, size);
    assert_eq!(node.status()["drives"][0]["corruptions"], 0);
    node.stop();
}

/// A reader that is slower than the deletion, and than what is written behind it.
#[test]
fn a_body_that_is_read_stays_until_its_reader_is_done() {
    use hamster_bench::client::{connect, read_answer};
    use std::io::Write;
    let mut node = serving(1);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    let old = body(1, usize::try_from(64 * MIB).expect("fits"));
    assert_eq!(client.put("box", "old", &old).expect("an answer").status, 200);
    assert_eq!(client.put("box", "other", &old).expect("an answer").status, 200);
    let before = held(&node.status());
    let mut get = connect(&node.s3.to_string()).expect("it serves");
    let head = client.head(&Call { method: "GET", path: "/box/old", ..Call::default() });
    get.get_mut().write_all(&head).expect("it reads");
    get.get_ref().peek(&mut [0; 1]).expect("the answer has begun");
    for key in ["old", "other"] {
        assert_eq!(client.delete("box", key).expect("an answer").status, 204);
    }
    // The other one is freed, in the same round in which this one is passed over.
    wait_for(&node, "the other one is free", |status| held(status) + 60 * MIB < before);
    let (answer, _) = read_answer(&mut get, false).expect("it answers whole");
    assert_same(&answer.body, &old, "what was deleted while it was read");
    drop(get);
    wait_for(&node, "this one is free as well", |status| held(status) + 120 * MIB < before);
    node.stop();
}

#[test]
fn what_a_kill_cut_off_is_freed_by_a_sweep() {
    let mut node = serving(3);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    let kept = fill(&mut client, 0..4, 1, 3 << 20);
    let used = |node: &Node| used(&node.status());
    let before = used(&node);
    std::thread::scope(|scope| {
        let mut client = node.client();
        // It ends with the node.
        scope.spawn(move || drop(client.put("box", "cut", &body(99, 400 << 20))));
        wait_for(&node, "some of it is stored", |_| used(&node) > before + 64 * MIB);
        node.kill_now();
    });
    node.wait();
    node.start();
    let cut = used(&node);
    assert!(cut > before + 48 * MIB, "{cut} of {before}");
    node.ask("scrub", &["--now"]).assert_ok();
    let after = used(&node);
    tell(&format!(
        "{} MiB cut off by a kill, {} MiB left",
        (cut - before) / MIB,
        (after - before) / MIB
    ));
    // Headers of what is freed stay until their segment is empty.
    assert!(after < before + 8 * MIB, "{after} of {before}");
    check(&mut node.client(), &kept, 3 << 20);
    node.stop();
}
