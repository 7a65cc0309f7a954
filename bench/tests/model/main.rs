//! Reclaim, searched exhaustively (stateright) in small worlds: the rules for the code are in
//! `reclaim.rs`. One thread, breadth first: the same states in the same order each time.
//! `cargo test --release -p hamster-bench --test model -- --nocapture` prints the counts.

mod drive;
mod metadata;
mod node;
mod plant;
mod reclaim;
mod scope;

use plant::Plant;
use reclaim::{Action, Reclaim};
use scope::Scope;
use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::collections::BTreeSet;

struct Found {
    property: &'static str,
    /// A counterexample; otherwise an example of what should be possible.
    is_failure: bool,
    path: Vec<Action>,
}

/// Searches a scope, all of it or up to a counterexample. Returns the number of its states.
fn search(scope: Scope, plant: Option<Plant>, until: HasDiscoveries) -> (usize, Vec<Found>) {
    let model = Reclaim { scope, plant };
    let properties = model.properties();
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let mut discoveries = checker.discoveries();
    let found = properties.into_iter().filter_map(|property| {
        let path = discoveries.remove(property.name)?.into_actions();
        let is_failure = property.expectation.discovery_is_failure();
        Some(Found { property: property.name, is_failure, path })
    });
    (checker.unique_state_count(), found.collect())
}

#[test]
fn the_protocol_holds() {
    let mut missing: BTreeSet<&str> = Reclaim { scope: scope::BULK_GET, plant: None }
        .properties()
        .iter()
        .filter(|property| property.expectation == Expectation::Sometimes)
        .map(|property| property.name)
        .collect();
    let mut total = 0;
    for scope in scope::ALL {
        let (states, found) = search(scope, None, HasDiscoveries::All);
        println!("{states:>9} states  {}", scope.name);
        total += states;
        for Found { property, is_failure, path } in found {
            assert!(!is_failure, "{}: not \"{property}\": {path:#?}", scope.name);
            missing.remove(property);
        }
    }
    println!("{total:>9} states in all");
    assert!(missing.is_empty(), "never seen, so the search shows nothing about it: {missing:?}");
}

#[test]
fn every_planted_bug_is_found() {
    for (plant, scope) in plant::ALL {
        let (states, found) = search(scope, Some(plant), HasDiscoveries::AnyFailures);
        let failure = found.iter().filter(|found| found.is_failure);
        let Some(failure) = failure.min_by_key(|found| found.path.len()) else {
            panic!("{plant:?} does no harm in \"{}\"", scope.name);
        };
        let (steps, property) = (failure.path.len(), failure.property);
        println!("{plant:?}: not \"{property}\" after {steps} steps, {states} states");
    }
}
