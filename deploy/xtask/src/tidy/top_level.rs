//! Nothing visible at the top level beside the house's folders (DESIGN.md section 1).

use super::{Finding, House, source::is_ignored};
use crate::Outcome;

const VISIBLE: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "core",
    "shard",
    "meta",
    "s3",
    "net",
    "bench",
    "deploy",
];

/// The folder of the root manifest.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    let root = &house.workspace.root;
    let entries = root.read_dir().map_err(|error| format!("{}: {error}", root.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(strangers(names))
}

fn strangers(names: impl Iterator<Item = String>) -> Vec<Finding> {
    let visible = names.filter(|name| !name.starts_with('.') && !is_ignored(name));
    let mut strange: Vec<String> =
        visible.filter(|name| !VISIBLE.contains(&name.as_str())).collect();
    strange.sort();
    let finding = |name| Finding {
        place: name,
        rule: "top_level",
        what: "does not belong at the top level".into(),
        remedy: "move it into one of the seven folders, or delete it",
    };
    strange.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_caught_and_the_house_is_not() {
        let names = VISIBLE.iter().chain(&[".ci", "target", "data", "data-2", "notes.md", "src"]);
        let found = strangers(names.map(|&name| name.to_owned()));
        let places: Vec<&str> = found.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["notes.md", "src"]);
    }
}
