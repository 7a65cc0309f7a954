//! What clients do: S3 requests of all kinds on a few keys, each noted with its outcome.

mod about;
mod keys;
mod listing;
mod multipart;
mod object;
mod uploads;

pub use keys::Keys;

use super::client::{Answer, Call, Client};
use super::content::{Content, Run};
use super::linear::{Effect, Event};
use super::oracle::{Oracle, Place};
use super::stage::Stage;
use crate::sign::encode;
use hamster_core::Entropy;
use listing::Kind;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use uploads::Uploads;

/// The buckets there are.
pub const BUCKETS: [&str; 2] = ["alpha", "beta"];
/// Keys whose order, prefixes and characters are awkward; written and deleted all the time.
pub const KEYS: [&str; 14] = [
    "a",
    "a+1/x",
    "a/b",
    "a/b/c",
    "a/c",
    "b",
    "b/",
    "dir/1",
    "dir/2",
    "dir/sub/3",
    "k",
    "ü/ñ",
    "z z",
    "zz",
];
/// The bucket of the drills, which have keys of their own.
pub const DRILLS: &str = "drills";
/// Sizes of bodies, and how many of 64 have them: small and large on both sides of the border, and
/// several stripes now and then.
const SIZES: [(usize, usize); 10] = [
    (3, 0),
    (14, 8),
    (14, 100),
    (17, 4_096),
    (7, 20_000),
    (3, 70_000),
    (2, 131_072),
    (2, 131_073),
    (1, 300_000),
    (1, 1_100_000),
];

/// All clients, and what they share. Cheap to clone.
#[derive(Clone)]
pub struct Workload {
    stage: Stage,
    oracle: Rc<Oracle>,
    entropy: Entropy,
    numbers: Rc<Cell<u64>>,
    uploads: Rc<Uploads>,
}

/// One client's hands.
pub struct Hands {
    work: Workload,
    name: String,
    client: Client,
}

impl Workload {
    /// Nobody works yet.
    pub fn new(stage: &Stage, oracle: &Rc<Oracle>) -> Self {
        let entropy = Entropy::seeded(stage.scenario().seed ^ 0x0b5e_55ed);
        let numbers = Rc::new(Cell::new(0));
        let (stage, oracle) = (stage.clone(), Rc::clone(oracle));
        Self { stage, oracle, entropy, numbers, uploads: Rc::default() }
    }

    /// A further client.
    pub fn hands(&self, name: &str) -> Hands {
        let client = Client::new(&self.stage.client_core(), self.stage.s3());
        Hands { work: self.clone(), name: name.to_owned(), client }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.entropy.below(bound as u64)).unwrap_or(0)
    }

    fn run(&self, length: usize) -> Run {
        self.numbers.set(self.numbers.get() + 1);
        Run { number: self.numbers.get(), from: 0, length }
    }

    fn body(&self) -> Content {
        let mut drawn = self.below(SIZES.iter().map(|(weight, _)| weight).sum());
        let (_, length) = SIZES
            .into_iter()
            .find(|(weight, _)| {
                let is_it = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                is_it
            })
            .unwrap_or_default();
        Content(vec![self.run(length)])
    }

    fn place(&self) -> Place {
        let bucket = BUCKETS[usize::from(self.below(4) == 0)];
        (bucket, KEYS[self.below(KEYS.len())].to_owned())
    }

    /// Makes the buckets.
    ///
    /// # Errors
    /// It does not succeed, though nothing has struck yet.
    pub async fn prepare(&self) -> Result<(), String> {
        let mut hands = self.hands("setup");
        for bucket in BUCKETS.into_iter().chain([DRILLS]) {
            let call = Call { method: "PUT", path: format!("/{bucket}"), ..Call::default() };
            match hands.client.call(&call).await {
                Some(Answer { status: 200, .. }) => {}
                other => return Err(format!("bucket {bucket}: {other:?}")),
            }
        }
        hands.prepare_tags().await
    }

    /// One client, for as long as the scenario says.
    pub async fn work(self, number: usize) {
        let scenario = self.stage.scenario().clone();
        let mut hands = self.hands(&format!("c{number}"));
        let mine = scenario.operations / scenario.clients;
        let nanos = u64::try_from(scenario.duration.as_nanos()).unwrap_or(u64::MAX);
        let each = nanos / (mine as u64).max(1);
        let mut done = 0;
        while done < mine && !self.oracle.is_violated() {
            // In bursts: half of all requests come one upon another.
            let burst = 1 + self.below(20);
            for _ in 0..burst.min(mine - done) {
                hands.operation().await;
                if self.below(2) == 0 {
                    self.stage.sleep(Duration::from_micros(self.entropy.below(20_000))).await;
                }
            }
            done += burst;
            let rest = self.entropy.below(2 * each * burst as u64 + 1);
            self.stage.sleep(Duration::from_nanos(rest)).await;
        }
    }

    /// Reads every key and lists every bucket: all of it must be there, at once.
    pub async fn read_everything(&self, name: &str) {
        let mut hands = self.hands(name);
        for bucket in BUCKETS {
            for key in KEYS {
                if !hands.get(&(bucket, key.to_owned())).await {
                    self.oracle.violated(format!("{name}: {bucket}/{key} cannot be read"));
                }
            }
            if !hands.list(bucket, Kind::Objects, "", None, 1000).await {
                self.oracle.violated(format!("{name}: {bucket} cannot be listed"));
            }
        }
    }
}

impl Hands {
    async fn operation(&mut self) {
        let place = self.work.place();
        match self.work.below(100) {
            0..24 => self.some_put(&place, false).await,
            24..25 => self.put_form(&place).await,
            25..30 => self.some_put(&place, true).await,
            30..50 => _ = self.get(&place).await,
            50..58 => self.range(&place).await,
            58..62 => self.head(&place).await,
            62..63 => self.attributes(&place).await,
            63..64 => self.part_of(&place).await,
            64..72 => _ = self.delete(&place).await,
            72..76 => self.delete_many(place.0).await,
            76..82 => self.copy(&place).await,
            82..90 => self.multipart(&place).await,
            90..92 => _ = self.list_uploads(place.0).await,
            92..94 => self.register().await,
            _ => self.some_list(place.0).await,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.work.stage.now()
    }

    fn path((bucket, key): &Place) -> String {
        format!("/{bucket}/{}", encode(key, true))
    }

    /// Sends a request. What is neither an answer to be understood nor a failure that may happen is
    /// a violation; so `None`: nobody knows what was done.
    async fn call(&mut self, call: &Call, expected: &[u16]) -> Option<Answer> {
        self.work.oracle.count(match call.method {
            "GET" => "get",
            "PUT" => "put",
            "HEAD" => "head",
            "DELETE" => "delete",
            _ => "post",
        });
        let answer = self.client.call(call).await;
        let (name, Call { method, path, query, .. }) = (&self.name, call);
        let status = answer.as_ref().map(|answer| answer.status);
        self.work.stage.tell(|| format!("{name} {method} {path} {query}: {status:?}"));
        let Some(answer) = answer else {
            self.work.oracle.count("no answer");
            return None;
        };
        if expected.contains(&answer.status) {
            return Some(answer);
        }
        self.work.oracle.count("refused");
        // A body that came too slowly through a bad network.
        let timed_out = answer.status == 400
            && matches!(answer.code().as_str(), "RequestTimeout" | "IncompleteBody");
        if answer.status < 500 && !timed_out {
            let text = answer.text();
            let what = format!("{name}: {method} {path} {query}: {} {text}", answer.status);
            self.work.oracle.violated(what);
        }
        None
    }

    fn note(&self, place: &Place, called: u64, answered: bool, effect: Effect, what: &str) {
        let answered = answered.then(|| self.now());
        let what = format!("{} {what}", self.name);
        self.work.oracle.note(place, Event { called, answered, effect, what });
    }
}
