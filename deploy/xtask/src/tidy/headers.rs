//! Every Rust file opens with `//!`: what it is for, who calls it, what it must never do.

use super::{Finding, House, source::SourceFile};
use crate::Outcome;

/// Every Rust file, tests and this tool among them.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    Ok(house.files.iter().filter_map(file).collect())
}

fn file(file: &SourceFile) -> Option<Finding> {
    let header = file.text.strip_prefix("//!").and_then(|rest| rest.lines().next());
    let said = header.is_some_and(|words| !words.trim().is_empty());
    (file.is_rust() && !said).then(|| Finding {
        place: format!("{}:1", file.path),
        rule: "headers",
        what: "does not open with a //! header".into(),
        remedy: "say on its first line what the file is for, then who calls it",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_header_is_caught() {
        let fails = |text: &str| file(&SourceFile::new("s3/src/a.rs", text.to_owned())).is_some();
        assert!(fails("fn a() {}\n//! Late.\n"));
        assert!(fails("//!\nfn a() {}\n"));
        assert!(fails(""));
        assert!(!fails("//! One verb.\nfn a() {}\n"));
    }
}
