//! Files, as storage code needs them: direct I/O at offsets, syncs, and directories whose changes
//! are durable only when asked for.
//!
//! Names are made by Hamster, never by a client. A write is *not* durable when it completes:
//! [`File::sync`] is, and it covers only writes that completed before it was called.

use crate::buffer::Buffer;
use crate::units::ByteCount;
use crate::{sim, uring};
use std::io;
use std::path::{Path, PathBuf};

/// One core's way to files.
#[derive(Clone)]
pub struct Disk(pub(crate) DiskBackend);

#[derive(Clone)]
pub(crate) enum DiskBackend {
    Uring(uring::disk::Disk),
    Sim(sim::disk::Disk),
}

impl Disk {
    /// Opens the directory at `path`, which an operator named.
    ///
    /// # Errors
    /// It does not exist, is no directory, or may not be read.
    pub async fn directory(&self, path: &Path) -> io::Result<Directory> {
        match &self.0 {
            DiskBackend::Uring(disk) => {
                Ok(Directory(DirectoryBackend::Uring(disk.directory(path).await?)))
            }
            DiskBackend::Sim(disk) => {
                Ok(Directory(DirectoryBackend::Sim(disk.directory(path).await?)))
            }
        }
    }

    /// As [`Disk::directory`], made first where it does not exist (durably, with its parents).
    ///
    /// # Errors
    /// As [`Disk::directory`], or it may not be made.
    pub async fn create_directory(&self, path: &Path) -> io::Result<Directory> {
        match &self.0 {
            DiskBackend::Uring(disk) => {
                Ok(Directory(DirectoryBackend::Uring(disk.create_directory(path).await?)))
            }
            DiskBackend::Sim(disk) => {
                Ok(Directory(DirectoryBackend::Sim(disk.create_directory(path).await?)))
            }
        }
    }

    /// The one name of what is at `path`: absolute, without links and dots. What is missing at its
    /// end is taken as it is written.
    ///
    /// # Errors
    /// A directory on the way may not be looked into.
    pub async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        match &self.0 {
            DiskBackend::Uring(disk) => disk.resolve(path).await,
            DiskBackend::Sim(_) => sim::disk::resolve(path),
        }
    }
}

/// Whether there was no room, or a quota is used up: that is no failing drive.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether an operation was given up because its core ends: that says nothing of the drive. (What
/// was written or synced by then is as unknown as after any other error.)
pub fn is_cancelled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(uring::CANCELED)
}

/// What a directory entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else (links, devices): never Hamster's.
    Other,
}

/// One entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name; not Unicode names are shown with replacement characters.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// A file's length.
    pub length: ByteCount,
}

/// A small file that is to be a secret.
pub struct PrivateFile {
    /// The whole content.
    pub content: Vec<u8>,
    /// Its mode lets others than its owner read, write or run it.
    pub is_open_to_others: bool,
}

/// Space of the file system that a directory is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// All of it.
    pub total: ByteCount,
    /// What this process may still fill.
    pub free: ByteCount,
}

/// A directory. Cheap to clone.
#[derive(Clone)]
pub struct Directory(DirectoryBackend);

#[derive(Clone)]
enum DirectoryBackend {
    Uring(uring::disk::Directory),
    Sim(sim::disk::Directory),
}

/// Held for as long as this process owns a directory; the kernel lets go when the process ends.
pub struct DirectoryLock(#[expect(dead_code, reason = "held for its drop")] LockBackend);

enum LockBackend {
    Uring(#[expect(dead_code, reason = "held for its drop")] uring::disk::DirectoryLock),
    Sim(#[expect(dead_code, reason = "held for its drop")] sim::disk::DirectoryLock),
}

impl Directory {
    /// Its path, for messages and for RocksDB.
    pub fn path(&self) -> &Path {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.path(),
            DirectoryBackend::Sim(directory) => directory.path(),
        }
    }

    /// Takes the directory for this process, waiting up to a few seconds for a former owner that is
    /// still being torn down. `None` if another process holds it.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub async fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => {
                Ok(directory.lock().await?.map(|lock| DirectoryLock(LockBackend::Uring(lock))))
            }
            DirectoryBackend::Sim(directory) => {
                Ok(directory.lock().await?.map(|lock| DirectoryLock(LockBackend::Sim(lock))))
            }
        }
    }

    /// Its entries, sorted by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn list(&self) -> io::Result<Vec<Entry>> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.list().await,
            DirectoryBackend::Sim(directory) => directory.list().await,
        }
    }

    /// Opens or makes the directory `name` inside it; durable after [`Directory::sync`].
    ///
    /// # Errors
    /// It can neither be opened nor made.
    pub async fn subdirectory(&self, name: &str) -> io::Result<Self> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => {
                Ok(Self(DirectoryBackend::Uring(directory.subdirectory(name).await?)))
            }
            DirectoryBackend::Sim(directory) => {
                Ok(Self(DirectoryBackend::Sim(directory.subdirectory(name).await?)))
            }
        }
    }

    /// The whole content of a small file; `None` if there is none of this name.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `length_max`.
    pub async fn read_small(
        &self,
        name: &str,
        length_max: ByteCount,
    ) -> io::Result<Option<Vec<u8>>> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.read_small(name, length_max).await,
            DirectoryBackend::Sim(directory) => directory.read_small(name, length_max).await,
        }
    }

    /// As [`Directory::read_small`], and who may get at the file besides its owner.
    ///
    /// # Errors
    /// As [`Directory::read_small`].
    pub async fn read_private(
        &self,
        name: &str,
        length_max: ByteCount,
    ) -> io::Result<Option<PrivateFile>> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.read_private(name, length_max).await,
            // There is one user in a simulated world.
            DirectoryBackend::Sim(directory) => {
                let content = directory.read_small(name, length_max).await?;
                Ok(content.map(|content| PrivateFile { content, is_open_to_others: false }))
            }
        }
    }

    /// Replaces a small file as a whole and durably: old content or new, never a mixture.
    ///
    /// # Errors
    /// Nothing was replaced, or it is not known to be durable.
    pub async fn replace_small(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.replace_small(name, content).await,
            DirectoryBackend::Sim(directory) => directory.replace_small(name, content).await,
        }
    }

    /// Makes a new file of `length` with its blocks allocated (and, with `written`, zeroes written
    /// to all of them, so that a later sync need not wait for the file system's journal). Durable
    /// after [`File::sync`] and [`Directory::sync`].
    ///
    /// # Errors
    /// The name is taken, or there is no space; nothing is left behind.
    pub async fn create(&self, name: &str, length: ByteCount, written: bool) -> io::Result<File> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => {
                Ok(File(FileBackend::Uring(directory.create(name, length, written).await?)))
            }
            DirectoryBackend::Sim(directory) => {
                Ok(File(FileBackend::Sim(directory.create(name, length, written).await?)))
            }
        }
    }

    /// Opens a file for direct reading and writing.
    ///
    /// # Errors
    /// There is none of this name, or it may not be opened.
    pub async fn open(&self, name: &str) -> io::Result<File> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => {
                Ok(File(FileBackend::Uring(directory.open(name).await?)))
            }
            DirectoryBackend::Sim(directory) => {
                Ok(File(FileBackend::Sim(directory.open(name).await?)))
            }
        }
    }

    /// Renames a file within the directory, over `to` if there is one; durable after
    /// [`Directory::sync`].
    ///
    /// # Errors
    /// There is no `from`.
    pub async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.rename(from, to).await,
            DirectoryBackend::Sim(directory) => directory.rename(from, to).await,
        }
    }

    /// Removes a file; durable after [`Directory::sync`].
    ///
    /// # Errors
    /// There is none.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.remove(name).await,
            DirectoryBackend::Sim(directory) => directory.remove(name).await,
        }
    }

    /// Makes entries that were made, renamed or removed so far durable.
    ///
    /// # Errors
    /// They are not known to be durable. The drive must leave service.
    pub async fn sync(&self) -> io::Result<()> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.sync().await,
            DirectoryBackend::Sim(directory) => directory.sync().await,
        }
    }

    /// Space of its file system.
    ///
    /// # Errors
    /// The file system does not answer.
    pub async fn space(&self) -> io::Result<Space> {
        match &self.0 {
            DirectoryBackend::Uring(directory) => directory.space().await,
            DirectoryBackend::Sim(directory) => directory.space().await,
        }
    }
}

/// A file, opened for direct reading and writing. Cheap to clone; closed with its last clone.
///
/// Offsets and lengths are multiples of [`BLOCK_BYTES`](crate::limits::BLOCK_BYTES). The buffer is
/// given away and comes back with the result: a dropped future leaves it with the operation.
#[derive(Clone)]
pub struct File(FileBackend);

#[derive(Clone)]
enum FileBackend {
    Uring(uring::disk::File),
    Sim(sim::disk::File),
}

impl File {
    /// Fills `buffer` (its whole length) from `offset`. Returns the bytes read: fewer only at the
    /// end of the file.
    pub async fn read_at(&self, offset: u64, buffer: Buffer) -> (Buffer, io::Result<usize>) {
        match &self.0 {
            FileBackend::Uring(file) => file.read_at(offset, buffer).await,
            FileBackend::Sim(file) => file.read_at(offset, buffer).await,
        }
    }

    /// Writes all of `buffer` at `offset`. Not durable until [`File::sync`].
    pub async fn write_at(&self, offset: u64, buffer: Buffer) -> (Buffer, io::Result<()>) {
        match &self.0 {
            FileBackend::Uring(file) => file.write_at(offset, buffer).await,
            FileBackend::Sim(file) => file.write_at(offset, buffer).await,
        }
    }

    /// Makes every write that completed before this call durable.
    ///
    /// # Errors
    /// They are not known to be durable, and never will be: the drive must leave service, and this
    /// must not be called again in the hope of better luck (DESIGN.md, invariant 5).
    pub async fn sync(&self) -> io::Result<()> {
        match &self.0 {
            FileBackend::Uring(file) => file.sync().await,
            FileBackend::Sim(file) => file.sync().await,
        }
    }

    /// Gives the blocks of a range back to the file system; it reads as zeroes from now on.
    ///
    /// # Errors
    /// The file system cannot.
    pub async fn punch(&self, offset: u64, length: ByteCount) -> io::Result<()> {
        match &self.0 {
            FileBackend::Uring(file) => file.punch(offset, length).await,
            FileBackend::Sim(file) => file.punch(offset, length).await,
        }
    }

    /// Its length.
    ///
    /// # Errors
    /// The file system does not answer.
    pub async fn length(&self) -> io::Result<ByteCount> {
        match &self.0 {
            FileBackend::Uring(file) => file.length().await,
            FileBackend::Sim(file) => file.length().await,
        }
    }

    /// The space that it takes: its length less what was punched.
    ///
    /// # Errors
    /// The file system does not answer.
    pub async fn allocated(&self) -> io::Result<ByteCount> {
        match &self.0 {
            FileBackend::Uring(file) => file.allocated().await,
            FileBackend::Sim(file) => file.allocated().await,
        }
    }

    /// Does a directory still name it? A file whose directory was wiped still reads and writes, but
    /// nothing written to it outlives this process.
    ///
    /// # Errors
    /// The file system does not answer.
    pub async fn is_linked(&self) -> io::Result<bool> {
        match &self.0 {
            FileBackend::Uring(file) => file.is_linked().await,
            FileBackend::Sim(file) => file.is_linked().await,
        }
    }
}
