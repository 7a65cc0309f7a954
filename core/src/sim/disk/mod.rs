//! Files in memory, which forget at a crash what was never synced.

mod directory;
mod entries;
mod faults;
mod file;
mod unsynced;
mod volume;

pub use directory::{Directory, DirectoryLock};
pub use faults::{DiskControl, Failure, Operation};
pub use file::File;
pub(crate) use volume::FileSystem;
pub use volume::Image;

use super::executor::Boot;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

const ENOENT: i32 = 2;
const EIO: i32 = 5;
const EEXIST: i32 = 17;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;
const ENOSPC: i32 = 28;

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// See [`crate::Disk`]. The first component of a path names the drive.
#[derive(Clone)]
pub struct Disk {
    pub(crate) system: Rc<FileSystem>,
    pub(crate) boot: Rc<Boot>,
}

impl Disk {
    pub(crate) async fn directory(&self, path: &Path) -> io::Result<Directory> {
        let (drive, names) = split(path)?;
        let volume = self.system.volume(&drive).ok_or_else(|| error(ENOENT))?;
        let mut directory = Directory::root(volume, &self.boot, Path::new("/").join(&drive));
        for name in names {
            directory = directory.enter(&name).await?;
        }
        Ok(directory)
    }

    pub(crate) async fn create_directory(&self, path: &Path) -> io::Result<Directory> {
        let (drive, names) = split(path)?;
        let volume = self.system.volume_or_new(&drive);
        let mut directory = Directory::root(volume, &self.boot, Path::new("/").join(&drive));
        for name in names {
            let inner = directory.subdirectory(&name).await?;
            directory.sync().await?;
            directory = inner;
        }
        Ok(directory)
    }
}

/// See [`crate::Disk::resolve`]. There are no links.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let (drive, names) = split(path)?;
    Ok(Path::new("/").join(drive).join(names.iter().collect::<PathBuf>()))
}

/// The drive's name and the names below it.
fn split(path: &Path) -> io::Result<(String, Vec<String>)> {
    let text = |name: &OsStr| name.to_str().map(str::to_owned).ok_or_else(|| error(EINVAL));
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(text(name)?),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(error(EINVAL)),
        }
    }
    if names.is_empty() {
        return Err(error(EINVAL));
    }
    let drive = names.remove(0);
    Ok((drive, names))
}

/// Where `name` lies in the directory at `path`.
fn below(path: &Path, name: &str) -> PathBuf {
    path.join(name)
}
