//! kill -9 in the middle of mixed load (PUT, overwrite, DELETE, multipart, list): what was
//! acknowledged is there, byte for byte; what was not is whole or absent; the listing agrees.
//!
//! HAMSTER_CRASH_ROUNDS: kills of each test (default 30). HAMSTER_CRASH_SEED: draws.

use crate::support::{bytes, serving, tell};
use hamster_bench::client::{Call, Client, element};
use hamster_bench::clock;
use hamster_core::Entropy;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

const ROUNDS: u64 = 30;
const WRITERS: u64 = 4;
const KEYS_PER_WRITER: usize = 12;
/// Around the borders of the two kinds of bodies, and some stripes.
const SIZES: [usize; 8] = [0, 1, 100, 4_096, 20_000, 131_072, 131_073, 1_500_000];
const FIRST_PART_BYTES: usize = 5 << 20;

/// What a key may hold; the seed of its bytes.
#[derive(Clone, Copy)]
enum Content {
    Absent,
    Whole(u64),
    Parts(u64),
}

impl Content {
    fn body(self) -> Option<Vec<u8>> {
        match self {
            Self::Absent => None,
            Self::Whole(seed) => Some(whole(seed)),
            Self::Parts(seed) => Some([part(seed, 1), part(seed, 2)].concat()),
        }
    }
}

fn whole(seed: u64) -> Vec<u8> {
    bytes(seed, SIZES[usize::try_from(seed % 8).expect("a small number")])
}

fn part(seed: u64, number: u64) -> Vec<u8> {
    match number {
        1 => bytes(seed, FIRST_PART_BYTES),
        _ => whole(seed.wrapping_add(number)),
    }
}

/// One key as its writer knows it.
struct Key {
    name: String,
    /// Acknowledged last.
    settled: Content,
    /// Sent after that, and never acknowledged.
    open: Vec<Content>,
}

/// An upload of two parts that was begun.
struct Upload {
    key: usize,
    id: String,
    seed: u64,
    /// Of the parts that were acknowledged.
    etags: Vec<String>,
}

/// Requests that were acknowledged.
#[derive(Clone, Copy, Default)]
struct Counts {
    put: u64,
    overwrite: u64,
    delete: u64,
    multipart: u64,
    resumed: u64,
    list: u64,
}

impl Counts {
    fn all(self) -> u64 {
        self.put + self.overwrite + self.delete + self.multipart + self.list
    }
}

/// One client that works on its own keys, one request at a time.
struct Writer {
    prefix: String,
    keys: Vec<Key>,
    upload: Option<Upload>,
    /// Draws of the next round.
    seed: u64,
    counts: Counts,
}

#[test]
fn every_acknowledged_request_survives_thirty_kills_on_one_drive() {
    survives_kills(1);
}

#[test]
fn every_acknowledged_request_survives_thirty_kills_on_six_drives() {
    survives_kills(6);
}

fn survives_kills(drives: usize) {
    let number =
        |name| std::env::var(name).ok().map(|text: String| text.parse().expect("a number"));
    let rounds = number("HAMSTER_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("HAMSTER_CRASH_SEED").unwrap_or(99);
    let started = clock::now();
    let mut node = serving(drives);
    node.client().create_bucket("box").expect("the bucket is made");
    let mut writers: Vec<Writer> = (0..WRITERS).map(|writer| Writer::new(writer, seed)).collect();
    let moments = Entropy::seeded(seed);
    let acknowledged = |writers: &[Writer]| writers.iter().map(|one| one.counts.all()).sum::<u64>();
    let mut silent = 0;
    for round in 0..rounds {
        let before = acknowledged(&writers);
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let client = node.client();
                scope.spawn(|| writer.work_until_cut(client));
            }
            clock::sleep(Duration::from_millis(100 + moments.below(400)));
            node.kill();
        });
        // A busy machine may get nowhere in the shortest rounds.
        silent += u64::from(acknowledged(&writers) == before);
        node.start();
        let mut client = node.client();
        let mut present = BTreeSet::new();
        for writer in &mut writers {
            writer.check(&mut client, round);
            present.extend(writer.present());
        }
        assert_eq!(listed(&mut client, "").expect("an answer"), present, "after kill {round}");
    }
    node.stop();
    let total = |kind: fn(&Counts) -> u64| writers.iter().map(|one| kind(&one.counts)).sum::<u64>();
    tell(&format!(
        "kills: {rounds} on {drives} drive(s), seed {seed}, {:?}; acknowledged: {} puts, {} \
         overwrites, {} deletes, {} multipart uploads ({} begun before a kill), {} listings",
        clock::now().since(started),
        total(|counts| counts.put),
        total(|counts| counts.overwrite),
        total(|counts| counts.delete),
        total(|counts| counts.multipart),
        total(|counts| counts.resumed),
        total(|counts| counts.list)
    ));
    assert!(silent <= rounds / 4, "nothing was acknowledged in {silent} of {rounds} rounds");
}

/// The connection was cut: nobody knows what was done.
struct Cut;

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        let prefix = format!("writer-{number}/");
        let name = |key| format!("{prefix}key-{key:02}");
        let keys = (0..KEYS_PER_WRITER)
            .map(|key| Key { name: name(key), settled: Content::Absent, open: Vec::new() })
            .collect();
        Self { prefix, keys, upload: None, seed: seed << 8 | number, counts: Counts::default() }
    }

    fn work_until_cut(&mut self, mut client: Client) {
        let entropy = Entropy::seeded(self.seed);
        self.seed = entropy.next_u64();
        if let Some(upload) = self.upload.take() {
            if self.go_on(&mut client, upload).is_err() {
                return;
            }
            self.counts.resumed += 1;
        }
        while self.work(&mut client, &entropy).is_ok() {}
    }

    /// One request, or one upload.
    fn work(&mut self, client: &mut Client, entropy: &Entropy) -> Result<(), Cut> {
        let at = usize::try_from(entropy.below(12)).expect("a small number");
        let seed = entropy.next_u64();
        match entropy.below(100) {
            0..60 => {
                let key = &mut self.keys[at];
                key.open.push(Content::Whole(seed));
                let answer = client.put("box", &key.name, &whole(seed))?;
                assert_eq!(answer.status, 200, "{}: {}", key.name, answer.text());
                match key.settled {
                    Content::Absent => self.counts.put += 1,
                    Content::Whole(_) | Content::Parts(_) => self.counts.overwrite += 1,
                }
                key.settle(Content::Whole(seed));
            }
            60..80 => {
                let key = &mut self.keys[at];
                key.open.push(Content::Absent);
                let answer = client.delete("box", &key.name)?;
                assert_eq!(answer.status, 204, "{}: {}", key.name, answer.text());
                key.settle(Content::Absent);
                self.counts.delete += 1;
            }
            80..86 => {
                let path = format!("/box/{}", self.keys[at].name);
                let (method, query) = ("POST", "uploads=");
                let answer =
                    client.call(&Call { method, path: &path, query, ..Call::default() })?;
                let id = element(&answer.text(), "UploadId").expect("an upload").to_owned();
                self.go_on(client, Upload { key: at, id, seed, etags: Vec::new() })?;
            }
            _ => {
                let found = listed(client, &self.prefix)?;
                assert_eq!(found, self.present().collect(), "listed under load");
                self.counts.list += 1;
            }
        }
        Ok(())
    }

    /// Puts the parts that are not acknowledged, and completes the upload.
    fn go_on(&mut self, client: &mut Client, mut upload: Upload) -> Result<(), Cut> {
        let path = format!("/box/{}", self.keys[upload.key].name);
        for number in 1 + upload.etags.len() as u64..=2 {
            let query = format!("partNumber={number}&uploadId={}", upload.id);
            let body = part(upload.seed, number);
            let call =
                Call { method: "PUT", path: &path, query: &query, body: &body, ..Call::default() };
            let Ok(answer) = client.call(&call) else {
                // What was acknowledged of it must be there after the kill.
                self.upload = Some(upload);
                return Err(Cut);
            };
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            upload.etags.push(answer.header("etag").expect("an ETag").to_owned());
        }
        let mut list = String::from("<CompleteMultipartUpload>");
        for (number, etag) in (1..).zip(&upload.etags) {
            list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        list += "</CompleteMultipartUpload>";
        let query = format!("uploadId={}", upload.id);
        let body = list.as_bytes();
        self.keys[upload.key].open.push(Content::Parts(upload.seed));
        let call = Call { method: "POST", path: &path, query: &query, body, ..Call::default() };
        let answer = client.call(&call)?;
        let text = answer.text();
        assert!(answer.status == 200 && element(&text, "ETag").is_some(), "{path}: {text}");
        self.keys[upload.key].settle(Content::Parts(upload.seed));
        self.counts.multipart += 1;
        Ok(())
    }

    /// Every key holds what was acknowledged last, or what was sent later.
    fn check(&mut self, client: &mut Client, round: u64) {
        for key in &mut self.keys {
            let answer = client.get("box", &key.name).expect("an answer");
            let found = match answer.status {
                200 => Some(answer.body),
                404 => None,
                status => panic!("{}: {status} {}", key.name, answer.text()),
            };
            let mut allowed = key.open.drain(..).chain([key.settled]);
            let Some(content) = allowed.find(|content| content.body() == found) else {
                let length = found.map(|body| body.len());
                panic!("{} after kill {round}: {length:?} bytes, not what was sent", key.name);
            };
            drop(allowed);
            key.settled = content;
        }
    }

    /// The names of the keys that hold something.
    fn present(&self) -> impl Iterator<Item = String> {
        let is_there = |key: &&Key| !matches!(key.settled, Content::Absent);
        self.keys.iter().filter(is_there).map(|key| key.name.clone())
    }
}

impl Key {
    fn settle(&mut self, content: Content) {
        self.settled = content;
        self.open.clear();
    }
}

/// The keys of the bucket under a prefix, on one page.
fn listed(client: &mut Client, prefix: &str) -> io::Result<BTreeSet<String>> {
    let query = format!("list-type=2&prefix={}", prefix.replace('/', "%2F"));
    let list = Call { method: "GET", path: "/box", query: &query, ..Call::default() };
    let answer = client.call(&list)?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.text();
    let keys = page.split("<Key>").skip(1);
    Ok(keys.filter_map(|rest| rest.split_once("</Key>")).map(|(key, _)| key.to_owned()).collect())
}
