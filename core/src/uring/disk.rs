//! Files: reads, writes and syncs on the ring; everything else on the blocking pool, in `directory`.

use super::directory;
use super::lock::Locks;
use super::request::{Request, check};
use super::ring::Ring;
use super::slot::Payload;
use super::system;
use super::worker::Worker;
use crate::buffer::Buffer;
use crate::limits::BLOCK_BYTES;
use crate::units::ByteCount;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

pub use super::directory::Directory;
pub use super::lock::DirectoryLock;

/// See [`crate::Disk`].
#[derive(Clone)]
pub struct Disk {
    pub(super) ring: Rc<Ring>,
    pub(super) pool: Worker,
    pub(super) locks: Arc<Locks>,
}

impl Disk {
    pub(crate) async fn directory(&self, path: &Path) -> io::Result<Directory> {
        let owned = path.to_owned();
        let opened = self.pool.run(move || directory::open(&owned)).await?;
        Ok(Directory::new(self.clone(), path, opened))
    }

    pub(crate) async fn create_directory(&self, path: &Path) -> io::Result<Directory> {
        let owned = path.to_owned();
        self.pool.run(move || directory::make_all(&owned)).await?;
        self.directory(path).await
    }

    pub(crate) async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let path = path.to_owned();
        self.pool.run(move || directory::resolve(&path)).await
    }

    pub(super) fn file(&self, descriptor: OwnedFd) -> io::Result<File> {
        // Before the first write that the locks must cover.
        self.hold_locks()?;
        let open = OpenFile { descriptor: Some(descriptor), pool: self.pool.clone() };
        Ok(File { ring: Rc::clone(&self.ring), file: Rc::new(open) })
    }

    /// Has this core's ring hold every lock of the process.
    pub(super) fn hold_locks(&self) -> io::Result<()> {
        self.ring.hold(&self.locks)
    }
}

/// A file that is open for as long as a handle or a request in flight needs it.
pub(super) struct OpenFile {
    /// Present until drop.
    descriptor: Option<OwnedFd>,
    pool: Worker,
}

impl AsRawFd for OpenFile {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_ref().expect("present until drop").as_raw_fd()
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // Why on the pool: the last close of a removed file frees its blocks, which takes long.
        let descriptor = self.descriptor.take();
        self.pool.queue(move || drop(descriptor));
    }
}

/// See [`crate::File`].
#[derive(Clone)]
pub struct File {
    ring: Rc<Ring>,
    file: Rc<OpenFile>,
}

impl File {
    pub(crate) async fn read_at(
        &self,
        offset: u64,
        mut buffer: Buffer,
    ) -> (Buffer, io::Result<usize>) {
        assert_aligned(offset, buffer.len());
        let mut done = 0;
        while done < buffer.len() {
            let request = Request::read(&self.ring, &self.file, offset + done as u64, buffer, done);
            let (result, payload) = request.await;
            buffer = into_buffer(payload);
            match check(result) {
                Ok(length) => done += length,
                Err(error) if is_transient(&error) => continue,
                Err(error) => return (buffer, Err(error)),
            }
            // A direct read that ends within a block has met the end of the file.
            if result == 0 || !is_aligned(done as u64) {
                break;
            }
        }
        (buffer, Ok(done))
    }

    pub(crate) async fn write_at(
        &self,
        offset: u64,
        mut buffer: Buffer,
    ) -> (Buffer, io::Result<()>) {
        assert_aligned(offset, buffer.len());
        let mut done = 0;
        while done < buffer.len() {
            let request =
                Request::write(&self.ring, &self.file, offset + done as u64, buffer, done);
            let (result, payload) = request.await;
            buffer = into_buffer(payload);
            let length = match check(result) {
                Ok(length) => length,
                Err(error) if is_transient(&error) => continue,
                Err(error) => return (buffer, Err(error)),
            };
            // A direct write goes on at a block: what is short of one is written again.
            let whole = ByteCount::of(done + length).align_down(BLOCK_BYTES).as_usize();
            if whole == done {
                return (buffer, Err(io::ErrorKind::WriteZero.into()));
            }
            done = whole;
        }
        (buffer, Ok(()))
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        let (result, _) = Request::sync(&self.ring, &self.file).await;
        check(result).map(drop)
    }

    pub(crate) async fn punch(&self, offset: u64, length: ByteCount) -> io::Result<()> {
        let (result, _) = Request::punch(&self.ring, &self.file, offset, length).await;
        check(result).map(drop)
    }

    pub(crate) async fn length(&self) -> io::Result<ByteCount> {
        let status = system::status(self.file.as_raw_fd())?;
        Ok(ByteCount::new(u64::try_from(status.st_size).unwrap_or(0)))
    }

    pub(crate) async fn allocated(&self) -> io::Result<ByteCount> {
        let status = system::status(self.file.as_raw_fd())?;
        // Why 512: the unit of `st_blocks`, whatever the file system's.
        Ok(ByteCount::new(u64::try_from(status.st_blocks).unwrap_or(0).saturating_mul(512)))
    }

    pub(crate) async fn is_linked(&self) -> io::Result<bool> {
        Ok(system::status(self.file.as_raw_fd())?.st_nlink > 0)
    }
}

fn into_buffer(payload: Payload) -> Buffer {
    match payload {
        Payload::Buffer(buffer) => buffer,
        _ => unreachable!("a disk request returns its buffer"),
    }
}

/// The kernel did nothing and asks to be asked again.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN))
}

fn is_aligned(number: u64) -> bool {
    number.is_multiple_of(BLOCK_BYTES.get())
}

fn assert_aligned(offset: u64, length: usize) {
    assert!(
        is_aligned(offset) && is_aligned(length as u64),
        "{length} bytes at {offset} are not whole blocks"
    );
}
