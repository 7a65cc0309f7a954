//! What clients do: S3 requests of all kinds on a few keys, each noted with its outcome.

mod listing;
mod multipart;

use super::client::{Answer, Call, Client};
use super::content::{ABSENT, Content, Run, Value};
use super::linear::{Effect, Event};
use super::oracle::{Oracle, Place};
use super::stage::Stage;
use crate::sign::encode;
use bytes::Bytes;
use hamster_core::Entropy;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

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
/// Sizes of bodies, most of them small.
const SIZES: [usize; 16] = [
    0, 8, 8, 8, 100, 100, 100, 4_096, 4_096, 4_096, 20_000, 70_000, 131_072, 131_073, 300_000,
    1_100_000,
];

/// All clients, and what they share. Cheap to clone.
#[derive(Clone)]
pub struct Workload {
    stage: Stage,
    oracle: Rc<Oracle>,
    entropy: Entropy,
    numbers: Rc<Cell<u64>>,
}

/// One client's hands.
struct Hands {
    work: Workload,
    name: String,
    client: Client,
}

impl Workload {
    /// Nobody works yet.
    pub fn new(stage: &Stage, oracle: &Rc<Oracle>) -> Self {
        let entropy = Entropy::seeded(stage.scenario().seed ^ 0x0b5e_55ed);
        let numbers = Rc::new(Cell::new(0));
        Self { stage: stage.clone(), oracle: Rc::clone(oracle), entropy, numbers }
    }

    fn hands(&self, name: &str) -> Hands {
        let client = Client::new(&self.stage.client_core(), self.stage.s3());
        Hands { work: self.clone(), name: name.to_owned(), client }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.entropy.below(bound as u64)).unwrap_or(0)
    }

    fn run(&self, length: usize) -> Run {
        self.numbers.set(self.numbers.get() + 1);
        Run { number: self.numbers.get(), length }
    }

    fn body(&self) -> Content {
        Content(vec![self.run(SIZES[self.below(SIZES.len())])])
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
        for bucket in BUCKETS {
            let call = Call { method: "PUT", path: format!("/{bucket}"), ..Call::default() };
            match hands.client.call(&call).await {
                Some(Answer { status: 200, .. }) => {}
                other => return Err(format!("bucket {bucket}: {other:?}")),
            }
        }
        Ok(())
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
            if !hands.list(bucket, "", None, 1000).await {
                self.oracle.violated(format!("{name}: {bucket} cannot be listed"));
            }
        }
    }
}

impl Hands {
    async fn operation(&mut self) {
        let place = self.work.place();
        match self.work.below(100) {
            0..25 => self.put(&place, false).await,
            25..30 => self.put(&place, true).await,
            30..50 => drop(self.get(&place).await),
            50..58 => self.range(&place).await,
            58..64 => self.head(&place).await,
            64..72 => self.delete(&place).await,
            72..76 => self.delete_many(place.0).await,
            76..82 => self.copy(&place).await,
            82..90 => self.multipart(&place).await,
            _ => self.some_list(place.0).await,
        }
    }

    fn now(&self) -> u64 {
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

    async fn put(&mut self, place: &Place, create: bool) {
        let content = self.work.body();
        let (value, etag) = self.work.oracle.values.of_whole(content.clone());
        let mut headers = Vec::new();
        if create {
            headers.push(("if-none-match", "*".to_owned()));
        }
        let call = Call {
            method: "PUT",
            path: Self::path(place),
            headers,
            body: Bytes::from(content.bytes()),
            unsigned: self.work.below(2) == 0,
            ..Call::default()
        };
        let called = self.now();
        let effect = if create { Effect::Create(value) } else { Effect::Write(value) };
        match self.call(&call, if create { &[200, 412] } else { &[200] }).await {
            Some(answer) if answer.status == 412 => {
                self.note(place, called, true, Effect::Refused, "create");
            }
            Some(answer) => {
                if answer.etag != etag {
                    let wrong = format!("{}: ETag {} for {etag}", call.path, answer.etag);
                    self.work.oracle.violated(wrong);
                }
                self.note(place, called, true, effect, "put");
            }
            None => self.note(place, called, false, effect, "put"),
        }
    }

    /// Reads an object. Whether it, or its absence, was seen.
    async fn get(&mut self, place: &Place) -> bool {
        let call = Call { method: "GET", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 404]).await else { return false };
        let Some(value) = self.value_of(&call, &answer) else { return true };
        let content = self.work.oracle.values.content(value);
        if content.is_some_and(|content| content.bytes() != answer.body) {
            let name = self.work.oracle.values.name(value);
            self.work.oracle.violated(format!("{}: wrong bytes for {name}", call.path));
        }
        self.note(place, called, true, Effect::Read(value), "get");
        true
    }

    /// What an answer says that its key holds; `None` if nobody wrote that.
    fn value_of(&self, call: &Call, answer: &Answer) -> Option<Value> {
        if answer.status == 404 {
            return Some(ABSENT);
        }
        match self.work.oracle.values.with_etag(&answer.etag) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.work.oracle.violated(format!("{} {}: {reason}", call.method, call.path));
                None
            }
        }
    }

    async fn range(&mut self, place: &Place) {
        let from = self.work.below(400_000);
        let to = from + self.work.below(200_000);
        let call = Call {
            method: "GET",
            path: Self::path(place),
            headers: vec![("range", format!("bytes={from}-{to}"))],
            ..Call::default()
        };
        let called = self.now();
        let Some(answer) = self.call(&call, &[206, 404, 416]).await else { return };
        if answer.status == 416 {
            return;
        }
        let Some(value) = self.value_of(&call, &answer) else { return };
        if let Some(content) = self.work.oracle.values.content(value) {
            let bytes = content.bytes();
            let end = bytes.len().min(to + 1);
            if bytes.get(from..end) != Some(answer.body.as_slice()) {
                let name = self.work.oracle.values.name(value);
                let what = format!("{} {from}-{to}: wrong bytes for {name}", call.path);
                self.work.oracle.violated(what);
            }
        }
        self.note(place, called, true, Effect::Read(value), "range");
    }

    async fn head(&mut self, place: &Place) {
        let call = Call { method: "HEAD", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 404]).await else { return };
        let Some(value) = self.value_of(&call, &answer) else { return };
        let length = self.work.oracle.values.content(value).map(|content| content.length());
        if length.is_some() && answer.length != length {
            let what = format!("HEAD {}: {:?} for {length:?}", call.path, answer.length);
            self.work.oracle.violated(what);
        }
        self.note(place, called, true, Effect::Read(value), "head");
    }

    async fn delete(&mut self, place: &Place) {
        let call = Call { method: "DELETE", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let answer = self.call(&call, &[204]).await;
        self.note(place, called, answer.is_some(), Effect::Write(ABSENT), "delete");
    }

    async fn delete_many(&mut self, bucket: &'static str) {
        let mut keys: Vec<&str> =
            (0..1 + self.work.below(4)).map(|_| KEYS[self.work.below(KEYS.len())]).collect();
        keys.sort_unstable();
        keys.dedup();
        let objects: String =
            keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
        let call = Call {
            method: "POST",
            path: format!("/{bucket}"),
            query: "delete=".into(),
            headers: vec![("content-md5", content_md5(body.as_bytes()))],
            body: Bytes::from(body),
            ..Call::default()
        };
        let called = self.now();
        let answer = self.call(&call, &[200]).await.map(|answer| answer.text());
        for key in keys {
            let refused = format!("<Key>{key}</Key>");
            let done = answer.as_ref().is_some_and(|text| !text.contains(&refused));
            let place = (bucket, key.to_owned());
            self.note(&place, called, done, Effect::Write(ABSENT), "delete many");
        }
    }

    /// Copies what a key holds to another key of the bucket: reads it first, and copies only that.
    async fn copy(&mut self, place: &Place) {
        let (bucket, _) = place;
        let to = (*bucket, KEYS[self.work.below(KEYS.len())].to_owned());
        let head = Call { method: "HEAD", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&head, &[200, 404]).await else { return };
        let Some(source) = self.value_of(&head, &answer) else { return };
        self.note(place, called, true, Effect::Read(source), "head");
        let Some(content) = self.work.oracle.values.content(source) else { return };
        let (value, etag) = self.work.oracle.values.of_whole(content);
        let call = Call {
            method: "PUT",
            path: Self::path(&to),
            headers: vec![
                ("x-amz-copy-source", Self::path(place)),
                ("x-amz-copy-source-if-match", answer.etag.clone()),
                ("x-amz-metadata-directive", "REPLACE".to_owned()),
            ],
            ..Call::default()
        };
        let called = self.now();
        match self.call(&call, &[200, 404, 412]).await {
            Some(answer) if answer.status == 200 => {
                let said = answer.text();
                // A copy that fails after its head says so in the body.
                let failed = said.contains("<Error>");
                if !failed && !said.contains(&etag) {
                    self.work.oracle.violated(format!("copy to {}: {said}, not {etag}", call.path));
                }
                self.note(&to, called, !failed, Effect::Write(value), "copy");
            }
            Some(_) => {}
            None => self.note(&to, called, false, Effect::Write(value), "copy"),
        }
    }
}

/// `Content-MD5` of a body.
fn content_md5(body: &[u8]) -> String {
    use md5::{Digest as _, Md5};
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in Md5::digest(body).chunks(3) {
        let wide = three.iter().fold(0u32, |wide, byte| wide << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = usize::try_from(wide >> (18 - 6 * place) & 63).unwrap_or(0);
            text.push(if place <= three.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}
