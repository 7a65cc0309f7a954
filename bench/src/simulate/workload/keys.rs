//! An operator who makes access keys and takes them back while faults strike, and whoever signs with
//! them: a key signs from the moment it was told, and never again once its revocation was answered.

use crate::sign::Credentials;
use crate::simulate::client::{Call, Client};
use crate::simulate::operator::ask;
use crate::simulate::oracle::Oracle;
use crate::simulate::stage::Stage;
use hamster_core::Entropy;
use hamster_node::{KeyMade, KeyShown, Who};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const USER: &str = "simulated-user";
/// Keys at a time: fewer than a user may have.
const KEYS: usize = 4;
/// Between two things that the operator does.
const PAUSE_MILLIS: u64 = 20_000;

/// The user's keys, as the operator and whoever signs know them.
pub struct Keys {
    stage: Stage,
    oracle: Rc<Oracle>,
    entropy: Entropy,
    live: RefCell<Vec<Pair>>,
    /// Their revocation was answered.
    revoked: RefCell<Vec<Pair>>,
}

#[derive(Clone)]
struct Pair {
    access_key: String,
    secret_key: String,
}

/// What came of a command.
enum Told<T> {
    Done(T),
    Refused(String),
    /// Nobody knows.
    Nothing,
}

impl Keys {
    /// None yet.
    pub fn new(stage: &Stage, oracle: &Rc<Oracle>) -> Self {
        let entropy = Entropy::seeded(stage.scenario().seed ^ 0x5ec2_e7a5);
        let (stage, oracle) = (stage.clone(), Rc::clone(oracle));
        Self { stage, oracle, entropy, live: RefCell::default(), revoked: RefCell::default() }
    }

    /// Adds the user.
    ///
    /// # Errors
    /// It does not succeed, though nothing has struck yet.
    pub async fn prepare(&self) -> Result<(), String> {
        match self.command::<serde_json::Value>("/v1/users/add", &named(USER)).await {
            Told::Done(_) => Ok(()),
            Told::Refused(why) => Err(format!("user {USER}: {why}")),
            Told::Nothing => Err(format!("user {USER}: no answer")),
        }
    }

    /// Makes keys, signs with them and takes them back, for as long as the scenario says.
    pub async fn work(&self) {
        let duration = self.stage.scenario().duration;
        let end = self.stage.now() + u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        while self.stage.now() < end && !self.oracle.is_violated() {
            let count = self.live.borrow().len();
            match self.entropy.below(3) {
                _ if count == 0 => self.create().await,
                0 if count < KEYS => self.create().await,
                1 => self.revoke().await,
                _ => self.sign_with_all().await,
            }
            let pause = Duration::from_millis(self.entropy.below(PAUSE_MILLIS));
            self.stage.sleep(pause).await;
        }
    }

    /// All is healed: every key does what it must, and answers.
    pub async fn settle(&self) {
        let (live, revoked) = (self.live.borrow().clone(), self.revoked.borrow().clone());
        let all = live.iter().map(|pair| (pair, true));
        for (pair, is_live) in all.chain(revoked.iter().map(|pair| (pair, false))) {
            if !self.sign(pair, is_live).await {
                self.oracle.violated(format!("keys: {} gets no answer", pair.access_key));
            }
        }
    }

    async fn create(&self) {
        match self.command::<KeyMade>("/v1/keys/create", &named(USER)).await {
            Told::Done(KeyMade { access_key, secret_key, .. }) => {
                let pair = Pair { access_key, secret_key };
                self.oracle.count("key created");
                self.sign(&pair, true).await;
                self.live.borrow_mut().push(pair);
            }
            // Keys were made whose answers were lost.
            Told::Refused(why) if why.contains("which is the most") => self.tidy().await,
            Told::Refused(why) => self.wrong(&format!("no key is made: {why}")),
            Told::Nothing => {}
        }
    }

    async fn revoke(&self) {
        let drawn = self.entropy.below(self.live.borrow().len() as u64);
        let pair = self.live.borrow_mut().swap_remove(usize::try_from(drawn).unwrap_or(0));
        let revoked = loop {
            match self.command::<KeyShown>("/v1/keys/revoke", &key(&pair.access_key)).await {
                Told::Done(_) => break true,
                // An earlier try was done, though nobody was told.
                Told::Refused(why) if why.contains("no access key") => break true,
                Told::Refused(why) => self.wrong(&format!("a key is not revoked: {why}")),
                Told::Nothing => {}
            }
            if self.oracle.is_violated() {
                break false;
            }
            self.stage.sleep(Duration::from_secs(1)).await;
        };
        if revoked {
            self.oracle.count("key revoked");
            self.sign(&pair, false).await;
            self.revoked.borrow_mut().push(pair);
        }
    }

    /// Revokes what nobody has the secret of.
    async fn tidy(&self) {
        let Some((200, listed)) = ask(&self.stage, "GET", "/v1/keys", String::new()).await else {
            return;
        };
        let listed: Vec<KeyShown> = serde_json::from_slice(&listed).unwrap_or_default();
        let is_known = |id: &str| self.live.borrow().iter().any(|pair| pair.access_key == id);
        for KeyShown { access_key, .. } in listed {
            if !is_known(&access_key) {
                self.command::<KeyShown>("/v1/keys/revoke", &key(&access_key)).await;
            }
        }
    }

    /// With every live key, and with one that was taken back.
    async fn sign_with_all(&self) {
        let live = self.live.borrow().clone();
        for pair in &live {
            self.sign(pair, true).await;
        }
        let revoked = self.revoked.borrow().clone();
        if !revoked.is_empty() {
            let drawn = usize::try_from(self.entropy.below(revoked.len() as u64)).unwrap_or(0);
            self.sign(&revoked[drawn], false).await;
        }
    }

    /// Signs a request; whether the node said what it must say to this key.
    async fn sign(&self, pair: &Pair, is_live: bool) -> bool {
        let Pair { access_key, secret_key } = pair.clone();
        let credentials = Credentials { access_key, secret_key };
        let core = self.stage.client_core();
        let mut client = Client::signing(&core, self.stage.s3(), credentials);
        let call = Call { method: "GET", path: "/".into(), ..Call::default() };
        let Some(answer) = client.call(&call).await else { return false };
        let code = answer.code();
        self.oracle.count("signed with a key");
        match (answer.status, is_live) {
            (200, true) => true,
            (403, false) if code == "InvalidAccessKeyId" => true,
            (500.., _) => false,
            // A request that came too slowly through a bad network.
            (400 | 408, _) if code == "RequestTimeout" => false,
            (status, _) => {
                let of = if is_live { "live" } else { "revoked" };
                self.wrong(&format!("{of} key {}: {status} {code}", pair.access_key));
                false
            }
        }
    }

    fn wrong(&self, what: &str) {
        self.oracle.violated(format!("keys: {what}"));
    }

    async fn command<T: DeserializeOwned>(&self, path: &str, who: &Who) -> Told<T> {
        let body = serde_json::json!(who).to_string();
        let told = ask(&self.stage, "POST", path, body).await;
        let status = told.as_ref().map(|(status, _)| *status);
        self.stage.tell(|| format!("operator POST {path} {who}: {status:?}"));
        match told {
            Some((200, body)) => match serde_json::from_slice(&body) {
                Ok(done) => Told::Done(done),
                Err(error) => Told::Refused(format!("malformed: {error}")),
            },
            Some((409, body)) => {
                let why = String::from_utf8_lossy(&body).into_owned();
                // The metadata gave no answer, or nobody knows what it did.
                match why.starts_with("metadata:") || why.contains("is not known") {
                    true => Told::Nothing,
                    false => Told::Refused(why),
                }
            }
            _ => Told::Nothing,
        }
    }
}

fn named(name: &str) -> Who {
    Who { name: Some(name.to_owned()), id: None }
}

fn key(id: &str) -> Who {
    Who { name: None, id: Some(id.to_owned()) }
}
