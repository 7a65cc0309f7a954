//! Whether the history of one key has an order that explains it: a search for a linearization
//! (Wing and Gong, with the memory of Lowe).
//!
//! Every operation whose answer came takes effect once, between its call and its answer; one without
//! an answer does so at any time after its call, or never.

use super::content::{ABSENT, Value};
use hamster_core::Set;

/// States that are looked at before the search is given up. Giving up counts as a failure.
const STATES_MAX: usize = 100_000;

/// What an operation did, or may have done, to its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The key holds this from then on.
    Write(Value),
    /// As [`Effect::Write`], where the key held nothing.
    Create(Value),
    /// The key held something, so that nothing was created.
    Refused,
    /// The key held this.
    Read(Value),
}

/// One operation on a key.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it was called, in nanoseconds of the world.
    pub called: u64,
    /// When its answer came; `None`: never.
    pub answered: Option<u64>,
    /// What it did.
    pub effect: Effect,
    /// Who did it, for messages.
    pub what: String,
}

/// Why a history is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// No order explains it; at most so many of its operations can be put in order.
    NoOrder {
        /// The longest order found.
        explained: usize,
    },
    /// The search was given up.
    Unknown,
}

/// Looks for an order that explains `events`, the key being absent before.
///
/// # Errors
/// There is none, or it was not found in time.
pub fn check(events: &[Event]) -> Result<(), Refused> {
    let mut events: Vec<&Event> = relevant(events);
    events.sort_by_key(|event| event.called);
    let mut search = Search { seen: Set::default(), explained: 0, events };
    let none = Done(vec![0; search.events.len().div_ceil(64)]);
    match search.go(none, ABSENT) {
        Some(true) => Ok(()),
        Some(false) => Err(Refused::NoOrder { explained: search.explained }),
        None => Err(Refused::Unknown),
    }
}

/// Leaves out what without an answer was never seen: it can be taken not to have happened.
fn relevant(events: &[Event]) -> Vec<&Event> {
    let refused = events.iter().any(|event| event.effect == Effect::Refused);
    let is_seen = |value: Value| events.iter().any(|event| event.effect == Effect::Read(value));
    let matters = |event: &&Event| match event.effect {
        _ if event.answered.is_some() => true,
        Effect::Write(ABSENT) => is_seen(ABSENT) || events.iter().any(creates),
        Effect::Write(value) | Effect::Create(value) => refused || is_seen(value),
        Effect::Refused | Effect::Read(_) => false,
    };
    events.iter().filter(matters).collect()
}

fn creates(event: &Event) -> bool {
    matches!(event.effect, Effect::Create(_))
}

/// Which events have taken effect.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done(Vec<u64>);

impl Done {
    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn add(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| usize::try_from(word.count_ones()).unwrap_or(0)).sum()
    }
}

struct Search<'a> {
    events: Vec<&'a Event>,
    seen: Set<(Done, Value)>,
    explained: usize,
}

impl Search<'_> {
    /// `None`: given up.
    fn go(&mut self, start: Done, held: Value) -> Option<bool> {
        let mut open = vec![(start, held)];
        while let Some((mut done, held)) = open.pop() {
            // Why at once: what leaves the key as it is can only be in the way later.
            while let Some(at) = self.next(&done).into_iter().find(|at| self.leaves(*at, held)) {
                done.add(at);
            }
            self.explained = self.explained.max(done.count());
            let all =
                (0..self.events.len()).all(|at| done.has(at) || self.events[at].answered.is_none());
            if all {
                return Some(true);
            }
            if !self.seen.insert((done.clone(), held)) {
                continue;
            }
            if self.seen.len() > STATES_MAX {
                return None;
            }
            for at in self.next(&done) {
                if let Some(holds) = step(self.events[at].effect, held) {
                    let mut with = done.clone();
                    with.add(at);
                    open.push((with, holds));
                }
            }
        }
        Some(false)
    }

    /// What may take effect next: called before the first answer of those that have not.
    fn next(&self, done: &Done) -> Vec<usize> {
        let waiting = || (0..self.events.len()).filter(|at| !done.has(*at));
        let first = waiting().filter_map(|at| self.events[at].answered).min();
        let first = first.unwrap_or(u64::MAX);
        waiting().take_while(|at| self.events[*at].called <= first).collect()
    }

    /// Whether it can take effect now, and leaves the key as it is.
    fn leaves(&self, at: usize, held: Value) -> bool {
        let effect = self.events[at].effect;
        matches!(effect, Effect::Read(_) | Effect::Refused) && step(effect, held).is_some()
    }
}

/// What a key that holds `held` holds afterwards; `None` if the effect is not possible then.
fn step(effect: Effect, held: Value) -> Option<Value> {
    match effect {
        Effect::Write(value) => Some(value),
        Effect::Create(value) => (held == ABSENT).then_some(value),
        Effect::Refused => (held != ABSENT).then_some(held),
        Effect::Read(value) => (held == value).then_some(held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(called: u64, answered: impl Into<Option<u64>>, effect: Effect) -> Event {
        Event { called, answered: answered.into(), effect, what: String::new() }
    }

    #[test]
    fn a_read_sees_the_last_write_or_one_beside_it() {
        let one = event(0, 10, Effect::Write(1));
        let two = event(20, 40, Effect::Write(2));
        let read = |called, value| event(called, called + 1, Effect::Read(value));
        assert_eq!(check(&[one.clone(), two.clone(), read(30, 1), read(35, 2)]), Ok(()));
        assert_eq!(check(&[one.clone(), two.clone(), read(30, 2)]), Ok(()));
        assert!(check(&[one.clone(), two.clone(), read(30, 2), read(35, 1)]).is_err());
        assert!(check(&[one, two, read(50, 1)]).is_err());
    }

    #[test]
    fn what_has_no_answer_may_take_effect_later_once_or_never() {
        let lost = event(0, None, Effect::Write(1));
        let read = |called, value| event(called, called + 1, Effect::Read(value));
        let delete = event(30, 31, Effect::Write(ABSENT));
        assert_eq!(check(&[lost.clone(), read(10, ABSENT), read(20, 1)]), Ok(()));
        assert_eq!(check(&[lost.clone(), read(10, ABSENT)]), Ok(()));
        let again = [lost, read(20, 1), delete, read(40, ABSENT), read(50, 1)];
        assert!(check(&again).is_err(), "it takes effect twice");
    }

    #[test]
    fn of_creators_one_wins() {
        let create = |value| event(0, 10, Effect::Create(value));
        let refused = event(0, 10, Effect::Refused);
        let read = event(20, 21, Effect::Read(1));
        assert_eq!(check(&[create(1), refused.clone(), read.clone()]), Ok(()));
        assert!(check(&[create(1), create(2), read]).is_err());
        assert!(check(&[refused]).is_err(), "nothing was there");
    }

    #[test]
    fn an_acknowledged_write_is_not_lost() {
        let write = event(0, 10, Effect::Write(1));
        let read = event(20, 21, Effect::Read(ABSENT));
        assert_eq!(check(&[write, read]), Err(Refused::NoOrder { explained: 1 }));
    }
}
