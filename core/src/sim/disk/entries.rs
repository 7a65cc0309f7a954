//! A directory's entries: what they are now, and which of them outlive a crash.

use super::file::FileNode;
use super::unsynced::Unsynced;
use super::volume::{Survives, Volume};
use super::{EISDIR, ENOENT, error};
use crate::disk::{Entry, EntryKind};
use crate::entropy::Entropy;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::{Rc, Weak};

#[derive(Clone)]
pub(super) enum Node {
    File(Rc<FileNode>),
    Directory(Rc<DirectoryNode>),
}

type Entries = BTreeMap<String, Node>;

pub(crate) struct DirectoryNode {
    pub(super) linked: Cell<bool>,
    /// Alive while a process owns the directory.
    lock: RefCell<Weak<()>>,
    entries: RefCell<Entries>,
    durable: RefCell<Entries>,
    unsynced: RefCell<Unsynced<Change>>,
}

/// One change of entries, durable as a whole or not at all.
#[derive(Clone)]
struct Change {
    removed: Option<String>,
    added: Option<(String, Node)>,
}

impl Change {
    fn apply(self, to: &mut Entries) {
        if let Some(name) = self.removed {
            to.remove(&name);
        }
        to.extend(self.added);
    }
}

impl DirectoryNode {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            linked: Cell::new(true),
            lock: RefCell::default(),
            entries: RefCell::default(),
            durable: RefCell::default(),
            unsynced: RefCell::default(),
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<Node> {
        self.entries.borrow().get(name).cloned()
    }

    pub(super) fn file(&self, name: &str) -> io::Result<Rc<FileNode>> {
        match self.get(name) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(error(EISDIR)),
            None => Err(error(ENOENT)),
        }
    }

    pub(super) fn list(&self) -> Vec<Entry> {
        let entry = |(name, node): (&String, &Node)| {
            let (kind, length) = match node {
                Node::File(file) => (EntryKind::File, file.length()),
                Node::Directory(_) => (EntryKind::Directory, ByteCount::ZERO),
            };
            Entry { name: name.clone(), kind, length }
        };
        self.entries.borrow().iter().map(entry).collect()
    }

    /// The lock, if nobody holds it.
    pub(super) fn lock(&self) -> Option<Rc<()>> {
        let mut lock = self.lock.borrow_mut();
        if lock.strong_count() > 0 {
            return None;
        }
        let owner = Rc::new(());
        *lock = Rc::downgrade(&owner);
        Some(owner)
    }

    /// Names `node`, which is new or takes the place of a file.
    pub(super) fn add(&self, volume: &Volume, name: &str, node: Node) -> io::Result<()> {
        if !self.linked.get() {
            return Err(error(ENOENT));
        }
        if let Node::File(file) = &node {
            volume.allocate(file.allocated())?;
        }
        self.unlink_file(volume, name);
        self.change(None, Some((name, node)));
        Ok(())
    }

    pub(super) fn rename(&self, volume: &Volume, from: &str, to: &str) -> io::Result<()> {
        let file = self.file(from)?;
        if let Some(Node::Directory(_)) = self.get(to) {
            return Err(error(EISDIR));
        }
        if from != to {
            self.unlink_file(volume, to);
            self.change(Some(from), Some((to, Node::File(file))));
        }
        Ok(())
    }

    pub(super) fn remove(&self, volume: &Volume, name: &str) -> io::Result<()> {
        self.file(name)?;
        self.unlink_file(volume, name);
        self.change(Some(name), None);
        Ok(())
    }

    /// The end of what has changed by now, for [`DirectoryNode::sync`].
    pub(super) fn mark(&self) -> usize {
        self.unsynced.borrow().mark()
    }

    fn change(&self, removed: Option<&str>, added: Option<(&str, Node)>) {
        let change = Change {
            removed: removed.map(str::to_owned),
            added: added.map(|(name, node)| (name.to_owned(), node)),
        };
        change.clone().apply(&mut self.entries.borrow_mut());
        self.unsynced.borrow_mut().push(change);
    }

    fn make_durable(&self, changes: Vec<Change>) {
        let durable = &mut *self.durable.borrow_mut();
        changes.into_iter().for_each(|change| change.apply(durable));
    }

    /// Makes the changes before `mark` durable, unless the sync failed: then they are there as a
    /// whole or not at all, and no later sync changes that.
    pub(super) fn sync(
        &self,
        mark: usize,
        outcome: io::Result<()>,
        entropy: &Entropy,
    ) -> io::Result<()> {
        let changes = self.unsynced.borrow_mut().take_until(mark);
        if outcome.is_ok() || entropy.below(2) == 0 {
            self.make_durable(changes);
        }
        outcome
    }

    /// Unlinks the file `name`, if there is one, for another to take its place.
    fn unlink_file(&self, volume: &Volume, name: &str) {
        if let Some(Node::File(file)) = self.get(name)
            && file.linked.replace(false)
        {
            volume.release(file.allocated());
        }
    }

    /// What is left after the power failed: a journal keeps changes in their order, so some of the
    /// oldest unsynced ones survive. Returns the space that is taken.
    pub(super) fn crash(&self, volume: &Volume, place: &str, survives: Survives) -> ByteCount {
        let entropy = volume.entropy();
        let mut unsynced = self.unsynced.borrow_mut().take_all();
        let survivors = survives.draw(entropy, unsynced.len() as u64 + 1);
        unsynced.truncate(usize::try_from(survivors).expect("at most a length"));
        self.make_durable(unsynced);
        *self.entries.borrow_mut() = self.durable.borrow().clone();
        let mut taken = ByteCount::ZERO;
        for (name, node) in self.entries.borrow().iter() {
            match node {
                Node::File(file) => {
                    file.linked.set(true);
                    file.crash(volume, place, survives);
                    taken += file.allocated();
                }
                Node::Directory(directory) => {
                    directory.linked.set(true);
                    taken += directory.crash(volume, name, survives);
                }
            }
        }
        taken
    }

    /// Another directory like it, with all that any entry names; each copied once.
    pub(super) fn copy(&self, copies: &mut Copies) -> Rc<Self> {
        let unsynced = self.unsynced.borrow().map(|change| Change {
            removed: change.removed.clone(),
            added: change.added.as_ref().map(|(name, node)| (name.clone(), copies.of(node))),
        });
        Rc::new(Self {
            linked: self.linked.clone(),
            lock: RefCell::default(),
            entries: RefCell::new(copies.of_all(&self.entries.borrow())),
            durable: RefCell::new(copies.of_all(&self.durable.borrow())),
            unsynced: RefCell::new(unsynced),
        })
    }

    pub fn wipe(&self) {
        self.durable.take();
        // Why not a new list: a sync on its way has marked a place in this one.
        self.unsynced.borrow_mut().take_all();
        for node in self.entries.take().into_values() {
            match node {
                Node::File(file) => file.linked.set(false),
                Node::Directory(directory) => {
                    directory.linked.set(false);
                    directory.wipe();
                }
            }
        }
    }

    /// All files in it and below, each with the name of its directory.
    pub(super) fn collect_files(&self, place: &str, into: &mut Vec<(Rc<FileNode>, String)>) {
        for (name, node) in self.entries.borrow().iter() {
            match node {
                Node::File(file) => into.push((Rc::clone(file), place.to_owned())),
                Node::Directory(directory) => directory.collect_files(name, into),
            }
        }
    }

    pub(super) fn find_file(&self, path: &Path) -> Option<Rc<FileNode>> {
        let mut names = path.iter();
        let node = self.get(names.next()?.to_str()?)?;
        match node {
            Node::File(file) => Some(file),
            Node::Directory(directory) => directory.find_file(names.as_path()),
        }
    }
}

/// The copies made so far, by what they were made of.
#[derive(Default)]
pub(super) struct Copies {
    files: BTreeMap<*const FileNode, Rc<FileNode>>,
    directories: BTreeMap<*const DirectoryNode, Rc<DirectoryNode>>,
}

impl Copies {
    fn of(&mut self, node: &Node) -> Node {
        match node {
            Node::File(file) => {
                let copy = self.files.entry(Rc::as_ptr(file)).or_insert_with(|| file.copy());
                Node::File(Rc::clone(copy))
            }
            Node::Directory(directory) => {
                let original = Rc::as_ptr(directory);
                let known = self.directories.get(&original).cloned();
                let copy = known.unwrap_or_else(|| directory.copy(self));
                self.directories.insert(original, Rc::clone(&copy));
                Node::Directory(copy)
            }
        }
    }

    fn of_all(&mut self, entries: &Entries) -> Entries {
        entries.iter().map(|(name, node)| (name.clone(), self.of(node))).collect()
    }
}
