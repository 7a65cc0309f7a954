//! Dependencies are permissive only: every licence expression of the graph is read and decided.
//!
//! Only what cargo resolves for this platform counts; that is what ships. A licence outside the
//! list fails until a person has read it.

use super::{Finding, House};
use crate::Outcome;

const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Every package in the graph.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    let packages = house.workspace.packages();
    Ok(packages
        .iter()
        .filter_map(|package| {
            let word = |key: &str| package[key].as_str().unwrap_or_default();
            let licence = word("license");
            (!is_permissive(licence)).then(|| Finding {
                place: format!("Cargo.lock: {} {}", word("name"), word("version")),
                rule: "licences",
                what: format!("licence {licence:?} is not known to be permissive"),
                remedy: "replace the dependency, or read its licence and extend the list",
            })
        })
        .collect())
}

/// Whether we may choose permissive terms only. An expression that cannot be read is not.
fn is_permissive(expression: &str) -> bool {
    // Why: older manifests write `MIT/Apache-2.0`.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

/// `all OR all ...`
fn any(rest: &mut &[&str]) -> Option<bool> {
    let mut verdict = all(rest)?;
    while skip(rest, "OR") {
        verdict |= all(rest)?;
    }
    Some(verdict)
}

/// `one AND one ...`: binds tighter than OR.
fn all(rest: &mut &[&str]) -> Option<bool> {
    let mut verdict = one(rest)?;
    while skip(rest, "AND") {
        verdict &= one(rest)?;
    }
    Some(verdict)
}

/// `( any )`, or a licence with its exception.
fn one(rest: &mut &[&str]) -> Option<bool> {
    if skip(rest, "(") {
        let verdict = any(rest)?;
        return skip(rest, ")").then_some(verdict);
    }
    let (licence, after) = rest.split_first()?;
    *rest = after;
    let mut licence = (*licence).to_owned();
    if skip(rest, "WITH") {
        let (exception, after) = rest.split_first()?;
        *rest = after;
        licence = format!("{licence} WITH {exception}");
    }
    Some(PERMISSIVE.contains(&licence.as_str()))
}

fn skip(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_permissive_terms_passes() {
        for expression in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "MIT OR GPL-3.0 AND LGPL-3.0",
        ] {
            assert!(is_permissive(expression), "{expression}");
        }
    }

    #[test]
    fn copyleft_and_the_unreadable_are_caught() {
        for expression in [
            "",
            "MPL-2.0+",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "GPL-3.0 OR LGPL-3.0",
            "MIT AND (GPL-3.0 OR MPL-2.0)",
            "Apache-2.0 WITH Other-exception",
            "(MIT",
            "MIT OR",
            "MIT MIT",
        ] {
            assert!(!is_permissive(expression), "{expression}");
        }
    }
}
