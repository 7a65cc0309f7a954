//! Crate arrows: who may depend on whom (DESIGN.md section 2), read from the manifests.
//!
//! Development and build dependencies count: a test that needs a forbidden arrow is in the wrong
//! crate. This table must never grow without the design's.

use super::{Finding, House};
use crate::Outcome;

const RULE: &str = "arrows";
const PREFIX: &str = "hamster";

const TABLE: &[(&str, &[&str])] = &[
    ("hamster-core", &[]),
    ("hamster-net", &["hamster-core"]),
    ("hamster-shard", &["hamster-core", "hamster-net"]),
    ("hamster-meta", &["hamster-core", "hamster-net"]),
    ("hamster-s3", &["hamster-core", "hamster-net", "hamster-shard", "hamster-meta"]),
    (
        "hamster-node",
        &["hamster-core", "hamster-net", "hamster-shard", "hamster-meta", "hamster-s3"],
    ),
    (
        "hamster-bench",
        &[
            "hamster-core",
            "hamster-net",
            "hamster-shard",
            "hamster-meta",
            "hamster-s3",
            "hamster-node",
        ],
    ),
    (
        "hamster",
        &[
            "hamster-core",
            "hamster-net",
            "hamster-shard",
            "hamster-meta",
            "hamster-s3",
            "hamster-node",
            "hamster-bench",
        ],
    ),
    ("xtask", &[]),
];

/// Every member of the workspace against the table.
pub fn check(house: &House) -> Outcome<Vec<Finding>> {
    let text = |path: &str| {
        let file = house.files.iter().find(|file| file.path == path);
        file.map(|file| file.text.as_str()).ok_or_else(|| format!("{path} is missing"))
    };
    let root: toml::Table =
        text("Cargo.toml")?.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let members = root.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = members.and_then(toml::Value::as_array).ok_or("Cargo.toml names no members")?;
    let mut findings = Vec::new();
    for member in members.iter().filter_map(toml::Value::as_str) {
        let path = format!("{member}/Cargo.toml");
        findings.extend(manifest(&path, text(&path)?)?);
    }
    Ok(findings)
}

fn manifest(path: &str, text: &str) -> Outcome<Vec<Finding>> {
    let table: toml::Table = text.parse().map_err(|error| format!("{path}: {error}"))?;
    let name = table.get("package").and_then(|package| package.get("name"));
    let name = name.and_then(toml::Value::as_str).unwrap_or_default();
    let Some((_, allowed)) = TABLE.iter().find(|(package, _)| *package == name) else {
        return Ok(vec![Finding {
            place: format!("{path}:1"),
            rule: RULE,
            what: format!("package {name:?} is not in the house's table"),
            remedy: "use a package of DESIGN.md section 2, or change the design first",
        }]);
    };
    let mut targets = vec![&table];
    if let Some(platforms) = table.get("target").and_then(toml::Value::as_table) {
        targets.extend(platforms.values().filter_map(toml::Value::as_table));
    }
    let mut findings = Vec::new();
    for target in targets {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(list) = target.get(kind).and_then(toml::Value::as_table) else { continue };
            for (key, value) in list {
                let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
                let ours = package.starts_with(PREFIX) || package == "xtask";
                if ours && !allowed.contains(&package) {
                    findings.push(Finding {
                        place: format!("{path}:{}", line_naming(text, key)),
                        rule: RULE,
                        what: format!("{name} may not depend on {package}"),
                        remedy: "declare a trait in the consumer and implement it in deploy/node",
                    });
                }
            }
        }
    }
    Ok(findings)
}

fn line_naming(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        let findings = manifest("shard/Cargo.toml", text).expect("it is TOML");
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_forbidden_arrow_is_caught_wherever_it_hides() {
        let package = "[package]\nname = \"hamster-shard\"\n";
        let arrows = [
            "[dependencies]\nhamster-core.workspace = true\nhamster-meta.workspace = true",
            "[dev-dependencies]\n\nhamster-meta = { path = \"../meta\" }",
            "[target.'cfg(unix)'.build-dependencies]\n\nother = { package = \"hamster-meta\" }",
            "[dependencies]\n\nxtask.workspace = true",
        ];
        for arrow in arrows {
            assert_eq!(places(&format!("{package}{arrow}")), ["shard/Cargo.toml:5"], "{arrow}");
        }
    }

    #[test]
    fn the_tables_own_arrows_pass_and_strangers_do_not() {
        let good = "[package]\nname = \"hamster-shard\"\n[dependencies]\nhamster-net.path = \"n\"";
        assert!(places(good).is_empty());
        assert_eq!(places("[package]\nname = \"core\""), ["shard/Cargo.toml:1"]);
    }
}
