//! Nothing unfinished is hidden: no ignored test, no stub, no note without an issue behind it.

use super::source::{SourceFile, find_all, line_of};
use super::{Finding, House};
use crate::Outcome;

const RULE: &str = "words";
const STUBS: &[&str] = &["todo!", "unimplemented!", "dbg!"];
const NOTES: &[&str] = &["TODO", "FIXME"];

/// Every Rust file.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    Ok(house.files.iter().filter(|file| file.is_rust()).flat_map(file).collect())
}

fn file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |line: usize, what: String, remedy: &'static str| {
        findings.push(Finding { place: format!("{}:{line}", file.path), rule: RULE, what, remedy });
    };
    // Why not `code`: it leaves tests out, and an ignored test is what is looked for.
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#[ignore") || line.starts_with("#![ignore") {
            found(index + 1, "ignores a test".into(), "make it fast and sure, or delete it");
        }
    }
    for stub in STUBS {
        // Why the name alone: `!` is no part of a word, so its end is checked by hand.
        let name = stub.trim_end_matches('!');
        for at in find_all(&file.code, name) {
            if file.code[at + name.len()..].starts_with('!') {
                let line = line_of(&file.code, at);
                found(line, format!("holds {stub}"), "write it, or return an error that says so");
            }
        }
    }
    for note in NOTES {
        for at in find_all(&file.comments, note) {
            let rest = file.comments[at..].lines().next().unwrap_or_default();
            let numbered = rest
                .split('#')
                .skip(1)
                .any(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
            if !numbered {
                let line = line_of(&file.comments, at);
                found(line, format!("{note} without an issue"), "name the issue, as in #12");
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        file(&SourceFile::new("s3/src/a.rs", text.to_owned())).len()
    }

    #[test]
    fn unfinished_work_is_caught() {
        for note in NOTES {
            assert_eq!(count(&format!("fn a() {{}} // {note}: later")), 1);
            assert_eq!(count(&format!("fn a() {{}} // {note} (#12): later")), 0);
        }
        for stub in STUBS {
            assert_eq!(count(&format!("fn a() {{ {stub}() }}")), 1);
        }
        assert_eq!(count(&format!("#[test]\n{}]\nfn a() {{}}", "#[ignore")), 1);
    }

    #[test]
    fn naming_a_stub_is_not_holding_one() {
        assert_eq!(count("fn a() { let todo = !done; call(\"todo!\") }"), 0);
    }
}
