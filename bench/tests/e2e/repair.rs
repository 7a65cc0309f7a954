//! Scrub, repair and replacement: what is rotten or lost is whole again, and stays so when the drives
//! that served to rebuild it go.

use crate::support::{assert_same, bytes, serving, tell, wait_for, wipe};
use hamster_bench::client::Client;
use hamster_bench::clock;
use hamster_bench::cluster::Node;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SIZES: [usize; 7] = [1, 4_096, 131_072, 131_073, 1 << 20, 5_000_000, 12 << 20];

fn body(key: &str, size: usize) -> Vec<u8> {
    bytes(key.bytes().fold(11, |seed, byte| seed * 31 + u64::from(byte)), size)
}

fn put(client: &mut Client, key: &str, size: usize) {
    for _ in 0..50 {
        let answer = client.put("box", key, &body(key, size)).expect("an answer");
        if answer.status == 200 {
            return;
        }
        // A write under way on a drive that goes may be refused, and is sent again.
        assert_eq!(answer.status, 503, "{key}: {}", answer.text());
        clock::sleep(Duration::from_millis(50));
    }
    panic!("{key} was refused too often");
}

fn put_all(client: &mut Client, name: &str, count: usize) {
    for number in 0..count {
        put(client, &format!("{name}/{number}"), SIZES[number % SIZES.len()]);
    }
}

fn check_all(client: &mut Client, name: &str, count: usize) {
    for number in 0..count {
        let (key, size) = (format!("{name}/{number}"), SIZES[number % SIZES.len()]);
        let answer = client.get("box", &key).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        assert_same(&answer.body, &body(&key, size), &key);
    }
}

fn figure(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// Verifies everything; what the scrub tells.
fn scrub(node: &Node) -> Value {
    let finished = node.ask("scrub", &["--now", "--json"]);
    finished.assert_ok();
    serde_json::from_str(&finished.stdout).expect("JSON")
}

/// Two drives other than `spared`.
fn two_others<'a>(node: &'a Node, spared: &[&Path]) -> Vec<&'a PathBuf> {
    node.drives().iter().filter(|drive| !spared.contains(&drive.as_path())).take(2).collect()
}

#[test]
fn a_wiped_drive_is_replaced_and_refilled_under_load() {
    const COUNT: usize = 42;
    let mut node = serving(6);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    put_all(&mut client, "before", COUNT);
    let mirror = node.status()["metadata_mirrors"][0].to_string();
    let victim = node.drives()[mirror.parse::<usize>().expect("a number")].clone();
    let stop = AtomicBool::new(false);
    let (took, told) = std::thread::scope(|scope| {
        let loaded = scope.spawn(|| {
            let (mut client, mut written) = (node.client(), 0);
            while !stop.load(Ordering::Relaxed) {
                put(&mut client, &format!("while/{written}"), SIZES[written % SIZES.len()]);
                check_all(&mut client, "before", 7);
                written += 1;
            }
            written
        });
        // Also in a panic: the scope waits for the load.
        let stopping = StopAtEnd(&stop);
        wipe(&victim);
        wait_for(&node, "the drive is lost", |status| status["degraded"] == true);
        let started = clock::now();
        node.ask("drive", &["replace", "--drive", &mirror]).assert_ok();
        let whole = wait_for(&node, "all is whole again", |status| {
            status["degraded"] == false && figure(status, "survives_drives_old") == 2
        });
        let took = clock::now().since(started);
        drop(stopping);
        let written = loaded.join().expect("the load went on");
        assert!(written > 0, "nothing was written meanwhile");
        check_all(&mut client, "while", written);
        (took, (whole["scrub"].clone(), written))
    });
    let (round, written) = told;
    tell(&format!(
        "refilled under load in {took:.1?}: {} shards, {} of {} objects written meanwhile; {round}",
        round["shards_rebuilt"], written, COUNT
    ));
    assert!(figure(&round, "shards_rebuilt") >= 30, "{round}");
    let checked = scrub(&node);
    assert_eq!(figure(&checked, "shards_rebuilt"), 0, "{checked}");
    // What was rebuilt must carry the objects now, across a kill, too.
    two_others(&node, &[&victim]).into_iter().for_each(|drive| wipe(drive));
    check_all(&mut client, "before", COUNT);
    node.kill();
    node.start();
    check_all(&mut node.client(), "before", COUNT);
    check_all(&mut node.client(), "while", written);
    node.stop();
}

/// Tells the load to stop when it goes out of scope.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Flips a bit of `wanted`, wherever a drive holds it. Returns the drive.
fn flip(node: &Node, wanted: &[u8]) -> PathBuf {
    for drive in node.drives() {
        for entry in fs::read_dir(drive.join("segments")).expect("a drive") {
            let path = entry.expect("an entry").path();
            let held = fs::read(&path).expect("a segment");
            let blocks = held.chunks_exact(4096).position(|block| block.starts_with(wanted));
            let Some(block) = blocks else { continue };
            let file = fs::File::options().write(true).open(&path).expect("a segment");
            let at = u64::try_from(block * 4096 + 5).expect("fits");
            file.write_all_at(&[wanted[5] ^ 0x10], at).expect("written");
            file.sync_all().expect("synced");
            return drive.clone();
        }
    }
    panic!("no drive holds these bytes in the clear");
}

#[test]
fn two_bits_in_two_shards_of_one_stripe_are_healed_without_a_read() {
    let mut node = serving(6);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    put(&mut client, "rotten", 1 << 20);
    put_all(&mut client, "others", 7);
    node.stop();
    // 4+2: the data slices are the quarters of the body, each on a drive of its own.
    let body = body("rotten", 1 << 20);
    let slice = (1 << 20) / 4;
    let one = flip(&node, &body[..64]);
    let other = flip(&node, &body[slice..slice + 64]);
    assert_ne!(one, other);
    node.start();
    let healed = scrub(&node);
    tell(&format!("two bits in two shards of one stripe: {healed}"));
    assert_eq!(figure(&healed, "shards_rebuilt"), 2, "{healed}");
    assert_eq!(figure(&scrub(&node), "shards_rebuilt"), 0);
    node.kill();
    node.start();
    assert_eq!(figure(&scrub(&node), "shards_rebuilt"), 0);
    two_others(&node, &[&one, &other]).into_iter().for_each(|drive| wipe(drive));
    let answer = node.client().get("box", "rotten").expect("an answer");
    assert_same(&answer.body, &body, "rotten");
    check_all(&mut node.client(), "others", 7);
    node.stop();
}

#[test]
fn only_a_drive_that_is_gone_is_replaced_and_only_by_an_empty_directory() {
    let mut node = serving(3);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    put_all(&mut client, "kept", 7);
    let replace = |node: &Node, drive: &str| node.ask("drive", &["replace", "--drive", drive]);
    let victim = node.drives()[2].clone();
    let refusals = [
        ("2", "drive 2 is in service"),
        ("7", "there is no drive 7"),
        ("/nowhere", "is no --data-dir of the running node"),
    ];
    for (drive, why) in refusals {
        let refused = replace(&node, drive);
        assert_eq!(refused.code, Some(1), "{drive}: {}", refused.stdout);
        assert!(refused.stderr.contains(why), "{drive}: {}", refused.stderr);
    }
    wipe(&victim);
    wait_for(&node, "the drive is lost", |status| status["degraded"] == true);
    let foreign = victim.join("somebody's");
    fs::write(&foreign, "photos").expect("written");
    let refused = replace(&node, "2");
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    assert_eq!(fs::read(&foreign).expect("it stays"), b"photos");
    fs::remove_file(&foreign).expect("removed");
    // Across a restart it is an absent drive, which its directory names.
    node.stop();
    node.start();
    // By another name of it.
    let link = victim.with_extension("link");
    std::os::unix::fs::symlink(&victim, &link).expect("linked");
    replace(&node, &link.display().to_string()).assert_ok();
    wait_for(&node, "all is whole again", |status| figure(status, "survives_drives_old") == 1);
    // Its number is not given again, and the drives are what they were for the next start.
    node.kill();
    node.start();
    let status = node.status();
    let ordinals: Vec<u64> = status["drives"]
        .as_array()
        .expect("drives")
        .iter()
        .map(|drive| figure(drive, "ordinal"))
        .collect();
    assert_eq!(ordinals, [0, 1, 3], "{status}");
    assert_eq!(status["degraded"], false, "{status}");
    wipe(&node.drives()[0].clone());
    check_all(&mut node.client(), "kept", 7);
    node.stop();
}

#[test]
fn drives_replaced_one_after_the_other_carry_data_and_metadata() {
    let mut node = serving(3);
    let mut client = node.client();
    client.create_bucket("box").expect("the bucket is made");
    put_all(&mut client, "kept", 7);
    // Each place twice: the second drive there takes a metadata mirror where a former one had been.
    for place in [0, 1, 2, 0, 1] {
        let victim = node.drives()[place].clone();
        wipe(&victim);
        wait_for(&node, "the drive is lost", |status| status["degraded"] == true);
        node.ask("drive", &["replace", "--drive", &victim.display().to_string()]).assert_ok();
        wait_for(&node, "all is whole again", |status| {
            let mirrors = status["metadata_mirrors"].as_array().map_or(0, Vec::len);
            status["degraded"] == false && figure(status, "survives_drives") == 1 && mirrors == 2
        });
        check_all(&mut client, "kept", 7);
    }
    node.kill();
    node.start();
    check_all(&mut node.client(), "kept", 7);
    wipe(&node.drives()[1].clone());
    check_all(&mut node.client(), "kept", 7);
    node.stop();
}
