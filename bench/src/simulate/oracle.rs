//! What the clients have seen, and whether a correct store can have shown it to them.

use super::content::{Value, Values};
use super::linear::{self, Effect, Event, Refused};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Events of a key that a refusal shows.
const SHOWN_MAX: usize = 60;

/// The histories of all keys. One for the world.
#[derive(Default)]
pub struct Oracle {
    /// What was ever sent.
    pub values: Values,
    events: RefCell<BTreeMap<Place, Vec<Event>>>,
    violations: RefCell<Vec<String>>,
    counts: RefCell<BTreeMap<&'static str, u64>>,
}

/// Bucket and key.
pub type Place = (&'static str, String);

impl Oracle {
    /// Something was seen that no correct store shows.
    pub fn violated(&self, what: String) {
        self.violations.borrow_mut().push(what);
    }

    /// Something happened to a key, or may have.
    pub fn note(&self, place: &Place, event: Event) {
        self.events.borrow_mut().entry(place.clone()).or_default().push(event);
    }

    /// Counts what clients did, for the report.
    pub fn count(&self, what: &'static str) {
        *self.counts.borrow_mut().entry(what).or_default() += 1;
    }

    /// What was counted.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.borrow().clone()
    }

    /// Whether anything was violated so far.
    pub fn is_violated(&self) -> bool {
        !self.violations.borrow().is_empty()
    }

    /// Judges all histories, and tells what is wrong.
    pub fn verdict(&self) -> Vec<String> {
        let mut wrong = self.violations.borrow().clone();
        for ((bucket, key), events) in self.events.borrow().iter() {
            if let Err(refused) = linear::check(events) {
                wrong.push(self.explain(bucket, key, events, &refused));
            }
        }
        wrong
    }

    fn explain(&self, bucket: &str, key: &str, events: &[Event], refused: &Refused) -> String {
        let reason = match refused {
            Refused::NoOrder { explained } => {
                format!("no order explains its {} events ({explained} can be)", events.len())
            }
            Refused::Unknown => format!("its {} events are too many to judge", events.len()),
        };
        let mut text = format!("{bucket}/{key}: {reason}");
        let mut sorted: Vec<&Event> = events.iter().collect();
        sorted.sort_by_key(|event| event.called);
        for event in sorted.iter().rev().take(SHOWN_MAX).rev() {
            let seconds =
                |nanos: u64| format!("{}.{:06}", nanos / 1_000_000_000, nanos / 1000 % 1_000_000);
            let answered = event.answered.map_or("never".into(), seconds);
            let effect = self.effect(event.effect);
            let (called, what) = (seconds(event.called), &event.what);
            text.push_str(&format!("\n    {called} to {answered}: {what}: {effect}"));
        }
        text
    }

    fn effect(&self, effect: Effect) -> String {
        let name = |value: Value| self.values.name(value);
        match effect {
            Effect::Write(value) => format!("writes {}", name(value)),
            Effect::Create(value) => format!("creates {}", name(value)),
            Effect::Refused => "is refused".into(),
            Effect::Read(value) => format!("sees {}", name(value)),
        }
    }
}
