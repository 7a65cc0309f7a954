//! Trees of files: real ones (the sources that cargo has unpacked) with odd names among them.

use crate::support::bytes;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Names that clients and servers have tripped over.
const ODD_NAMES: [&str; 24] = [
    "with space",
    " leading and trailing ",
    "ünïcödé/文件.txt",
    "emoji-🐹.txt",
    "plus+plus",
    "percent%41",
    "100%",
    "%2F%2e",
    ".hidden/.dot",
    "...",
    "a",
    "a.b/c",
    "a-b",
    "tilde~",
    "quote'",
    "amp&ersand",
    "hash#tag",
    "question?x=y",
    "semi;colon",
    "equals=",
    "comma,(paren)",
    "[x]",
    "star*",
    "at@colon:dollar$",
];
/// Files of the real tree are not larger than this.
const FILE_BYTES_MAX: u64 = 512 << 10;
/// Nor all of them together.
const TREE_BYTES_MAX: u64 = 48 << 20;

/// Fills `target` with `count` files of the cargo registry, and the odd ones.
pub fn build(target: &Path, count: usize) {
    let (mut found, mut bytes_left) = (0, TREE_BYTES_MAX);
    let registry = registry();
    let mut waiting = vec![registry.clone()];
    while let Some(directory) = waiting.pop() {
        for path in sorted_entries(&directory).into_iter().rev() {
            let kind = fs::symlink_metadata(&path).expect("it was listed");
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file()
                && kind.len() <= FILE_BYTES_MAX.min(bytes_left)
                && found < count
            {
                let name = path.strip_prefix(&registry).expect("it is inside");
                write(&target.join(name), &fs::read(&path).expect("it reads"));
                bytes_left -= kind.len();
                found += 1;
            }
        }
    }
    assert_eq!(found, count, "{} holds too few files", registry.display());
    for (seed, name) in (0..).zip(ODD_NAMES) {
        write(&target.join("odd").join(name), &bytes(seed, name.len() * 100));
    }
    write(&target.join("empty"), b"");
    write(&target.join("ten-mebibytes"), &bytes(10, 10 << 20));
}

/// Changes a file, adds one and removes one.
pub fn change(tree: &Path) {
    write(&tree.join("odd/a"), b"changed");
    write(&tree.join("odd/new"), b"new");
    fs::remove_file(tree.join("empty")).expect("it is there");
}

/// A file of bytes that no part of it repeats.
pub fn large_file(path: &Path, length: u64) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let mut left = usize::try_from(length).expect("usize has 64 bits");
    for seed in 1000.. {
        let piece = bytes(seed, left.min(8 << 20));
        file.write_all(&piece).expect("it is written");
        left -= piece.len();
        if left == 0 {
            break;
        }
    }
    file.flush().expect("it is written");
}

/// The same names, the same bytes.
#[track_caller]
pub fn assert_same_trees(one: &Path, other: &Path) {
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    read(one, one, &mut first);
    read(other, other, &mut second);
    let only = |these: &BTreeMap<PathBuf, Vec<u8>>, those: &BTreeMap<PathBuf, Vec<u8>>| {
        let lost = these.keys().filter(|name| !those.contains_key(*name));
        lost.take(10).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only(&first, &second), Vec::<PathBuf>::new(), "names that are missing");
    assert_eq!(only(&second, &first), Vec::<PathBuf>::new(), "names that nobody put there");
    for (name, content) in &first {
        assert!(second[name] == *content, "{} differs", name.display());
    }
}

fn read(root: &Path, directory: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for path in sorted_entries(directory) {
        if path.is_dir() {
            read(root, &path, into);
        } else {
            let name = path.strip_prefix(root).expect("it is inside").to_owned();
            into.insert(name, fs::read(&path).expect("it reads"));
        }
    }
}

fn sorted_entries(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it lists").path()).collect();
    paths.sort();
    paths
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("it is inside a directory")).expect("a directory");
    fs::write(path, content).expect("it is written");
}

/// Where cargo has unpacked the sources of this very program.
fn registry() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo"));
    home.join("registry/src")
}
