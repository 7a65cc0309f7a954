//! Which directory of a mirror holds its state. It is `state` at first; a snapshot is installed into
//! a fresh one, `state-1` and so on, and the file `state.current` names the one in use.
//!
//! A fresh directory that is whole is named by `state.next`. The install is the rename of that file
//! to `state.current`: before it the mirror has the old state, after it the new one. Everything else
//! that begins with `state` was left by an install that was cut short, and goes at the next start.
//!
//! Both files are `CRC-64/NVME ++ record`. Everything here blocks.

use crate::log::{Position, PositionWire};
use crate::record::{FORMAT, Malformed, Record, check_format};
use crate::state::{ReadError, Storage};
use hamster_core::checksum::Crc64;
use std::io;
use std::path::{Path, PathBuf};

/// What the checksum covers before the record.
const NAME: &[u8] = b"state directory";

/// A directory of the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Current {
    /// Of the directory; zero is the one that no file names.
    pub number: u64,
    /// The last entry in the snapshot that was installed into it.
    pub installed: Option<Position>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct CurrentWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(message, optional, tag = "3")]
    installed: Option<PositionWire>,
}

impl Record for Current {
    type Wire = CurrentWire;
    const NAME: &'static str = "state directory";

    fn to_wire(&self) -> CurrentWire {
        let installed = self.installed.as_ref().map(Record::to_wire);
        CurrentWire { format: FORMAT, number: self.number, installed }
    }

    fn from_wire(wire: CurrentWire) -> Result<Self, Malformed> {
        check_format(wire.format, <Self as Record>::NAME)?;
        let installed = wire.installed.map(Position::from_wire).transpose()?;
        Ok(Self { number: wire.number, installed })
    }
}

impl Current {
    /// Where it is in the mirror at `mirror`.
    pub(crate) fn path(&self, mirror: &Path) -> PathBuf {
        match self.number {
            0 => mirror.join("state"),
            number => mirror.join(format!("state-{number}")),
        }
    }

    /// The file's bytes.
    pub(crate) fn seal(&self) -> Vec<u8> {
        let record = self.encode();
        let checksum = Crc64::of_named(NAME, &record).get().to_be_bytes();
        [checksum.as_slice(), &record].concat()
    }

    /// What a file's bytes say.
    pub(crate) fn unseal(bytes: &[u8]) -> Result<Self, Malformed> {
        let not = Malformed::Not(<Self as Record>::NAME);
        let (checksum, record) = bytes.split_first_chunk().ok_or(not)?;
        if Crc64::of_named(NAME, record) != Crc64::new(u64::from_be_bytes(*checksum)) {
            return Err(not);
        }
        Self::decode(record)
    }
}

fn current_file(mirror: &Path) -> PathBuf {
    mirror.join("state.current")
}

fn next_file(mirror: &Path) -> PathBuf {
    mirror.join("state.next")
}

/// The directory in use of the mirror at `mirror`.
///
/// # Errors
/// The file that names it cannot be read, or is not what was written.
pub(crate) fn read(storage: &Storage, mirror: &Path) -> Result<Current, ReadError> {
    let bytes = storage.read_file(&current_file(mirror));
    match bytes.map_err(|error| ReadError::Failed(error.to_string()))? {
        Some(bytes) => Ok(Current::unseal(&bytes)?),
        None => Ok(Current::default()),
    }
}

/// A directory that is whole and not in use yet. None if its file was torn: nothing was swapped then.
pub(crate) fn staged(storage: &Storage, mirror: &Path) -> Option<Current> {
    let bytes = storage.read_file(&next_file(mirror)).ok()??;
    Current::unseal(&bytes).ok()
}

/// Names `next` as whole. It is: durable, and checked to its end.
pub(crate) fn stage(storage: &Storage, mirror: &Path, next: &Current) -> io::Result<()> {
    storage.write_file(&next_file(mirror), &next.seal())
}

/// Takes [`stage`] back.
pub(crate) fn unstage(storage: &Storage, mirror: &Path) -> io::Result<()> {
    storage.remove_file(&next_file(mirror))
}

/// Has the directory that was staged be the one in use, from one moment to the next.
pub(crate) fn swap(storage: &Storage, mirror: &Path) -> io::Result<()> {
    storage.rename_file(&next_file(mirror), &current_file(mirror))
}

/// Removes everything that is not in use: an old state, what an install has left.
pub(crate) fn clear(storage: &Storage, mirror: &Path, current: &Current) -> io::Result<()> {
    // Invariant: the file first, so that it never names what is not whole.
    unstage(storage, mirror)?;
    let kept = current.path(mirror);
    for database in storage.databases(mirror)? {
        if is_state(&database) && database != kept {
            storage.remove(&database)?;
        }
    }
    Ok(())
}

/// Removes the state, whatever is there of it.
pub(crate) fn remove(storage: &Storage, mirror: &Path) -> io::Result<()> {
    // Invariant: the directories before the file that names one of them: without it another would
    // count, and with it none does that is not there.
    for database in storage.databases(mirror)? {
        if is_state(&database) {
            storage.remove(&database)?;
        }
    }
    unstage(storage, mirror)?;
    storage.remove_file(&current_file(mirror))
}

fn is_state(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "state" || name.starts_with("state-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { term: 2, node: 1, index: 300 };

    #[test]
    fn the_file_that_names_the_state_is_pinned() {
        let current = Current { number: 7, installed: Some(AT) };
        assert_eq!(hex::encode(&current.seal()[8..]), "080110071a0908011002180120ac02");
        assert_eq!(Current::unseal(&current.seal()), Ok(current));
        assert_eq!(current.path(Path::new("/m")), Path::new("/m/state-7"));
        assert_eq!(Current::default().path(Path::new("/m")), Path::new("/m/state"));
    }

    #[test]
    fn a_file_that_was_changed_or_cut_names_nothing() {
        let sound = Current { number: 7, installed: Some(AT) }.seal();
        for bit in 0..sound.len() * 8 {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Current::unseal(&damaged).is_err(), "bit {bit}");
        }
        for length in 0..sound.len() {
            assert!(Current::unseal(&sound[..length]).is_err(), "length {length}");
        }
    }
}
