//! kill -9 in the middle of mixed load: what was acknowledged is there, byte for byte; what was not
//! is whole or absent.

use crate::support::{bytes, serving};
use hamster_bench::client::{Call, Client};
use hamster_bench::clock;
use hamster_core::Entropy;
use std::collections::BTreeSet;
use std::time::Duration;

const ROUNDS: u64 = 10;
const WRITERS: u64 = 4;
const KEYS_PER_WRITER: usize = 12;
/// Around the borders of the two kinds of bodies, and some stripes.
const SIZES: [usize; 8] = [0, 1, 100, 4_096, 131_072, 131_073, 1_500_000, 5 << 20];

/// One key as its writer knows it. A version is the seed of its bytes; `None` is no object.
struct Key {
    name: String,
    /// Acknowledged last.
    settled: Option<u64>,
    /// Sent after that, and never acknowledged.
    open: Vec<Option<u64>>,
}

/// One client that writes its own keys, one request at a time.
struct Writer {
    keys: Vec<Key>,
    seed: u64,
    rounds: u64,
    acknowledged: u64,
}

fn body(seed: u64) -> Vec<u8> {
    let kind = usize::try_from(seed % 8).expect("a small number");
    bytes(seed, SIZES[kind])
}

#[test]
fn every_acknowledged_write_survives_ten_kills() {
    let mut node = serving(6);
    node.client().create_bucket("box").expect("the bucket is made");
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let moments = Entropy::seeded(99);
    for round in 0..ROUNDS {
        let before: u64 = writers.iter().map(|writer| writer.acknowledged).sum();
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let client = node.client();
                scope.spawn(|| writer.write_until_cut(client));
            }
            clock::sleep(Duration::from_millis(400 + moments.below(800)));
            node.kill();
        });
        let after: u64 = writers.iter().map(|writer| writer.acknowledged).sum();
        println!("round {round}: {} acknowledged", after - before);
        assert!(after > before, "nothing was acknowledged in round {round}");
        node.start();
        let mut client = node.client();
        let mut present = BTreeSet::new();
        for writer in &mut writers {
            writer.check(&mut client, &mut present);
        }
        assert_eq!(listed(&mut client), present, "the listing shows what is there");
    }
    node.stop();
}

impl Writer {
    fn new(number: u64) -> Self {
        let name = |key| format!("writer-{number}/key-{key:02}");
        let keys = (0..KEYS_PER_WRITER)
            .map(|key| Key { name: name(key), settled: None, open: Vec::new() })
            .collect();
        Self { keys, seed: number, rounds: 0, acknowledged: 0 }
    }

    /// Puts and deletes until the connection is cut.
    fn write_until_cut(&mut self, mut client: Client) {
        self.rounds += 1;
        let entropy = Entropy::seeded(self.rounds << 32 | self.seed);
        loop {
            let place = usize::try_from(entropy.below(12)).expect("a small number");
            let key = &mut self.keys[place];
            let version = (entropy.below(100) < 80).then(|| entropy.next_u64());
            key.open.push(version);
            let answer = match version {
                Some(seed) => client.put("box", &key.name, &body(seed)),
                None => client.delete("box", &key.name),
            };
            match answer {
                Ok(answer) if matches!(answer.status, 200 | 204) => {
                    key.settled = version;
                    key.open.clear();
                    self.acknowledged += 1;
                }
                Ok(answer) => panic!("{}: {} {}", key.name, answer.status, answer.text()),
                Err(_) => return,
            }
        }
    }

    /// Every key holds its last acknowledged version, or one that was sent later.
    fn check(&mut self, client: &mut Client, present: &mut BTreeSet<String>) {
        for key in &mut self.keys {
            let answer = client.get("box", &key.name).expect("an answer");
            let allowed: Vec<_> = key.open.drain(..).chain([key.settled]).collect();
            let found = allowed.into_iter().find(|version| match version {
                Some(seed) => answer.status == 200 && answer.body == body(*seed),
                None => answer.status == 404,
            });
            let Some(found) = found else {
                panic!("{}: {} with {} bytes", key.name, answer.status, answer.body.len());
            };
            key.settled = found;
            if found.is_some() {
                present.insert(key.name.clone());
            }
        }
    }
}

/// The keys of the bucket, on one page.
fn listed(client: &mut Client) -> BTreeSet<String> {
    let list = Call { method: "GET", path: "/box", query: "list-type=2", ..Call::default() };
    let answer = client.call(&list).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.text();
    let keys = page.split("<Key>").skip(1);
    keys.filter_map(|rest| rest.split_once("</Key>")).map(|(key, _)| key.to_owned()).collect()
}
