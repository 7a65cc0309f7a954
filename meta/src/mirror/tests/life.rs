//! The process whose files are followed: a node's metadata in production's runtime, random commands
//! upon it; several of them, one after the other. It tells in marks what it begins and what was acknowledged to it.

use super::common::{self, Machine};
use super::disk::MARKS;
use super::install;
use crate::command::{Command, DeleteCurrent, Precondition};
use crate::log::{EntryFrame, Position};
use crate::mirror::MirrorSet;
use crate::snapshot::{Decoder, Section};
use crate::state::twin::TwinWorld;
use crate::state::{Batch, Database, Storage};
use crate::{Leader, Meta, MetaError, Outcome};
use futures_util::future::{join, join_all};
use futures_util::{StreamExt, stream};
use hamster_core::ids::{BucketId, DriveOrdinal, NodeId};
use hamster_core::uring::runtime::{RuntimeConfig, available_cpus, run};
use hamster_core::{ByteCount, Core, Entropy, WallTime, limits};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

pub(super) const BUCKET: BucketId = BucketId::new(1);
/// Processes, one after the other.
pub(super) const LIVES: u64 = 4;
/// The number of a process that founds a cluster, and takes a snapshot.
pub(super) const INSTALLING: u64 = 9;
/// Entries that the snapshot has more than the process.
const SENT: u64 = 24;
/// Drives without a mirror at first.
pub(super) const SPARE_DRIVES: u32 = 2;
const KEYS: u64 = 40;

/// What a mark says.
#[derive(Debug)]
pub(super) enum Mark {
    /// The superblocks record this set.
    Recorded(MirrorSet),
    /// A write of this number to a key has begun, or the removal of the key.
    Begun { number: u32, key: String, removal: bool },
    /// It is acknowledged.
    Ended { number: u32 },
    /// The log has this entry, though it may be in none of the mirrors.
    Known { index: u64, frame: Vec<u8> },
    /// A snapshot is being installed from here on, or not any more.
    Installing(bool),
}

impl Mark {
    fn tell(&self, marks: &File) {
        let line = match self {
            Self::Recorded(set) => {
                let drives: Vec<String> =
                    set.drives.iter().map(|drive| drive.get().to_string()).collect();
                format!("recorded {} {}", set.epoch, drives.join(","))
            }
            Self::Begun { number, key, removal } => format!("begun {number} {key} {removal}"),
            Self::Ended { number } => format!("ended {number}"),
            Self::Known { index, frame } => format!("known {index} {}", hex::encode(frame)),
            Self::Installing(begins) => format!("installing {begins}"),
        };
        let mut marks = marks;
        // In one call.
        marks.write_all((line + "\n").as_bytes()).expect("told");
    }

    /// What [`Mark::tell`] wrote.
    pub(super) fn read(line: &str) -> Self {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let number = |at: usize| words[at].parse().expect("a number");
        match words[0] {
            "recorded" => {
                let drives = words[2].split(',').map(|drive| drive.parse().expect("a drive"));
                let drives = drives.map(DriveOrdinal::new).collect();
                Self::Recorded(MirrorSet { epoch: words[1].parse().expect("a number"), drives })
            }
            "begun" => {
                Self::Begun { number: number(1), key: words[2].into(), removal: words[3] == "true" }
            }
            "known" => {
                let index = words[1].parse().expect("a number");
                Self::Known { index, frame: hex::decode(words[2]).expect("hex") }
            }
            "installing" => Self::Installing(words[1] == "true"),
            _ => Self::Ended { number: number(1) },
        }
    }
}

/// One life on drives of `root`, with so many mirrors, after those that left their marks there.
pub(super) fn live(root: &Path, seed: u64, mirrors: u32, life: u64) {
    let root = root.to_owned();
    let mut config = RuntimeConfig::new(vec![available_cpus().expect("the kernel says")[0]]);
    config.buffer_bytes_per_core = ByteCount::mib(16);
    let main = move |core: Core| {
        let root = root.clone();
        async move {
            let marks = std::fs::read_to_string(root.join(MARKS)).unwrap_or_default();
            let (mut set, mut next) = (MirrorSet::default(), 1);
            for mark in marks.lines().map(Mark::read) {
                match mark {
                    Mark::Recorded(recorded) => set = recorded,
                    Mark::Begun { number, .. } => next = next.max(number + 1),
                    Mark::Ended { .. } | Mark::Known { .. } | Mark::Installing(_) => {}
                }
            }
            let world = Life::new(&root, &core, seed ^ (life << 32), set, next, mirrors);
            world.live(life).await;
        }
    };
    run(config, main).expect("it lives");
}

struct Life {
    core: Core,
    machine: Machine,
    marks: Rc<File>,
    chance: Entropy,
    /// The number of the next write.
    next: RefCell<u32>,
    /// Those that have had no mirror in this life: a drive takes one once.
    unused: RefCell<Vec<u32>>,
    mirrors: u32,
}

impl Life {
    fn new(root: &Path, core: &Core, seed: u64, set: MirrorSet, next: u32, mirrors: u32) -> Self {
        let marks = File::options().create(true).append(true).open(root.join(MARKS));
        let marks = Rc::new(marks.expect("made"));
        let mut machine = Machine::new(root, Storage::Rocks);
        let told = Rc::clone(&marks);
        machine.on_record = Rc::new(move |set| Mark::Recorded(set.clone()).tell(&told));
        let unused = (0..mirrors + SPARE_DRIVES).filter(|drive| match set.epoch {
            0 => *drive >= mirrors,
            _ => !set.drives.contains(&DriveOrdinal::new(*drive)),
        });
        let unused = RefCell::new(unused.collect());
        machine.recorded.replace(set);
        let (chance, next) = (Entropy::seeded(seed), RefCell::new(next));
        Self { core: core.clone(), machine, marks, chance, next, unused, mirrors }
    }

    async fn live(&self, life: u64) {
        let meta = match life {
            0 | INSTALLING => {
                let drives: Vec<u32> = (0..self.mirrors).collect();
                self.machine.found(&self.core, &drives).await.0
            }
            _ => {
                let drives = self.machine.recorded_drives();
                self.machine.restart(&self.core, &drives).await
            }
        };
        if life == INSTALLING {
            return self.take_a_snapshot(meta).await;
        }
        for _ in 0..60 {
            self.act(&meta).await;
        }
        if life == 1 {
            // Until the log is purged.
            for _ in 0..limits::LOG_ENTRIES_BETWEEN_FLUSHES {
                self.change(&meta, 1, 8).await;
            }
        }
        // Else as a kill.
        if self.chance.below(2) == 0 {
            meta.close().await;
        }
    }

    async fn act(&self, meta: &Meta) {
        match self.chance.below(20) {
            0 => meta.flush().await.expect("flushed"),
            // One log entry of several blocks of RocksDB's journal.
            1 => self.change(meta, 120, 900).await,
            2 if self.mirrors > 1 => self.replace_a_mirror(meta).await,
            _ => self.change(meta, 1 + self.chance.below(5), 8).await,
        }
    }

    /// Takes the state of a leader that has gone on from this node's, while it is read.
    async fn take_a_snapshot(&self, meta: Meta) {
        self.change(&meta, 20, 8).await;
        meta.flush().await.expect("flushed");
        self.change(&meta, 20, 8).await;
        let mut snapshot = meta.snapshot().await.expect("readable");
        let (mut decoder, mut batch) = (Decoder::new(), Batch::default());
        while let Some(chunk) = snapshot.chunk().await.expect("readable") {
            decoder.push(&chunk);
            while let Some(section) = decoder.next().expect("sound") {
                if let Section::Rows(rows) = section {
                    rows.into_iter().for_each(|(key, value)| batch.put(key, value));
                }
            }
        }
        let at = decoder.finish().expect("whole").position;
        let sender = TwinWorld::default().open(Path::new("/sender")).expect("memory");
        let sender = Database::Twin(sender);
        sender.write(&batch, true).expect("memory");
        let leader = Leader { term: at.term + 1, node: NodeId::new(2) };
        let mut numbers = vec![];
        for index in at.index + 1..=at.index + SENT {
            let number = self.next.replace_with(|next| *next + 1);
            let key = format!("k{:0>8}", index % KEYS);
            let put = common::put(BUCKET, &key, number);
            Mark::Begun { number, key, removal: false }.tell(&self.marks);
            let position = Position { term: leader.term, node: leader.node.get(), index };
            let entry = install::entry(position, put);
            Mark::Known { index, frame: EntryFrame::encode(&entry) }.tell(&self.marks);
            install::apply_all(&sender, &[entry]);
            numbers.push(number);
        }
        let chunks = install::chunks(&sender).into_iter().map(Ok);
        Mark::Installing(true).tell(&self.marks);
        let installed = Cell::new(false);
        let reading = async {
            while !installed.get() {
                match meta.current(BUCKET, &format!("k{:0>8}", self.chance.below(KEYS))).await {
                    Ok(_) | Err(MetaError::NoLeader) => {}
                    Err(error) => panic!("{error}"),
                }
                self.core.tasks().yield_now().await;
            }
        };
        let installing = async {
            let chunks = stream::iter(chunks).boxed_local();
            meta.install_snapshot(leader, chunks).await.expect("sound");
            installed.set(true);
        };
        join(installing, reading).await;
        numbers.into_iter().for_each(|number| Mark::Ended { number }.tell(&self.marks));
        Mark::Installing(false).tell(&self.marks);
        meta.close().await;
    }

    async fn replace_a_mirror(&self, meta: &Meta) {
        let Some(drive) = self.unused.borrow_mut().pop() else { return };
        let drives = meta.mirrors().drives;
        let lost = self.chance.below(u64::from(self.mirrors));
        let lost = drives[usize::try_from(lost).expect("few")];
        meta.drop_mirror(lost).await.expect("others are left");
        self.change(meta, 3, 8).await;
        let place = self.machine.place(&self.core, drive).await.expect("a directory");
        let writing = self.change(meta, 3, 8);
        let (added, ()) = futures_util::future::join(meta.add_mirror(&place), writing).await;
        added.expect("a new mirror");
    }

    /// Writes or removes this many keys at once, with names of so many bytes.
    async fn change(&self, meta: &Meta, count: u64, key_bytes: usize) {
        let mut keys = BTreeSet::new();
        while count > 20 && keys.len() < usize::try_from(count).expect("few") {
            keys.insert(format!("l{:0>key_bytes$}", keys.len()));
        }
        if count <= 20 {
            keys.extend((0..count).map(|_| format!("k{:0>key_bytes$}", self.chance.below(KEYS))));
        }
        let changes = keys.into_iter().map(|key| async move {
            let number = self.next.replace_with(|next| *next + 1);
            let removal = self.chance.below(4) == 0;
            Mark::Begun { number, key: key.clone(), removal }.tell(&self.marks);
            let command = if removal { delete(key) } else { common::put(BUCKET, &key, number) };
            let outcome = meta.propose(command).await.expect("applied");
            assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            Mark::Ended { number }.tell(&self.marks);
        });
        join_all(changes).await;
    }
}

fn delete(key: String) -> Command {
    Command::DeleteCurrent(DeleteCurrent {
        bucket: BUCKET,
        key,
        modified: WallTime::from_secs(1),
        owner: "alice".into(),
        precondition: Precondition::None,
    })
}
