//! What a drive may hold after a power cut: it follows the steps of a process and keeps, for each
//! file and directory, what is durable and what is not yet. An *image* is what is durable and any
//! part of the rest: writes dropped, reordered, torn; the names of a directory up to some change.

use super::trace::Step;
use hamster_core::entropy::Entropy;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines written to this file of the root are marks, told to the caller and in no image.
pub(super) const MARKS: &str = "marks";

type Names = BTreeMap<String, usize>;

enum Node {
    File { durable: Vec<u8>, length: u64, pending: Vec<(usize, Change)> },
    Directory { durable: Names, now: Names, pending: Vec<(usize, Renaming)> },
}

enum Change {
    Write(u64, Vec<u8>),
    SetLength(u64),
}

enum Renaming {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

struct Opened {
    node: usize,
    position: u64,
    written: bool,
}

/// The directory `root` and all below.
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: BTreeMap<u64, Opened>,
    syncing: BTreeMap<u64, (usize, usize)>,
    steps: usize,
}

/// How an image treats what is not durable.
#[derive(Clone, Copy)]
enum Style {
    /// All of it is there, as after the end of the process only.
    Keep,
    /// Nothing of it is.
    Drop,
    /// Any of it, in blocks of so many bytes.
    Tear(usize),
}

impl Disk {
    /// An empty `root` with these durable directories.
    pub(super) fn new(root: &Path, directories: &[String]) -> Self {
        let mut disk = Self {
            root: root.into(),
            nodes: vec![directory()],
            open: BTreeMap::new(),
            syncing: BTreeMap::new(),
            steps: 0,
        };
        for name in directories {
            disk.nodes.push(directory());
            disk.name(0, Renaming::Add(name.clone(), disk.nodes.len() - 1));
        }
        disk.make_durable(0, usize::MAX);
        disk
    }

    /// Follows a step; the mark, if it is one.
    pub(super) fn follow(&mut self, step: &Step) -> Option<String> {
        self.steps += 1;
        match step {
            Step::Open { base, path, flags, file } => self.opened(*base, path, flags, *file),
            Step::Close { file } => drop(self.open.remove(file)),
            Step::Write { file, at, bytes } => return self.written(*file, *at, bytes),
            Step::SetLength { file, length } => {
                if let Some(Opened { node, .. }) = self.open.get(file) {
                    self.change(*node, Change::SetLength(*length));
                }
            }
            Step::Seek { file, position } => {
                if let Some(open) = self.open.get_mut(file) {
                    open.position = *position;
                }
            }
            Step::SyncBegins { thread, file } => {
                if let Some(Opened { node, .. }) = self.open.get(file) {
                    self.syncing.insert(*thread, (*node, self.steps));
                }
            }
            Step::SyncEnds { thread } => {
                if let Some((node, before)) = self.syncing.remove(thread) {
                    self.make_durable(node, before);
                }
            }
            Step::MakeDirectory { base, path } => {
                if let Some((parent, name)) = self.place(*base, path) {
                    self.nodes.push(directory());
                    self.name(parent, Renaming::Add(name, self.nodes.len() - 1));
                }
            }
            Step::Rename { from, to } => {
                if let Some((parent, from)) = self.place(None, from) {
                    let (other, to) = self.place(None, to).expect("within the root");
                    assert_eq!(parent, other, "renamed to another directory");
                    self.name(parent, Renaming::Rename(from, to));
                }
            }
            Step::Remove { base, path } => {
                if let Some((parent, name)) = self.place(*base, path) {
                    self.name(parent, Renaming::Remove(name));
                }
            }
            Step::ProcessEnds => {
                self.open.clear();
                self.syncing.clear();
            }
            Step::Other { call, file } => {
                let written = self.open.get(file).is_some_and(|open| open.written);
                assert!(!written, "{call} is not understood");
            }
        }
        None
    }

    /// The directory that holds `path` and its name there; none if it is not below the root.
    fn place(&self, base: Option<u64>, path: &Path) -> Option<(usize, String)> {
        let (mut node, below) = match base.filter(|_| path.is_relative()) {
            Some(base) => (self.open.get(&base)?.node, path),
            None => (0, path.strip_prefix(&self.root).ok()?),
        };
        let name = below.file_name()?.to_str().expect("a name of ours").to_owned();
        for part in below.parent()?.iter() {
            node = self.names(node)[part.to_str().expect("a name of ours")];
        }
        Some((node, name))
    }

    fn names(&self, node: usize) -> &Names {
        match &self.nodes[node] {
            Node::Directory { now, .. } => now,
            Node::File { .. } => panic!("a file is not a directory"),
        }
    }

    fn name(&mut self, node: usize, renaming: Renaming) {
        let step = self.steps;
        let Node::Directory { now, pending, .. } = &mut self.nodes[node] else {
            panic!("a file is not a directory")
        };
        rename(now, &renaming);
        pending.push((step, renaming));
    }

    fn change(&mut self, node: usize, change: Change) {
        let step = self.steps;
        let Node::File { length, pending, .. } = &mut self.nodes[node] else {
            panic!("a directory is not written")
        };
        *length = match &change {
            Change::Write(at, bytes) => (*length).max(at + size(bytes.len())),
            Change::SetLength(length) => *length,
        };
        pending.push((step, change));
    }

    fn opened(&mut self, base: Option<u64>, path: &Path, flags: &str, file: u64) {
        let node = if path == self.root {
            0
        } else {
            let Some((parent, name)) = self.place(base, path) else { return };
            match self.names(parent).get(&name) {
                Some(node) => *node,
                None => {
                    assert!(flags.contains("O_CREAT"), "{} was never made", path.display());
                    let (durable, pending) = (vec![], vec![]);
                    self.nodes.push(Node::File { durable, length: 0, pending });
                    self.name(parent, Renaming::Add(name, self.nodes.len() - 1));
                    self.nodes.len() - 1
                }
            }
        };
        if flags.contains("O_TRUNC") {
            self.change(node, Change::SetLength(0));
        }
        let position = match &self.nodes[node] {
            Node::File { length, .. } if flags.contains("O_APPEND") => *length,
            _ => 0,
        };
        let written = !flags.contains("O_RDONLY");
        self.open.insert(file, Opened { node, position, written });
    }

    fn written(&mut self, file: u64, at: Option<u64>, bytes: &[u8]) -> Option<String> {
        let open = self.open.get_mut(&file)?;
        let (node, position) = (open.node, at.unwrap_or(open.position));
        if at.is_none() {
            open.position += size(bytes.len());
        }
        if self.names(0).get(MARKS) == Some(&node) {
            return Some(String::from_utf8(bytes.to_vec()).expect("a mark"));
        }
        self.change(node, Change::Write(position, bytes.to_vec()));
        None
    }

    /// What was done to `node` before the step `before` is durable.
    fn make_durable(&mut self, node: usize, before: usize) {
        match &mut self.nodes[node] {
            Node::File { durable, pending, .. } => {
                let done = pending.partition_point(|(step, _)| *step < before);
                pending.drain(..done).for_each(|(_, change)| apply(durable, &change));
            }
            Node::Directory { durable, pending, .. } => {
                let done = pending.partition_point(|(step, _)| *step < before);
                pending.drain(..done).for_each(|(_, renaming)| rename(durable, &renaming));
            }
        }
    }

    /// Writes what the drive may hold if the power fails now to `to`.
    pub(super) fn image(&self, chance: &Entropy, to: &Path) {
        let style = match chance.below(8) {
            0 => Style::Keep,
            1 => Style::Drop,
            2..5 => Style::Tear(512),
            _ => Style::Tear(4096),
        };
        self.image_of(0, style, chance, to);
    }

    fn image_of(&self, node: usize, style: Style, chance: &Entropy, to: &Path) {
        match &self.nodes[node] {
            Node::File { durable, pending, .. } => {
                let mut bytes = durable.clone();
                for (_, change) in pending {
                    match style {
                        Style::Keep => apply(&mut bytes, change),
                        Style::Drop => {}
                        Style::Tear(block) => tear(&mut bytes, change, block, chance),
                    }
                }
                std::fs::write(to, bytes).expect("written");
            }
            Node::Directory { durable, pending, .. } => {
                let mut names = durable.clone();
                let kept = match style {
                    Style::Keep => pending.len(),
                    Style::Drop => 0,
                    Style::Tear(_) => index(chance.below(size(pending.len() + 1))),
                };
                pending[..kept].iter().for_each(|(_, renaming)| rename(&mut names, renaming));
                std::fs::create_dir_all(to).expect("made");
                for (name, node) in names.iter().filter(|(name, _)| *name != MARKS) {
                    self.image_of(*node, style, chance, &to.join(name));
                }
            }
        }
    }
}

fn directory() -> Node {
    Node::Directory { durable: Names::new(), now: Names::new(), pending: vec![] }
}

fn rename(names: &mut Names, renaming: &Renaming) {
    match renaming {
        Renaming::Add(name, node) => drop(names.insert(name.clone(), *node)),
        Renaming::Remove(name) => drop(names.remove(name)),
        Renaming::Rename(from, to) => {
            let node = names.remove(from).expect("it was made before");
            names.insert(to.clone(), node);
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, written) => put(bytes, index(*at), written),
        Change::SetLength(length) => bytes.resize(index(*length), 0),
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(at + written.len()), 0);
    bytes[at..at + written.len()].copy_from_slice(written);
}

/// Applies any blocks of a change.
fn tear(bytes: &mut Vec<u8>, change: &Change, block: usize, chance: &Entropy) {
    let Change::Write(at, written) = change else {
        if chance.below(2) == 0 {
            apply(bytes, change);
        }
        return;
    };
    let (start, fate) = (index(*at), chance.below(4));
    let end = start + written.len();
    let mut from = start;
    while from < end {
        let to = (from / block + 1).saturating_mul(block).min(end);
        if fate == 0 || (fate > 1 && chance.below(2) == 0) {
            put(bytes, from, &written[from - start..to - start]);
        }
        from = to;
    }
    // The length may be durable and what it covers not.
    if chance.below(2) == 0 {
        bytes.resize(bytes.len().max(end), 0);
    }
}

fn size(length: usize) -> u64 {
    u64::try_from(length).expect("64 bits")
}

fn index(length: u64) -> usize {
    usize::try_from(length).expect("64 bits")
}
