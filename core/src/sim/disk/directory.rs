//! What a task does with a directory.

use super::entries::{DirectoryNode, Node};
use super::faults::Operation;
use super::file::{File, FileNode};
use super::volume::Volume;
use super::{EEXIST, EFBIG, ENOENT, ENOTDIR, below, error};
use crate::disk::{Entry, Space};
use crate::sim::executor::Boot;
use crate::units::ByteCount;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// See [`crate::Directory`].
#[derive(Clone)]
pub struct Directory {
    volume: Rc<Volume>,
    boot: Rc<Boot>,
    node: Rc<DirectoryNode>,
    path: PathBuf,
    /// Its name, for the count of faults.
    place: Rc<str>,
}

/// See [`crate::disk::DirectoryLock`].
pub struct DirectoryLock(#[expect(dead_code, reason = "held for its drop")] Rc<()>);

impl Directory {
    pub(super) fn root(volume: Rc<Volume>, boot: &Rc<Boot>, path: PathBuf) -> Self {
        let node = Rc::clone(&volume.root);
        Self { volume, boot: Rc::clone(boot), node, path, place: "root".into() }
    }

    /// Has the drive do `work` on this directory's node.
    async fn submit<T: 'static>(
        &self,
        operation: Operation,
        work: impl FnOnce(&DirectoryNode, &Volume) -> io::Result<T> + 'static,
    ) -> io::Result<T> {
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let work = move |outcome: io::Result<()>| outcome.and_then(|()| work(&node, &volume));
        self.volume.submit(&self.boot, operation, &self.place, work).await
    }

    fn to_file(&self, node: Rc<FileNode>) -> File {
        let place = Rc::clone(&self.place);
        File { volume: Rc::clone(&self.volume), boot: Rc::clone(&self.boot), node, place }
    }

    fn to_directory(&self, name: &str, node: Rc<DirectoryNode>) -> Self {
        let path = below(&self.path, name);
        Self {
            volume: Rc::clone(&self.volume),
            boot: Rc::clone(&self.boot),
            node,
            path,
            place: name.into(),
        }
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
        let lock = |node: &DirectoryNode, _: &Volume| Ok(node.lock().map(DirectoryLock));
        self.submit(Operation::Write, lock).await
    }

    pub(crate) async fn list(&self) -> io::Result<Vec<Entry>> {
        self.submit(Operation::Read, |node, _| Ok(node.list())).await
    }

    pub(crate) async fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let wanted = name.to_owned();
        let open = move |node: &DirectoryNode, volume: &Volume| match node.get(&wanted) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(error(ENOTDIR)),
            None => {
                let directory = DirectoryNode::new();
                node.add(volume, &wanted, Node::Directory(Rc::clone(&directory)))?;
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
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let replace = move |outcome: io::Result<()>| {
            // It may fail before the new content took its place, or after.
            if outcome.is_ok() || volume.entropy().below(2) == 0 {
                let file = FileNode::durable(&content);
                node.add(&volume, &name, Node::File(file))?;
            }
            node.sync(node.mark(), outcome, volume.entropy())
        };
        self.volume.submit(&self.boot, Operation::Sync, &self.place, replace).await
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        length: ByteCount,
        _written: bool,
    ) -> io::Result<File> {
        let name = name.to_owned();
        let create = move |node: &DirectoryNode, volume: &Volume| {
            if node.get(&name).is_some() {
                return Err(error(EEXIST));
            }
            let file = FileNode::new(length);
            node.add(volume, &name, Node::File(Rc::clone(&file)))?;
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
        let rename = move |node: &DirectoryNode, volume: &Volume| node.rename(volume, &from, &to);
        self.submit(Operation::Write, rename).await
    }

    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        let remove = move |node: &DirectoryNode, volume: &Volume| node.remove(volume, &name);
        self.submit(Operation::Write, remove).await
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        // Only what has happened by now is covered.
        let mark = self.node.mark();
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let sync = move |outcome: io::Result<()>| node.sync(mark, outcome, volume.entropy());
        self.volume.submit(&self.boot, Operation::Sync, &self.place, sync).await
    }

    pub(crate) async fn space(&self) -> io::Result<Space> {
        let space = |_: &DirectoryNode, volume: &Volume| {
            Ok(Space { total: volume.capacity(), free: volume.free() })
        };
        self.submit(Operation::Read, space).await
    }
}
