//! No file is too long to read in one sitting.

use super::{Finding, House, source::SourceFile};
use crate::Outcome;

const LINES_MAX: usize = 800;

/// Every text file of the checkout.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    Ok(house.files.iter().filter_map(file).collect())
}

fn file(file: &SourceFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| Finding {
        place: format!("{}:{}", file.path, LINES_MAX + 1),
        rule: "size",
        what: format!("has {lines} lines, more than {LINES_MAX}"),
        remedy: "give each verb its own file",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_too_many_is_caught() {
        let found = |lines| file(&SourceFile::new("a.md", "line\n".repeat(lines))).is_some();
        assert!(!found(LINES_MAX));
        assert!(found(LINES_MAX + 1));
    }
}
