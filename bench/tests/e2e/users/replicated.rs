//! Users of the cluster: added, given keys and taken away by command while the node serves.

use super::OTHERS_MAY_NOT;
use crate::support::{assert_refused, binary, scratch, serve};
use hamster_bench::client::{Answer, Call, Client, element};
use hamster_bench::clock;
use hamster_bench::cluster::{Finished, Node};
use hamster_bench::sign::Credentials;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A key pair as `hamster key create` tells it.
#[derive(Clone)]
struct Pair {
    access_key: String,
    secret_key: String,
}

fn master_line(name: &str, digit: char) -> String {
    format!("{name}:{}\n", String::from(digit).repeat(64))
}

fn write_with_mode(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

/// Beside the data directories, as it should be.
fn master_key_file(node: &Node) -> PathBuf {
    node.home().join("master.key")
}

fn with_master_key(node: &mut Node) {
    let file = master_key_file(node);
    node.flags = vec!["--master-key-file".to_owned(), file.display().to_string()];
}

/// Founded, serving, with a master key.
fn serving(drives: usize) -> Node {
    let mut node = Node::new(&binary(), scratch(), drives);
    node.init().assert_ok();
    write_with_mode(&master_key_file(&node), &master_line("k1", 'a'), 0o600);
    with_master_key(&mut node);
    node.start();
    node
}

fn json(finished: &Finished) -> Value {
    finished.assert_ok();
    serde_json::from_str(&finished.stdout).expect("JSON")
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}")).to_owned()
}

fn user(node: &Node, arguments: &[&str]) -> Finished {
    node.ask("user", arguments)
}

fn key(node: &Node, arguments: &[&str]) -> Finished {
    node.ask("key", arguments)
}

fn add(node: &Node, name: &str) -> String {
    text(&json(&user(node, &["add", "--name", name, "--json"])), "id")
}

fn create(node: &Node, name: &str) -> Pair {
    let made = json(&key(node, &["create", "--name", name, "--json"]));
    assert_eq!(text(&made, "user"), name);
    Pair { access_key: text(&made, "access_key"), secret_key: text(&made, "secret_key") }
}

/// Signs with this pair on a new connection, which any core may serve.
fn client(node: &Node, pair: &Pair) -> Client {
    let Pair { access_key, secret_key } = pair.clone();
    Client::new(&node.s3.to_string(), Credentials { access_key, secret_key }, "us-east-1")
}

fn call(client: &mut Client, method: &str, path: &str, query: &str) -> Answer {
    client.call(&Call { method, path, query, ..Call::default() }).expect("an answer")
}

#[track_caller]
fn assert_code(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
}

/// Whoever asks on so many new connections asks every core.
const CONNECTIONS: usize = 24;

fn codes(node: &Node, pair: &Pair) -> Vec<String> {
    let ask = |_| call(&mut client(node, pair), "GET", "/", "").code();
    let mut codes: Vec<String> = (0..CONNECTIONS).map(ask).collect();
    codes.dedup();
    codes
}

#[test]
fn users_of_the_cluster_own_what_they_make_and_are_called_by_their_names() {
    let mut node = serving(1);
    let (alice_id, bob_id) = (add(&node, "alice"), add(&node, "bob"));
    assert_eq!((alice_id.len(), bob_id.len()), (64, 64));
    assert_ne!(alice_id, bob_id);
    let (alice_pair, bob_pair) = (create(&node, "alice"), create(&node, "bob"));
    assert_eq!((alice_pair.access_key.len(), alice_pair.secret_key.len()), (20, 40));
    assert_eq!(codes(&node, &alice_pair), [""]);
    let (mut alice, mut bob) = (client(&node, &alice_pair), client(&node, &bob_pair));
    let mut root = node.client();
    alice.create_bucket("hers").expect("the bucket is made");
    assert_eq!(alice.put("hers", "k", b"private").expect("an answer").status, 200);
    for (method, path) in OTHERS_MAY_NOT {
        assert_code(&call(&mut bob, method, path, ""), 403, "AccessDenied");
    }
    assert_code(&call(&mut bob, "PUT", "/hers", ""), 409, "BucketAlreadyExists");
    let his = call(&mut bob, "GET", "/", "").text();
    assert!(!his.contains("<Name>hers</Name>"), "{his}");
    assert_eq!(call(&mut root, "GET", "/hers/k", "").body, b"private");

    let begun = call(&mut alice, "POST", "/hers/parts", "uploads=").text();
    let upload = element(&begun, "UploadId").expect("an upload").to_owned();
    let parts = format!("uploadId={upload}");
    for (path, query) in [
        ("/", ""),
        ("/hers", ""),
        ("/hers", "fetch-owner=true&list-type=2"),
        ("/hers", "uploads="),
        ("/hers", "acl="),
        ("/hers/k", "acl="),
        ("/hers/parts", parts.as_str()),
    ] {
        let document = call(&mut alice, "GET", path, query).text();
        let owner = element(&document, "Owner").unwrap_or_else(|| panic!("{document}"));
        assert_eq!(element(owner, "ID"), Some(alice_id.as_str()), "{path}?{query}: {document}");
        assert_eq!(element(owner, "DisplayName"), Some("alice"), "{path}?{query}: {document}");
    }

    // Root's id was drawn when the cluster was founded, and stays.
    let root_id = |node: &Node| {
        let listed = call(&mut node.client(), "GET", "/", "").text();
        element(&listed, "ID").expect("an owner").to_owned()
    };
    let minted = root_id(&node);
    assert_eq!(minted.len(), 64);
    assert!(
        !minted.starts_with("68616d73746572000000"),
        "{minted} is the constant of old clusters"
    );
    node.kill();
    node.start();
    assert_eq!(root_id(&node), minted);
    node.stop();
}

#[test]
fn a_revoked_key_signs_nothing_from_the_moment_the_command_has_answered() {
    const CLIENTS: usize = 6;
    let mut node = serving(1);
    add(&node, "alice");
    let (pair, other) = (create(&node, "alice"), create(&node, "alice"));
    client(&node, &pair).create_bucket("hers").expect("the bucket is made");
    assert_eq!(client(&node, &pair).put("hers", "k", b"private").expect("an answer").status, 200);
    let (stop, revoked) = (AtomicBool::new(false), AtomicBool::new(false));
    let answered = std::thread::scope(|scope| {
        let loads: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (stop, revoked, node, pair) = (&stop, &revoked, &node, &pair);
                scope.spawn(move || {
                    // The connection stays: what was verified on it before counts for nothing.
                    let (mut client, mut good, mut refused) = (client(node, pair), 0, 0);
                    while !stop.load(Ordering::Acquire) {
                        let is_revoked = revoked.load(Ordering::Acquire);
                        let answer = call(&mut client, "GET", "/hers/k", "");
                        match (is_revoked, answer.status) {
                            (false, 200) => good += 1,
                            (false, 403) => {}
                            (true, 403) => {
                                assert_code(&answer, 403, "InvalidAccessKeyId");
                                refused += 1;
                            }
                            (_, status) => panic!("{status} (revoked: {is_revoked})"),
                        }
                    }
                    (good, refused)
                })
            })
            .collect();
        // Also in a panic: the scope waits for the clients.
        let stopping = StopAtEnd(&stop);
        clock::sleep(Duration::from_millis(200));
        key(&node, &["revoke", "--id", &pair.access_key]).assert_ok();
        revoked.store(true, Ordering::Release);
        assert_eq!(codes(&node, &pair), ["InvalidAccessKeyId"]);
        clock::sleep(Duration::from_millis(200));
        drop(stopping);
        loads.into_iter().map(|load| load.join().expect("no answer is wrong")).collect::<Vec<_>>()
    });
    assert!(answered.iter().all(|(good, refused)| *good > 0 && *refused > 0), "{answered:?}");
    assert_eq!(codes(&node, &other), [""]);
    let again = key(&node, &["revoke", "--id", &pair.access_key]);
    assert_refused(&again, &["no access key", &pair.access_key, "hamster key list"]);
    node.kill();
    node.start();
    assert_eq!(codes(&node, &pair), ["InvalidAccessKeyId"]);
    assert_eq!(codes(&node, &other), [""]);
    node.stop();
}

/// Tells the clients to stop when it goes out of scope.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_new_key_works_on_every_core_from_the_moment_the_command_has_answered() {
    let mut node = serving(1);
    add(&node, "alice");
    for _ in 0..5 {
        let pair = create(&node, "alice");
        assert_eq!(codes(&node, &pair), [""]);
        let wrong = Pair { secret_key: "wrong".repeat(8), ..pair };
        assert_eq!(codes(&node, &wrong), ["SignatureDoesNotMatch"]);
    }
    node.stop();
}

#[test]
fn users_and_keys_are_listed_and_go_in_order() {
    let mut node = serving(1);
    let id = add(&node, "alice");
    add(&node, "bob");
    let pair = create(&node, "alice");
    let listed = json(&user(&node, &["list", "--json"]));
    let names: Vec<_> =
        listed.as_array().expect("users").iter().map(|it| text(it, "name")).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!((text(&listed[0], "id"), &listed[0]["keys"]), (id.clone(), &Value::from(1)));
    let keys = json(&key(&node, &["list", "--name", "alice", "--json"]));
    assert_eq!(text(&keys[0], "access_key"), pair.access_key);
    assert_eq!(text(&keys[0], "master_key"), "k1");
    assert_eq!(json(&key(&node, &["list", "--name", "bob", "--json"])), Value::Array(vec![]));
    for finished in [user(&node, &["list"]), key(&node, &["list", "-id", &id])] {
        finished.assert_ok();
        assert!(finished.stdout.contains("alice"), "{}", finished.stdout);
        assert!(!finished.stdout.contains(&pair.secret_key));
    }

    for (arguments, words) in [
        (&["add", "--name", "alice"][..], &["there is a user alice", &*id, "another name"][..]),
        (&["add", "--name", "a b"], &["no user name", "letters"]),
        (&["add", "--name=-a"], &["no user name", "no - in front"]),
        (&["add", "--name", "root"], &["the name \"root\"", "environment", "another"]),
        (&["remove", "--name", "carol"], &["no user carol", "hamster user list"]),
        (&["remove", "--name", "alice"], &["has 1 access key", "hamster key revoke"]),
    ] {
        assert_refused(&user(&node, arguments), words);
    }
    for command in ["create", "list"] {
        assert_refused(&key(&node, &[command, "--name", "carol"]), &["no user carol"]);
    }
    for wrong in [&["remove"][..], &["remove", "--name", "a", "--id", "b"], &["add"], &["make"]] {
        assert_eq!(user(&node, wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(key(&node, &["revoke"]).code, Some(2));
    let refused = user(&node, &["remove", "--name", "carol", "--json"]);
    let error: Value = serde_json::from_str(&refused.stderr).expect("JSON");
    assert!(text(&error, "error").contains("no user carol"), "{error}");

    let mut alice = client(&node, &pair);
    alice.create_bucket("hers").expect("the bucket is made");
    key(&node, &["revoke", "--id", &pair.access_key]).assert_ok();
    assert_refused(&user(&node, &["remove", "--id", &id]), &["owns buckets", "'hers'", "delete"]);
    assert_eq!(call(&mut node.client(), "DELETE", "/hers", "").status, 204);
    user(&node, &["remove", "--id", &id]).assert_ok();
    let listed = json(&user(&node, &["list", "--json"]));
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    node.stop();
}

#[test]
fn without_a_master_key_there_are_users_but_no_keys() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    node.start();
    add(&node, "alice");
    let words = ["no master key", "openssl rand -hex 32", "--master-key-file"];
    assert_refused(&key(&node, &["create", "--name", "alice"]), &words);
    assert_eq!(json(&key(&node, &["list", "--json"])), Value::Array(vec![]));
    node.stop();
    node.start();
    assert_eq!(json(&user(&node, &["list", "--json"])).as_array().map(Vec::len), Some(1));
    node.stop();
}

#[test]
fn a_master_key_file_that_gives_the_key_away_or_cannot_be_meant_is_refused() {
    let mut node = Node::new(&binary(), scratch(), 1);
    node.init().assert_ok();
    with_master_key(&mut node);
    let file = master_key_file(&node);
    assert_refused(&serve(&node), &["master.key", "is not there", "openssl rand"]);
    let good = master_line("k1", 'a');
    for mode in [0o640, 0o604, 0o666] {
        write_with_mode(&file, &good, mode);
        assert_refused(&serve(&node), &["others than its owner", "chmod 600"]);
    }
    for (content, words) in [
        ("", "no master key"),
        ("k1:5ec3e75ec3e7\n", "line 1 is neither"),
        (&*format!("{good}{good}"), "two master keys"),
    ] {
        write_with_mode(&file, content, 0o600);
        let refused = serve(&node);
        assert_refused(&refused, &["master.key", words]);
        assert!(!refused.stderr.contains("5ec3e7"), "{}", refused.stderr);
    }
    let within = node.drives()[0].join("master.key");
    write_with_mode(&within, &good, 0o600);
    let below = ["below the data directory", "move it elsewhere"];
    node.flags = vec!["--master-key-file".to_owned(), within.display().to_string()];
    assert_refused(&serve(&node), &below);
    fs::remove_file(&file).expect("removed");
    symlink(&within, &file).expect("linked");
    with_master_key(&mut node);
    assert_refused(&serve(&node), &below);
    // A link to a good place is well.
    fs::remove_file(&file).expect("removed");
    let real = node.home().join("real.key");
    fs::rename(&within, &real).expect("moved");
    symlink(&real, &file).expect("linked");
    node.start();
    add(&node, "alice");
    assert_eq!(codes(&node, &create(&node, "alice")), [""]);
    node.stop();
}

#[test]
fn a_node_that_cannot_open_what_is_sealed_says_which_master_key_is_missing() {
    let mut node = serving(1);
    add(&node, "alice");
    let pair = create(&node, "alice");
    node.stop();
    let file = master_key_file(&node);
    let flags = std::mem::take(&mut node.flags);
    assert_refused(&serve(&node), &[&pair.access_key, "\"k1\" is missing", "--master-key-file"]);
    node.flags = flags;
    write_with_mode(&file, &master_line("k2", 'a'), 0o600);
    assert_refused(&serve(&node), &["\"k1\" is missing", "k1:lost"]);
    write_with_mode(&file, &master_line("k1", 'b'), 0o600);
    assert_refused(&serve(&node), &["\"k1\" is not the one that sealed it", "k1:lost"]);
    // Nothing was changed by the refusals: with the key it is as it was, and a new one seals.
    let both = master_line("k2", 'b') + &master_line("k1", 'a');
    write_with_mode(&file, &both, 0o600);
    node.start();
    assert_eq!(codes(&node, &pair), [""]);
    let next = create(&node, "alice");
    assert_eq!(text(&json(&key(&node, &["list", "--json"]))[1], "master_key"), "k2");
    // Read again while it runs: a file without what is needed changes nothing.
    write_with_mode(&file, &master_line("k2", 'b'), 0o600);
    node.reload();
    node.wait_for_log("all stays as it was");
    assert_eq!(codes(&node, &pair), [""]);
    // The old key is lost for good: what it sealed is refused, all else goes on.
    write_with_mode(&file, &(master_line("k2", 'b') + "k1:lost\n"), 0o600);
    node.reload();
    node.wait_for_log("were read again");
    assert_eq!(codes(&node, &pair), ["InvalidAccessKeyId"]);
    assert_eq!(codes(&node, &next), [""]);
    node.kill();
    node.start();
    assert_eq!(codes(&node, &next), [""]);
    key(&node, &["revoke", "--id", &pair.access_key]).assert_ok();
    node.stop();
    write_with_mode(&file, &master_line("k2", 'b'), 0o600);
    node.start();
    assert_eq!(codes(&node, &next), [""]);
    node.stop();
}

fn entry(id: &str, name: &str, access_key: &str) -> String {
    let secret = "secret_key = 'long enough a secret'";
    format!("[[user]]\nid = '{id}'\nname = '{name}'\naccess_key = '{access_key}'\n{secret}\n")
}

#[test]
fn users_of_the_file_and_of_the_cluster_may_not_clash() {
    let mut node = serving(1);
    let id = add(&node, "alice");
    let pair = create(&node, "alice");
    node.stop();
    let users = node.home().join("users.toml");
    node.flags.extend(["--credentials".to_owned(), users.display().to_string()]);
    let clashes = [
        (entry(&id, "carol", "carol-key"), format!("the id \"{id}\"")),
        (entry("c", "alice", "carol-key"), "the name \"alice\"".to_owned()),
        (entry("c", "carol", &pair.access_key), format!("the access key \"{}\"", pair.access_key)),
    ];
    for (file, what) in &clashes {
        fs::write(&users, file).expect("written");
        assert_refused(&serve(&node), &[what, "user of the cluster", "hamster user list"]);
    }
    // The environment is part of it.
    fs::write(&users, "").expect("written");
    let mut command = node.serve_command();
    command.env("HAMSTER_ACCESS_KEY_ID", &pair.access_key);
    let refused = hamster_bench::cluster::run(&mut command, Duration::from_secs(60));
    assert_refused(&refused, &["the access key", "environment"]);

    fs::write(&users, entry("c", "carol", "carol-key")).expect("written");
    node.start();
    let carol = Pair { access_key: "carol-key".into(), secret_key: "long enough a secret".into() };
    assert_eq!(codes(&node, &carol), [""]);
    assert_eq!(codes(&node, &pair), [""]);
    assert_refused(&user(&node, &["add", "--name", "carol"]), &["the name \"carol\"", "another"]);
    // Nor may they when the file is read again: then it stays as it was.
    fs::write(&users, &clashes[1].0).expect("written");
    node.reload();
    node.wait_for_log("all stays as it was");
    assert_eq!(codes(&node, &carol), [""]);
    // What the file was before the reload does not count after it.
    fs::write(&users, entry("d", "dave", "dave-key")).expect("written");
    node.reload();
    node.wait_for_log("were read again");
    assert_eq!(codes(&node, &carol), ["InvalidAccessKeyId"]);
    assert_eq!(codes(&node, &pair), [""]);
    add(&node, "carol");
    assert_refused(&user(&node, &["add", "--name", "dave"]), &["the name \"dave\""]);
    node.stop();
}

/// The files below `directory` that hold `bytes`.
fn holders(directory: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holders(&path, bytes));
        // What is gone by now was a file of the running node's.
        } else if fs::read(&path)
            .is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_secret_lies_below_a_data_directory_or_in_the_log() {
    let mut node = serving(2);
    add(&node, "alice");
    let pair = create(&node, "alice");
    client(&node, &pair).create_bucket("hers").expect("the bucket is made");
    assert_eq!(codes(&node, &pair), [""]);
    let told = [node.status_with(&["--json"]), node.ask("metrics", &[]).stdout];
    assert!(told.iter().all(|told| !told.contains(&pair.secret_key)));
    node.kill();
    node.start();
    assert_eq!(codes(&node, &pair), [""]);
    node.stop();
    // The search finds what is there: the access key is in the clear.
    let drives: Vec<PathBuf> = node.drives().to_vec();
    let below = |bytes: &[u8]| drives.iter().flat_map(|it| holders(it, bytes)).collect::<Vec<_>>();
    assert!(!below(pair.access_key.as_bytes()).is_empty());
    let master = [0xaa_u8; 32];
    for secret in [pair.secret_key.as_bytes(), &master, "a".repeat(64).as_bytes()] {
        assert_eq!(below(secret), Vec::<PathBuf>::new());
    }
    let log = fs::read(node.home().join("serve.log")).expect("the log");
    let secret = pair.secret_key.as_bytes();
    assert!(!log.windows(secret.len()).any(|window| window == secret));
}
