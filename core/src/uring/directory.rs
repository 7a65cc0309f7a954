//! Directories, relative to an open descriptor: a directory that is moved or mounted over stays the
//! one that was opened. The calls block, so they run on the pool.

use super::disk::{Disk, File};
use super::lock::DirectoryLock;
use super::system;
use crate::buffer::BufferPool;
use crate::disk::{Entry, EntryKind, PrivateFile, Space};
use crate::limits;
use crate::units::ByteCount;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const LOCK_NAME: &str = "hamster.lock";
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
const MODE_FILE: libc::c_uint = 0o600;
const MODE_DIRECTORY: libc::mode_t = 0o700;
/// What group and others may do.
const MODE_OF_OTHERS: u32 = 0o077;

/// See [`crate::Directory`].
#[derive(Clone)]
pub struct Directory {
    disk: Disk,
    path: Rc<Path>,
    open: Arc<Open>,
}

/// What the calls on the pool share.
struct Open {
    descriptor: OwnedFd,
    /// Replacing takes turns: two at once would share one temporary name.
    replacing: Mutex<()>,
}

/// Opens the directory at `path`.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)?;
    Ok(opened.into())
}

/// The one name of what is at `path`; what is missing at its end is taken as it is written.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        resolved => return resolved,
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => {
            Ok(resolve(parent)?.join(name))
        }
        _ => std::path::absolute(path),
    }
}

/// Makes the directory at `path` and what is missing above it, durably.
pub(super) fn make_all(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => return Ok(()),
    };
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_all(&parent)?;
            fs::create_dir(path)?;
        }
        Err(error) => return Err(error),
    }
    fs::File::open(parent)?.sync_all()
}

impl Directory {
    pub(super) fn new(disk: Disk, path: &Path, descriptor: OwnedFd) -> Self {
        let open = Open { descriptor, replacing: Mutex::default() };
        Self { disk, path: path.into(), open: Arc::new(open) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on the pool.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Open) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let open = Arc::clone(&self.open);
        self.disk.pool.run(move || work(&open)).await
    }

    pub(crate) async fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        let locks = Arc::clone(&self.disk.locks);
        let lock = self
            .run(move |open| {
                let file = Arc::new(open.at(LOCK_NAME, libc::O_CREAT | libc::O_RDWR)?);
                let mut left = limits::DIRECTORY_LOCK_WAIT.as_millis() / LOCK_INTERVAL.as_millis();
                loop {
                    let lock = locks.try_take(&file)?;
                    if lock.is_some() || left == 0 {
                        return Ok(lock);
                    }
                    // Why wait: the rings of a killed owner let go only when they are done.
                    pause(LOCK_INTERVAL);
                    left -= 1;
                }
            })
            .await?;
        self.disk.hold_locks()?;
        Ok(lock)
    }

    pub(crate) async fn list(&self) -> io::Result<Vec<Entry>> {
        self.run(Open::list).await
    }

    pub(crate) async fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        let name = name.to_owned();
        let made = self.run(move |open| open.subdirectory(&name)).await?;
        Ok(Self::new(self.disk.clone(), &path, made))
    }

    pub(crate) async fn read_small(
        &self,
        name: &str,
        length_max: ByteCount,
    ) -> io::Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        self.run(move |open| open.read_small(&name, length_max)).await
    }

    pub(crate) async fn read_private(
        &self,
        name: &str,
        length_max: ByteCount,
    ) -> io::Result<Option<PrivateFile>> {
        let name = name.to_owned();
        self.run(move |open| open.read_private(&name, length_max)).await
    }

    pub(crate) async fn replace_small(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        let name = name.to_owned();
        self.run(move |open| open.replace_small(&name, &content)).await
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        length: ByteCount,
        written: bool,
    ) -> io::Result<File> {
        assert_eq!(length, length.align_up(limits::BLOCK_BYTES), "a file of whole blocks");
        let name = name.to_owned();
        let opened = self.run(move |open| open.create(&name, length, written)).await?;
        self.disk.file(opened)
    }

    pub(crate) async fn open(&self, name: &str) -> io::Result<File> {
        let name = name.to_owned();
        let opened = self.run(move |open| open.direct(&name, 0)).await?;
        self.disk.file(opened)
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.run(move |open| open.rename(&from, &to)).await
    }

    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        self.run(move |open| open.remove(&name)).await
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        self.run(Open::sync).await
    }

    pub(crate) async fn space(&self) -> io::Result<Space> {
        self.run(|open| system::space(open.descriptor.as_raw_fd())).await
    }
}

/// A name inside the directory, never a path.
fn entry_name(name: &str) -> io::Result<CString> {
    assert!(
        !name.is_empty() && !name.contains('/') && name != "." && name != "..",
        "a name made by Hamster: {name:?}"
    );
    CString::new(name).map_err(io::Error::from)
}

fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a thread of the blocking pool")]
    std::thread::sleep(duration);
}

impl Open {
    fn at(&self, name: &str, flags: libc::c_int) -> io::Result<OwnedFd> {
        let name = entry_name(name)?;
        let flags = flags | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        // SAFETY: a string that ends in zero.
        system::own(unsafe {
            libc::openat(self.descriptor.as_raw_fd(), name.as_ptr(), flags, MODE_FILE)
        })
    }

    /// For direct reading and writing, or through the page cache where that cannot be.
    fn direct(&self, name: &str, flags: libc::c_int) -> io::Result<OwnedFd> {
        let flags = flags | libc::O_RDWR;
        match self.at(name, flags | libc::O_DIRECT) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                // With O_EXCL some file systems leave the new file behind when they refuse.
                let flags = flags & !libc::O_EXCL;
                self.at(name, flags)
            }
            opened => opened,
        }
    }

    fn create(&self, name: &str, length: ByteCount, written: bool) -> io::Result<OwnedFd> {
        let opened = self.direct(name, libc::O_CREAT | libc::O_EXCL)?;
        let filled = allocate(&opened, length).and_then(|allocated| {
            if written || !allocated { write_zeroes(&opened, length) } else { Ok(()) }
        });
        match filled {
            Ok(()) => Ok(opened),
            Err(error) => {
                self.remove(name)?;
                Err(error)
            }
        }
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let directory = Listing::open(self)?;
        let mut entries = Vec::new();
        while let Some(name) = directory.next()? {
            if name.as_bytes() == b"." || name.as_bytes() == b".." {
                continue;
            }
            match system::status_at(self.descriptor.as_raw_fd(), &name) {
                Ok(status) => entries.push(entry(&name, &status)),
                // Gone since: not an entry any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    fn subdirectory(&self, name: &str) -> io::Result<OwnedFd> {
        let c_name = entry_name(name)?;
        // SAFETY: a string that ends in zero.
        let made =
            unsafe { libc::mkdirat(self.descriptor.as_raw_fd(), c_name.as_ptr(), MODE_DIRECTORY) };
        match system::check(made) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.at(name, libc::O_RDONLY | libc::O_DIRECTORY),
        }
    }

    fn read_small(&self, name: &str, length_max: ByteCount) -> io::Result<Option<Vec<u8>>> {
        let file = self.read_private(name, length_max)?;
        Ok(file.map(|file| file.content))
    }

    fn read_private(&self, name: &str, length_max: ByteCount) -> io::Result<Option<PrivateFile>> {
        let file = match self.at(name, libc::O_RDONLY) {
            Ok(descriptor) => fs::File::from(descriptor),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Why of the open file: what is asked by name may be another file by then.
        let is_open_to_others = file.metadata()?.mode() & MODE_OF_OTHERS != 0;
        let mut content = Vec::new();
        file.take(length_max.get() + 1).read_to_end(&mut content)?;
        if ByteCount::of(content.len()) > length_max {
            return Err(io::Error::other(format!("{name} is longer than {length_max}")));
        }
        Ok(Some(PrivateFile { content, is_open_to_others }))
    }

    fn replace_small(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _turn = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let temporary = format!("{name}.new");
        let written = self
            .at(&temporary, libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY)
            .and_then(|descriptor| {
                let mut file = fs::File::from(descriptor);
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| self.rename(&temporary, name));
        match written {
            Ok(()) => self.sync(),
            Err(error) => {
                // What stays behind is replaced by the next attempt.
                drop(self.remove(&temporary));
                Err(error)
            }
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (entry_name(from)?, entry_name(to)?);
        let directory = self.descriptor.as_raw_fd();
        // SAFETY: strings that end in zero.
        let renamed = unsafe { libc::renameat(directory, from.as_ptr(), directory, to.as_ptr()) };
        system::check(renamed).map(drop)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let name = entry_name(name)?;
        // SAFETY: a string that ends in zero.
        let removed = unsafe { libc::unlinkat(self.descriptor.as_raw_fd(), name.as_ptr(), 0) };
        system::check(removed).map(drop)
    }

    fn sync(&self) -> io::Result<()> {
        // SAFETY: no pointers.
        system::check(unsafe { libc::fsync(self.descriptor.as_raw_fd()) }).map(drop)
    }
}

/// Gives `file` its length and blocks; `false` where the file system cannot.
fn allocate(file: &OwnedFd, length: ByteCount) -> io::Result<bool> {
    if length == ByteCount::ZERO {
        return Ok(true);
    }
    let length = libc::off_t::try_from(length.get()).map_err(io::Error::other)?;
    // SAFETY: no pointers.
    match system::check(unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_zeroes(file: &OwnedFd, length: ByteCount) -> io::Result<()> {
    let step = ByteCount::mib(1);
    let pool = BufferPool::new(step);
    let mut zeroes = pool.try_take(step).expect("its only buffer");
    zeroes.fill(0);
    let mut offset = ByteCount::ZERO;
    while offset < length {
        let piece = step.min(length - offset).as_usize();
        let at = libc::off_t::try_from(offset.get()).map_err(io::Error::other)?;
        // SAFETY: the length is within the buffer.
        let count = unsafe { libc::pwrite(file.as_raw_fd(), zeroes.as_ptr().cast(), piece, at) };
        match usize::try_from(count) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => offset += ByteCount::of(count),
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

fn entry(name: &CStr, status: &libc::stat) -> Entry {
    let kind = match status.st_mode & libc::S_IFMT {
        libc::S_IFREG => EntryKind::File,
        libc::S_IFDIR => EntryKind::Directory,
        _ => EntryKind::Other,
    };
    let length = match kind {
        EntryKind::File => ByteCount::new(u64::try_from(status.st_size).unwrap_or(0)),
        _ => ByteCount::ZERO,
    };
    Entry { name: name.to_string_lossy().into_owned(), kind, length }
}

/// An open stream of a directory's names.
struct Listing(std::ptr::NonNull<libc::DIR>);

impl Listing {
    fn open(directory: &Open) -> io::Result<Self> {
        // SAFETY: a string that ends in zero. A descriptor of its own has a position of its own.
        let own = system::own(unsafe {
            let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
            libc::openat(directory.descriptor.as_raw_fd(), c".".as_ptr(), flags)
        })?;
        // SAFETY: the stream owns the descriptor from now on.
        let stream = unsafe { libc::fdopendir(own.into_raw_fd()) };
        std::ptr::NonNull::new(stream).map(Self).ok_or_else(io::Error::last_os_error)
    }

    fn next(&self) -> io::Result<Option<CString>> {
        // SAFETY: the stream is open. `readdir` tells its end from an error by errno alone; the
        // name is copied before the next call.
        unsafe {
            *libc::__errno_location() = 0;
            let entry = libc::readdir(self.0.as_ptr());
            if !entry.is_null() {
                return Ok(Some(CStr::from_ptr((*entry).d_name.as_ptr()).to_owned()));
            }
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(0) => Ok(None),
            error => Err(error),
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        // SAFETY: open until now.
        unsafe { libc::closedir(self.0.as_ptr()) };
    }
}
