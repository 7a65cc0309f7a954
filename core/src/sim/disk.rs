//! Files.
use crate::buffer::Buffer;
use crate::disk::{Entry, Space};
use crate::units::ByteCount;
use std::io;
use std::path::Path;

/// See [`crate::Disk`].
#[derive(Clone)]
pub struct Disk;

impl Disk {
    pub(crate) async fn directory(&self, _path: &Path) -> io::Result<Directory> {
        todo!()
    }

    pub(crate) async fn create_directory(&self, _path: &Path) -> io::Result<Directory> {
        todo!()
    }
}

/// See [`crate::Directory`].
#[derive(Clone)]
pub struct Directory;

/// See [`crate::disk::DirectoryLock`].
pub struct DirectoryLock;

impl Directory {
    pub(crate) fn path(&self) -> &Path {
        todo!()
    }

    pub(crate) async fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        todo!()
    }

    pub(crate) async fn list(&self) -> io::Result<Vec<Entry>> {
        todo!()
    }

    pub(crate) async fn subdirectory(&self, _name: &str) -> io::Result<Self> {
        todo!()
    }

    pub(crate) async fn read_small(
        &self,
        _name: &str,
        _length_max: ByteCount,
    ) -> io::Result<Option<Vec<u8>>> {
        todo!()
    }

    pub(crate) async fn replace_small(&self, _name: &str, _content: Vec<u8>) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn create(
        &self,
        _name: &str,
        _length: ByteCount,
        _written: bool,
    ) -> io::Result<File> {
        todo!()
    }

    pub(crate) async fn open(&self, _name: &str) -> io::Result<File> {
        todo!()
    }

    pub(crate) async fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn remove(&self, _name: &str) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn space(&self) -> io::Result<Space> {
        todo!()
    }
}

/// See [`crate::File`].
#[derive(Clone)]
pub struct File;

impl File {
    pub(crate) async fn read_at(
        &self,
        _offset: u64,
        _buffer: Buffer,
    ) -> (Buffer, io::Result<usize>) {
        todo!()
    }

    pub(crate) async fn write_at(&self, _offset: u64, _buffer: Buffer) -> (Buffer, io::Result<()>) {
        todo!()
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn punch(&self, _offset: u64, _length: ByteCount) -> io::Result<()> {
        todo!()
    }

    pub(crate) async fn length(&self) -> io::Result<ByteCount> {
        todo!()
    }

    pub(crate) async fn is_linked(&self) -> io::Result<bool> {
        todo!()
    }
}
