//! Directories are looked at before they are written to.

use hamster_core::ids::{ClusterUuid, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::sim;
use hamster_shard::drive::{self, DriveError, Inspection, MirrorSet, Superblock};
use std::path::Path;

fn superblock() -> Superblock {
    Superblock {
        cluster: ClusterUuid::from_bytes([1; 16]),
        drive: DriveUuid::from_bytes([2; 16]),
        ordinal: DriveOrdinal::new(4),
        node: NodeId::new(1),
        incarnation: 1,
        mirrors: MirrorSet { epoch: 3, drives: vec![DriveOrdinal::new(4)] },
    }
}

#[test]
fn a_formatted_drive_is_ours_and_is_not_formatted_again() {
    sim::run(1, |core| async move {
        let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
        assert_eq!(drive::inspect(&directory).await.expect("readable"), Inspection::Empty);
        drive::format(&directory, &superblock()).await.expect("empty");
        let ours = Inspection::Ours(superblock());
        assert_eq!(drive::inspect(&directory).await.expect("readable"), ours);
        let again = drive::format(&directory, &superblock()).await;
        assert!(matches!(again, Err(DriveError::Unfit(Inspection::Ours(_)))));
    });
}

#[test]
fn what_a_founding_that_was_cut_short_left_is_formatted_again() {
    sim::run(5, |core| async move {
        let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
        let unfounded = Superblock { mirrors: MirrorSet::default(), ..superblock() };
        drive::format(&directory, &unfounded).await.expect("empty");
        drive::format(&directory, &superblock()).await.expect("never founded");
        let ours = Inspection::Ours(superblock());
        assert_eq!(drive::inspect(&directory).await.expect("readable"), ours);
    });
}

#[test]
fn anything_unknown_is_foreign_and_left_alone() {
    sim::run(2, |core| async move {
        let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
        directory.replace_small("photo.jpg", vec![1, 2, 3]).await.expect("written");
        let foreign = Inspection::Foreign("photo.jpg".to_owned());
        assert_eq!(drive::inspect(&directory).await.expect("readable"), foreign);
        assert!(drive::format(&directory, &superblock()).await.is_err());
        assert_eq!(directory.list().await.expect("readable").len(), 1);
    });
}

#[test]
fn a_drive_that_another_process_holds_is_busy() {
    sim::run(3, |core| async move {
        let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
        drive::format(&directory, &superblock()).await.expect("empty");
        let (found, held) = drive::lock(&directory).await.expect("free");
        assert_eq!(found, superblock());
        assert_eq!(drive::inspect(&directory).await.expect("readable"), Inspection::Busy);
        drop(held);
        assert!(drive::lock(&directory).await.is_ok());
    });
}

#[test]
fn a_damaged_or_newer_superblock_is_not_overwritten() {
    sim::run(4, |core| async move {
        let directory = core.disk().create_directory(Path::new("/d0")).await.expect("made");
        drive::format(&directory, &superblock()).await.expect("empty");
        let read = directory.read_small("drive.hamster", hamster_core::ByteCount::kib(64)).await;
        let bytes = read.expect("readable").expect("there");
        let mut newer = bytes.clone();
        newer[8] = 7;
        directory.replace_small("drive.hamster", newer).await.expect("written");
        let found = drive::inspect(&directory).await.expect("readable");
        assert_eq!(found, Inspection::Newer { format: 7 });
        let mut damaged = bytes;
        damaged[40] ^= 1;
        directory.replace_small("drive.hamster", damaged).await.expect("written");
        let found = drive::inspect(&directory).await.expect("readable");
        assert_eq!(found, Inspection::Damaged);
        assert!(drive::format(&directory, &superblock()).await.is_err());
    });
}
