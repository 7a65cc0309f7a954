//! Which drives hold the metadata, and how every drive's superblock comes to say so.
//!
//! Invariant: a changed mirror set is durable on every drive in service before the next write is
//! acknowledged, and each boot that is not refused raises the epoch likewise. So after any restart
//! the highest epoch on the drives present names only mirrors that have everything, as long as no
//! more drives are absent than the data survives; and a mirror whose own mark is below that epoch
//! is an older copy. The marks are the metadata's; they are written before the superblocks, so that
//! no crash leaves every mirror behind them (ADR 0004).

use hamster_core::Directory;
use hamster_core::disk::is_full;
use hamster_core::ids::DriveOrdinal;
use hamster_core::limits::METADATA_MIRRORS_MAX;
use hamster_meta::mirror::{MirrorSet, RecordMirrors};
use hamster_meta::open::MirrorDirectory;
use hamster_shard::DriveTable;
use hamster_shard::drive::{self, Failure, Superblock};
use std::cell::{OnceCell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// Where a drive keeps its mirror.
const DIRECTORY_NAME: &str = "meta";

/// Mirrors that a node with `drives` drives wants, when its data survives the loss of `m` of them.
pub fn wanted(m: u8, drives: usize) -> usize {
    usize::from(m).saturating_add(1).min(drives).min(METADATA_MIRRORS_MAX)
}

/// The place of the mirror on the drive of this directory, made if it is not there.
///
/// # Errors
/// The drive refused.
pub async fn directory(drive: &Directory, ordinal: DriveOrdinal) -> io::Result<MirrorDirectory> {
    let directory = drive.subdirectory(DIRECTORY_NAME).await?;
    drive.sync().await?;
    Ok(MirrorDirectory { drive: ordinal, directory })
}

/// A mirror set as superblocks have it.
pub fn in_superblock(MirrorSet { epoch, drives }: MirrorSet) -> drive::MirrorSet {
    drive::MirrorSet { epoch, drives }
}

/// The superblocks of this node's drives and the mirror set in them. Cheap to clone; core 0 only.
#[derive(Clone)]
pub struct Superblocks(Rc<Inner>);

struct Inner {
    drives: RefCell<Vec<(Directory, Superblock)>>,
    current: RefCell<MirrorSet>,
    /// Known before the first record of a boot; never at a founding.
    table: OnceCell<Arc<DriveTable>>,
}

impl Superblocks {
    /// Of the drives that are here.
    pub fn new(drives: Vec<(Directory, Superblock)>) -> Self {
        let sets = drives.iter().map(|(_, superblock)| &superblock.mirrors);
        let current = sets.max_by_key(|set| set.epoch).map_or_else(MirrorSet::default, |set| {
            MirrorSet { epoch: set.epoch, drives: set.drives.clone() }
        });
        Self(Rc::new(Inner {
            drives: RefCell::new(drives),
            current: RefCell::new(current),
            table: OnceCell::new(),
        }))
    }

    /// From now on drives out of service are left alone, and one that refuses leaves service.
    pub fn watch_table(&self, table: Arc<DriveTable>) {
        assert!(self.0.table.set(table).is_ok(), "told once, at boot");
    }

    /// The set with the highest epoch: the one in force.
    pub fn current(&self) -> MirrorSet {
        self.0.current.borrow().clone()
    }

    /// What the metadata calls when its mirror set changes.
    pub fn recorder(&self) -> RecordMirrors {
        let superblocks = self.clone();
        Box::new(move |set| {
            let superblocks = superblocks.clone();
            Box::pin(async move { superblocks.record(set).await })
        })
    }

    /// Writes a drive's new incarnation to its superblock. `false`: it refused and leaves service.
    pub async fn admit(&self, ordinal: DriveOrdinal, incarnation: u64) -> bool {
        let known =
            self.0.drives.borrow().iter().find(|(_, known)| known.ordinal == ordinal).cloned();
        let (directory, mut superblock) = known.expect("the caller has it from the drives here");
        superblock.incarnation = incarnation;
        match drive::update(&directory, &superblock).await {
            Ok(()) => self.remember(superblock),
            Err(error) => {
                self.refused(ordinal, &error);
                return false;
            }
        }
        true
    }

    /// Has a further drive say it, too.
    pub fn add(&self, directory: Directory, superblock: Superblock) {
        self.0.drives.borrow_mut().push((directory, superblock));
    }

    async fn record(&self, set: MirrorSet) -> io::Result<()> {
        tracing::info!(epoch = set.epoch, drives = ?set.drives, "the metadata mirrors change");
        let drives = self.0.drives.borrow().clone();
        let mut written = 0;
        let mut refusals = Vec::new();
        for (directory, mut superblock) in drives {
            let ordinal = superblock.ordinal;
            if !self.in_service(ordinal) {
                continue;
            }
            superblock.mirrors = in_superblock(set.clone());
            match drive::update(&directory, &superblock).await {
                Ok(()) => {
                    written += 1;
                    self.remember(superblock);
                }
                Err(error) => {
                    self.refused(ordinal, &error);
                    refusals.push((ordinal, error));
                }
            }
        }
        if written == 0 {
            return Err(nobody_took_it(&refusals));
        }
        *self.0.current.borrow_mut() = set;
        Ok(())
    }

    fn in_service(&self, ordinal: DriveOrdinal) -> bool {
        self.0.table.get().is_none_or(|table| table.in_service(ordinal))
    }

    fn remember(&self, superblock: Superblock) {
        let mut drives = self.0.drives.borrow_mut();
        if let Some(place) =
            drives.iter_mut().find(|(_, known)| known.ordinal == superblock.ordinal)
        {
            place.1 = superblock;
        }
    }

    /// A drive that cannot say which mirrors are right leaves service.
    fn refused(&self, ordinal: DriveOrdinal, error: &io::Error) {
        match self.0.table.get() {
            Some(table) => {
                let cause = format!("writing its superblock: {error}");
                table.fail(ordinal, Failure::of(error), &cause);
            }
            None => tracing::error!(%ordinal, %error, "a superblock could not be written"),
        }
    }
}

/// No drive says which mirrors are right, so nothing may be acknowledged any more.
fn nobody_took_it(refusals: &[(DriveOrdinal, io::Error)]) -> io::Error {
    let remedy = match refusals.iter().any(|(_, error)| is_full(error)) {
        true => "free some space on them",
        false => "see to it that they can be written",
    };
    let refusals: Vec<String> =
        refusals.iter().map(|(ordinal, error)| format!("{ordinal}: {error}")).collect();
    io::Error::other(format!(
        "no drive took the changed mirror set ({}); {remedy}",
        refusals.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_drive_takes_the_mirror_set_the_line_says_why_and_what_to_do() {
        let (full, locked) = (io::ErrorKind::StorageFull, io::ErrorKind::PermissionDenied);
        let line = |kinds: &[io::ErrorKind]| {
            let refusals = (0..).map(DriveOrdinal::new).zip(kinds.iter().copied().map(Into::into));
            nobody_took_it(&refusals.collect::<Vec<_>>()).to_string()
        };
        let both = line(&[locked, full]);
        assert!(both.contains(&full.to_string()) && both.contains(&locked.to_string()), "{both}");
        assert!(both.ends_with("; free some space on them"), "{both}");
        let other = line(&[locked]);
        assert!(other.ends_with("; see to it that they can be written"), "{other}");
    }
}
