//! A directory: its entries now, and which of them outlive a crash.

use super::faults::Operation;
use super::file::{File, FileNode};
use super::unsynced::Unsynced;
use super::volume::Volume;
use super::{EEXIST, EFBIG, EISDIR, ENOENT, ENOTDIR, below, error};
use crate::disk::{Entry, EntryKind, Space};
use crate::entropy::Entropy;
use crate::limits::BLOCK_BYTES;
use crate::sim::executor::Boot;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

#[derive(Clone)]
enum Node {
    File(Rc<FileNode>),
    Directory(Rc<DirectoryNode>),
}

type Entries = BTreeMap<String, Node>;

pub(crate) struct DirectoryNode {
    linked: Cell<bool>,
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

    fn get(&self, name: &str) -> Option<Node> {
        self.entries.borrow().get(name).cloned()
    }

    fn file(&self, name: &str) -> io::Result<Rc<FileNode>> {
        match self.get(name) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(error(EISDIR)),
            None => Err(error(ENOENT)),
        }
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
    pub fn crash(&self, entropy: &Entropy) -> ByteCount {
        let mut unsynced = self.unsynced.take();
        let survivors = entropy.below(unsynced.len() as u64 + 1);
        let survivors = usize::try_from(survivors).expect("at most a length");
        self.make_durable(unsynced.take(survivors));
        *self.entries.borrow_mut() = self.durable.borrow().clone();
        let mut taken = ByteCount::ZERO;
        for node in self.entries.borrow().values() {
            match node {
                Node::File(file) => {
                    file.linked.set(true);
                    file.crash(entropy);
                    taken += file.allocated();
                }
                Node::Directory(directory) => {
                    directory.linked.set(true);
                    taken += directory.crash(entropy);
                }
            }
        }
        taken
    }

    pub fn wipe(&self) {
        self.durable.take();
        self.unsynced.take();
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

    pub(super) fn find_file(&self, path: &Path) -> Option<Rc<FileNode>> {
        let mut names = path.iter();
        let node = self.get(names.next()?.to_str()?)?;
        match node {
            Node::File(file) => Some(file),
            Node::Directory(directory) => directory.find_file(names.as_path()),
        }
    }
}

/// See [`crate::Directory`].
#[derive(Clone)]
pub struct Directory {
    volume: Rc<Volume>,
    boot: Rc<Boot>,
    node: Rc<DirectoryNode>,
    path: PathBuf,
}

/// See [`crate::disk::DirectoryLock`].
pub struct DirectoryLock(#[expect(dead_code, reason = "held for its drop")] Rc<()>);

impl Directory {
    pub(super) fn root(volume: Rc<Volume>, boot: &Rc<Boot>, path: PathBuf) -> Self {
        let node = Rc::clone(&volume.root);
        Self { volume, boot: Rc::clone(boot), node, path }
    }

    /// Has the drive do `work` on this directory's node.
    async fn submit<T: 'static>(
        &self,
        operation: Operation,
        work: impl FnOnce(&DirectoryNode, &Volume) -> io::Result<T> + 'static,
    ) -> io::Result<T> {
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let work = move |outcome: io::Result<()>| outcome.and_then(|()| work(&node, &volume));
        self.volume.submit(&self.boot, operation, work).await
    }

    fn to_file(&self, node: Rc<FileNode>) -> File {
        File { volume: Rc::clone(&self.volume), boot: Rc::clone(&self.boot), node }
    }

    fn to_directory(&self, name: &str, node: Rc<DirectoryNode>) -> Self {
        let path = below(&self.path, name);
        Self { volume: Rc::clone(&self.volume), boot: Rc::clone(&self.boot), node, path }
    }

    /// Opens the directory `name` inside it.
    pub(super) async fn enter(&self, name: &str) -> io::Result<Self> {
        let wanted = name.to_owned();
        let open = move |node: &DirectoryNode, _: &Volume| match node.get(&wanted) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(error(ENOTDIR)),
            None => Err(error(ENOENT)),
        };
        Ok(self.to_directory(name, self.submit(Operation::Read, open).await?))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        let lock = |node: &DirectoryNode, _: &Volume| {
            let mut lock = node.lock.borrow_mut();
            if lock.strong_count() > 0 {
                return Ok(None);
            }
            let owner = Rc::new(());
            *lock = Rc::downgrade(&owner);
            Ok(Some(DirectoryLock(owner)))
        };
        self.submit(Operation::Write, lock).await
    }

    pub(crate) async fn list(&self) -> io::Result<Vec<Entry>> {
        let list = |node: &DirectoryNode, _: &Volume| {
            let entry = |(name, node): (&String, &Node)| {
                let (kind, length) = match node {
                    Node::File(file) => (EntryKind::File, file.length()),
                    Node::Directory(_) => (EntryKind::Directory, ByteCount::ZERO),
                };
                Entry { name: name.clone(), kind, length }
            };
            Ok(node.entries.borrow().iter().map(entry).collect())
        };
        self.submit(Operation::Read, list).await
    }

    pub(crate) async fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let wanted = name.to_owned();
        let open = move |node: &DirectoryNode, _: &Volume| match node.get(&wanted) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(error(ENOTDIR)),
            None if !node.linked.get() => Err(error(ENOENT)),
            None => {
                let directory = DirectoryNode::new();
                node.change(None, Some((&wanted, Node::Directory(Rc::clone(&directory)))));
                Ok(directory)
            }
        };
        Ok(self.to_directory(name, self.submit(Operation::Write, open).await?))
    }

    pub(crate) async fn read_small(
        &self,
        name: &str,
        length_max: ByteCount,
    ) -> io::Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        let read = move |node: &DirectoryNode, _: &Volume| {
            let file = match node.file(&name) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let length = file.length();
            if length > length_max {
                return Err(error(EFBIG));
            }
            let mut bytes = vec![0; length.as_usize()];
            file.read(0, &mut bytes);
            Ok(Some(bytes))
        };
        self.submit(Operation::Read, read).await
    }

    pub(crate) async fn replace_small(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        let name = name.to_owned();
        let replace = move |node: &DirectoryNode, volume: &Volume| {
            if !node.linked.get() {
                return Err(error(ENOENT));
            }
            let file = FileNode::durable(&content);
            volume.allocate(file.allocated())?;
            node.unlink_file(volume, &name);
            node.change(None, Some((&name, Node::File(file))));
            let mark = node.unsynced.borrow().mark();
            node.make_durable(node.unsynced.borrow_mut().take_until(mark));
            Ok(())
        };
        self.submit(Operation::Sync, replace).await
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        length: ByteCount,
        _written: bool,
    ) -> io::Result<File> {
        let name = name.to_owned();
        let create = move |node: &DirectoryNode, volume: &Volume| {
            if !node.linked.get() {
                return Err(error(ENOENT));
            }
            if node.get(&name).is_some() {
                return Err(error(EEXIST));
            }
            volume.allocate(length.align_up(BLOCK_BYTES))?;
            let file = FileNode::new(length);
            node.change(None, Some((&name, Node::File(Rc::clone(&file)))));
            Ok(file)
        };
        Ok(self.to_file(self.submit(Operation::Write, create).await?))
    }

    pub(crate) async fn open(&self, name: &str) -> io::Result<File> {
        let name = name.to_owned();
        let open = move |node: &DirectoryNode, _: &Volume| node.file(&name);
        Ok(self.to_file(self.submit(Operation::Read, open).await?))
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let rename = move |node: &DirectoryNode, volume: &Volume| {
            let file = node.file(&from)?;
            if from != to {
                node.unlink_file(volume, &to);
                node.change(Some(&from), Some((&to, Node::File(file))));
            }
            Ok(())
        };
        self.submit(Operation::Write, rename).await
    }

    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        let remove = move |node: &DirectoryNode, volume: &Volume| {
            node.file(&name)?;
            node.unlink_file(volume, &name);
            node.change(Some(&name), None);
            Ok(())
        };
        self.submit(Operation::Write, remove).await
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        // Only what has happened by now is covered.
        let mark = self.node.unsynced.borrow().mark();
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let sync = move |outcome: io::Result<()>| {
            let changes = node.unsynced.borrow_mut().take_until(mark);
            // A journal's transaction that failed is there as a whole or not at all.
            if outcome.is_ok() || volume.entropy().below(2) == 0 {
                node.make_durable(changes);
            }
            outcome
        };
        self.volume.submit(&self.boot, Operation::Sync, sync).await
    }

    pub(crate) async fn space(&self) -> io::Result<Space> {
        let space = |_: &DirectoryNode, volume: &Volume| {
            Ok(Space { total: volume.capacity(), free: volume.free() })
        };
        self.submit(Operation::Read, space).await
    }
}
