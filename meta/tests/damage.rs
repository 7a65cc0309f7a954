//! Facts about damaged metadata in RocksDB: a bit is flipped somewhere in a file of one mirror.
//! Beside a sound mirror nothing of it is seen; alone, the node does not start, or says that it cannot
//! read. What was acknowledged is never cut, nor is anything else served in its place.

mod common;

use common::{Machine, copy_all, propose, put, tell, world};
use hamster_core::ids::{BucketId, DriveOrdinal};
use hamster_meta::state::Storage;
use hamster_meta::{Meta, MetaError, OpenError};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const BUCKET: BucketId = BucketId::new(1);
const KEYS: u32 = 300;
/// Flips in each file.
const FLIPS: usize = 16;

fn live<F: Future<Output = ()> + 'static>(life: impl FnOnce(hamster_core::Core) -> F) {
    let (world, node) = world(1);
    world.run_on(&node.core(0), life(node.core(0)));
}

fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.into() } else { std::env::temp_dir() };
    tempfile::TempDir::new_in(place).expect("a temporary directory")
}

/// A node with two mirrors, the older half of its keys in sorted files, the newer in the journal.
fn founded(root: &Path) -> Machine {
    let machine = Machine::new(root, Storage::Rocks);
    let (first, second) = (machine.clone(), machine.clone());
    live(|core| async move {
        let (meta, _) = first.found(&core, &[0, 1]).await;
        put_keys(&meta, 0..KEYS / 2).await;
        meta.close().await;
    });
    live(|core| async move {
        let meta = second.restart(&core, &[0, 1]).await;
        put_keys(&meta, KEYS / 2..KEYS).await;
    });
    machine
}

async fn put_keys(meta: &Meta, numbers: std::ops::Range<u32>) {
    for number in numbers {
        propose(meta, put(BUCKET, &format!("k{number}"), number)).await;
    }
}

/// Whether all keys can be read. None of them has another value or is gone.
async fn all_readable(meta: &Meta) -> bool {
    let mut readable = true;
    for number in 0..KEYS {
        match meta.current(BUCKET, &format!("k{number}")).await {
            Ok(version) => assert_eq!(version.expect("kept").etag, number.to_string()),
            Err(MetaError::Unreadable(_)) => readable = false,
            Err(error) => panic!("{error}"),
        }
    }
    readable
}

/// The files of a mirror that hold metadata, below it.
fn files(mirror: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for database in ["log", "state"] {
        for entry in std::fs::read_dir(mirror.join(database)).expect("readable") {
            let name = entry.expect("readable").file_name().into_string().expect("text");
            let holds = name == "CURRENT"
                || name.starts_with("MANIFEST")
                || name.ends_with(".log")
                || name.ends_with(".sst");
            let file = Path::new(database).join(name);
            if holds && mirror.join(&file).metadata().expect("there").len() > 0 {
                files.push(file);
            }
        }
    }
    files.sort();
    files
}

/// The same node elsewhere.
fn copied(original: &Machine, root: &Path) -> Machine {
    copy_all(&original.root, root);
    let machine = Machine::new(root, Storage::Rocks);
    machine.recorded.replace(original.recorded.borrow().clone());
    machine
}

/// A copy of the node of which one bit of a file on drive 0 is another.
fn flipped(original: &Machine, root: &Path, file: &Path, bit: usize) -> Machine {
    let machine = copied(original, root);
    let path = machine.drive(0).join(file);
    let mut bytes = std::fs::read(&path).expect("readable");
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(&path, &bytes).expect("writable");
    machine
}

#[test]
fn a_flipped_bit_anywhere_in_a_mirror_loses_nothing_and_is_never_served() {
    let place = scratch();
    let original = founded(&place.path().join("original"));
    let (mut flips, mut refused, mut unreadable) = (0, 0, 0);
    for file in files(&original.drive(0)) {
        let bits = original.drive(0).join(&file).metadata().expect("there").len() * 8;
        let bits = usize::try_from(bits).expect("64 bits");
        for flip in 0..FLIPS {
            // Odd, so that all bits of a byte have their turn.
            let bit = (((bits - 1) / FLIPS) | 1) * flip % bits;
            println!("bit {bit} of {}", file.display());
            flips += 1;
            let root = place.path().join("trial");
            let pair = flipped(&original, &root, &file, bit);
            live(|core| async move {
                let meta = pair.restart(&core, &[0, 1]).await;
                if !all_readable(&meta).await {
                    meta.look_at_mirrors().await.expect("another is left");
                    assert!(all_readable(&meta).await, "the other mirror is read from now on");
                    assert_eq!(pair.recorded_drives(), [1]);
                }
                meta.close().await;
            });
            std::fs::remove_dir_all(&root).expect("removed");
            let lone = flipped(&original, &root, &file, bit);
            std::fs::remove_dir_all(lone.drive(1)).expect("there");
            let came_to = Rc::new(std::cell::Cell::new((0, 0)));
            let told = Rc::clone(&came_to);
            live(|core| async move {
                match lone.open(&core, false, &[0]).await {
                    Ok(meta) => {
                        let readable = all_readable(&meta).await;
                        meta.look_at_mirrors().await.expect("the last one stays");
                        told.set((0, usize::from(!readable)));
                        meta.close().await;
                    }
                    // What is applied again at the start may be what is damaged.
                    Err(error @ (OpenError::Damaged { .. } | OpenError::Raft(_))) => {
                        let text = error.to_string();
                        assert!(text.contains("mount a drive that holds another copy"), "{text}");
                        told.set((1, 0));
                    }
                    Err(error) => panic!("{error}"),
                }
            });
            refused += came_to.get().0;
            unreadable += came_to.get().1;
            std::fs::remove_dir_all(&root).expect("removed");
        }
    }
    let harmless = flips - refused - unreadable;
    tell(&format!(
        "flipped bits in a mirror: {flips}; alone: {refused} refused at the start, {unreadable} \
         unreadable, {harmless} where nothing is stored; beside another: none lost"
    ));
    assert!(refused > flips / 4, "most of what is flipped is noticed at the start");
}

#[test]
fn a_mirror_whose_journal_was_cut_short_is_caught_up_from_another() {
    let place = scratch();
    let original = founded(&place.path().join("original"));
    let journal = files(&original.drive(0)).into_iter().find(|file| {
        file.starts_with("log") && file.extension().is_some_and(|extension| extension == "log")
    });
    let journal = journal.expect("the newer keys are in it");
    let length = original.drive(0).join(&journal).metadata().expect("there").len();
    for cut in (0..8).map(|part| length * part / 8) {
        let root = place.path().join("trial");
        let machine = copied(&original, &root);
        let file = std::fs::File::options().write(true).open(machine.drive(0).join(&journal));
        file.and_then(|file| file.set_len(cut)).expect("cut");
        live(|core| async move {
            let meta = machine.restart(&core, &[0, 1]).await;
            assert!(all_readable(&meta).await);
            meta.drop_mirror(DriveOrdinal::new(1)).await.expect("one is left");
            assert!(all_readable(&meta).await);
            meta.close().await;
        });
        std::fs::remove_dir_all(&root).expect("removed");
    }
}
