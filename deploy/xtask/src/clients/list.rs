//! What `bench/compat/clients.toml` says: environments, and the clients in them.

use crate::Outcome;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// From the root of the checkout.
const LIST: &str = "bench/compat/clients.toml";

/// The whole list, as far as it is to be installed.
pub struct List {
    pub environments: Vec<Environment>,
}

/// A folder of programs.
pub struct Environment {
    pub name: String,
    /// `python`, `npm`, `go` or `cargo`.
    pub kind: String,
    /// The clients' packages: name and version.
    pub clients: Vec<(String, String)>,
    /// What else is installed, as the installer of this kind writes it.
    pub also: Vec<String>,
}

impl List {
    /// Reads the list of the checkout at `root`.
    pub fn read(root: &Path) -> Outcome<Self> {
        let path = root.join(LIST);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Outcome<Self> {
        let table: Table = text.parse().map_err(|error| format!("{LIST}: {error}"))?;
        let mut environments = Vec::new();
        for entry in entries(&table, "environment") {
            let also = entry.get("also").and_then(Value::as_array).into_iter().flatten();
            environments.push(Environment {
                name: word(entry, "name")?,
                kind: word(entry, "kind")?,
                clients: Vec::new(),
                also: also.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
        for entry in entries(&table, "client") {
            let (client, home) = (word(entry, "name")?, word(entry, "environment")?);
            let package = (word(entry, "package")?, word(entry, "version")?);
            let environment = environments.iter_mut().find(|environment| environment.name == home);
            let environment = environment
                .ok_or_else(|| format!("{LIST}: {client} is in {home}, which is no environment"))?;
            // Why: one package may be run in several ways.
            if !environment.clients.contains(&package) {
                environment.clients.push(package);
            }
        }
        Ok(Self { environments })
    }
}

impl Environment {
    /// Everything in it, each with its version, as the installer of this kind writes it.
    pub fn pins(&self) -> Vec<String> {
        let written = |(package, version): &(String, String)| match self.kind.as_str() {
            "npm" => format!("{package}@{version}"),
            "go" => format!("{package}@v{version}"),
            _ => format!("{package}=={version}"),
        };
        self.clients.iter().map(written).chain(self.also.iter().cloned()).collect()
    }

    /// For people.
    pub fn in_short(&self) -> String {
        let clients = self.clients.iter().map(|(package, version)| format!("{package} {version}"));
        clients.collect::<Vec<_>>().join(", ")
    }
}

fn entries<'a>(table: &'a Table, kind: &str) -> impl Iterator<Item = &'a Table> {
    let entries = table.get(kind).and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(Value::as_table)
}

fn word(entry: &Table, key: &str) -> Outcome<String> {
    let word = entry.get(key).and_then(Value::as_str).map(str::to_owned);
    word.ok_or_else(|| format!("{LIST}: an entry has no {key}: {entry}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Outcome<List> {
        List::parse(text)
    }

    #[test]
    fn a_package_is_written_as_its_installer_takes_it() {
        let pins = |kind: &str| {
            let text = format!(
                "[[environment]]\nname = \"e\"\nkind = \"{kind}\"\nalso = [\"b 2\"]\n\
                 [[client]]\nname = \"x\"\nenvironment = \"e\"\npackage = \"a\"\nversion = \"1\"\n\
                 [[client]]\nname = \"y\"\nenvironment = \"e\"\npackage = \"a\"\nversion = \"1\"\n"
            );
            list(&text).expect("it is whole").environments[0].pins()
        };
        assert_eq!(pins("python"), ["a==1", "b 2"]);
        assert_eq!(pins("npm"), ["a@1", "b 2"]);
        assert_eq!(pins("go"), ["a@v1", "b 2"]);
    }

    #[test]
    fn a_client_in_no_environment_is_caught() {
        let client = "[[client]]\nname = \"x\"\nenvironment = \"e\"\npackage = \"a\"\n";
        assert!(list(&format!("{client}version = \"1\"")).is_err());
        assert!(list(client).is_err());
    }
}
