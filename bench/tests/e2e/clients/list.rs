//! The list of clients, `bench/compat/clients.toml`, and the table of results that must agree with it.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The whole list.
#[derive(Deserialize)]
pub struct List {
    environment: Vec<Environment>,
    /// In the order of the table.
    pub client: Vec<Client>,
    /// Tests of minio-py for what this version does not do.
    later: Vec<Later>,
}

#[derive(Deserialize)]
struct Environment {
    name: String,
    kind: String,
}

/// One client.
#[derive(Deserialize)]
pub struct Client {
    /// Of its test, too.
    pub name: String,
    /// Where it is installed.
    pub environment: String,
    package: String,
    version: String,
    /// In `bench/compat/scripts`; none: it is driven from here.
    pub script: Option<String>,
    runs: String,
}

#[derive(Deserialize)]
struct Later {
    test: String,
    refused: Vec<String>,
    reason: String,
}

/// `bench/compat` in the checkout.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat")
}

impl List {
    /// As it is in the checkout.
    pub fn read() -> Self {
        let text = fs::read_to_string(folder().join("clients.toml")).expect("the list is there");
        toml::from_str(&text).expect("the list can be read")
    }

    /// The client of this name.
    pub fn client(&self, name: &str) -> &Client {
        let client = self.client.iter().find(|client| client.name == name);
        client.unwrap_or_else(|| panic!("clients.toml does not list {name}"))
    }

    /// What the first columns of the table must say of a client.
    fn row(&self, client: &Client) -> [String; 4] {
        let home = self.environment.iter().find(|home| home.name == client.environment);
        let registry = match home.map(|home| home.kind.as_str()) {
            Some("python") => "PyPI",
            Some("npm") => "npm",
            Some("go") => "Go modules",
            Some("cargo") => "crates.io",
            kind => panic!("{}: its environment is {kind:?}", client.name),
        };
        let Client { name, package, version, runs, .. } = client;
        let title = name.replace('_', " ");
        let named = if *package == title { title } else { format!("{title} (`{package}`)") };
        [named, version.clone(), registry.to_owned(), runs.clone()]
    }
}

/// The cells of every row below the table's head that begins with `head`.
fn rows<'a>(text: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let table = text.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let cells = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect();
    table.take_while(|line| line.starts_with('|')).map(cells).collect()
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/docs/clients.md");
    fs::read_to_string(path).expect("the document is there")
}

#[test]
fn the_table_of_results_names_every_client_and_version() {
    let (list, document) = (List::read(), document());
    let expected: Vec<_> = list.client.iter().map(|client| list.row(client)).collect();
    let found = rows(&document, "| Client |");
    let names: Vec<_> = found.iter().map(|row| &row[..4]).collect();
    assert_eq!(names, expected, "deploy/docs/clients.md is behind bench/compat/clients.toml");
}

#[test]
fn the_table_of_later_tests_names_every_one() {
    let (list, document) = (List::read(), document());
    let row = |later: &Later| {
        let refused: Vec<_> = later.refused.iter().map(|line| format!("`{line}`")).collect();
        [format!("`{}`", later.test), refused.join(", "), later.reason.clone()]
    };
    let expected: Vec<_> = list.later.iter().map(row).collect();
    assert_eq!(rows(&document, "| Test of minio-py |"), expected);
}
