//! Where databases lie, and the few files beside them: directories of a drive, or the twin's world.

use super::{Database, twin};
use crate::rocks::{self, Purpose, file};
use std::io;
use std::path::{Path, PathBuf};

/// Which kind of database holds log and state.
#[derive(Clone, Default)]
pub enum Storage {
    /// RocksDB, in the directories of the mirrors: production.
    #[default]
    Rocks,
    /// In memory, crash-faithful: the simulator, which owns the world.
    Twin(twin::TwinWorld),
}

/// Everything here blocks, and what it changes is durable when it returns.
impl Storage {
    /// The database at `path`, made if it is not there.
    pub(crate) fn open(&self, path: &Path, purpose: Purpose) -> io::Result<Database> {
        match self {
            Self::Rocks => rocks::open(path, purpose).map(Database::Rocks),
            Self::Twin(world) => world.open(path).map(Database::Twin),
        }
    }

    /// Whether there is a database at `path`.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        match self {
            Self::Rocks => rocks::exists(path),
            Self::Twin(world) => world.exists(path),
        }
    }

    /// Removes the database at `path`, if there is one.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Rocks => rocks::remove(path),
            Self::Twin(world) => {
                world.wipe(path);
                Ok(())
            }
        }
    }

    /// The directories in `path` that hold a database, or the beginning of one.
    pub(crate) fn databases(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        match self {
            Self::Rocks => file::directories(path),
            Self::Twin(world) => Ok(world.databases(path)),
        }
    }

    /// The bytes of the file at `path`; `None` if there is none.
    pub(crate) fn read_file(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Rocks => file::read(path),
            Self::Twin(world) => Ok(world.read_file(path)),
        }
    }

    /// Writes a file, over whatever is there: a crash may leave any part of it.
    pub(crate) fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Rocks => file::write(path, bytes),
            Self::Twin(world) => world.write_file(path, bytes),
        }
    }

    /// Gives a file another name in its directory, over the file that has it: a crash leaves the
    /// one or the other.
    pub(crate) fn rename_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Self::Rocks => file::rename(from, to),
            Self::Twin(world) => world.rename_file(from, to),
        }
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Rocks => file::remove(path),
            Self::Twin(world) => world.remove_file(path),
        }
    }
}
