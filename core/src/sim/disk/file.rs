//! A file: what it reads as now, and what of that outlives a crash.

use super::faults::Operation;
use super::unsynced::Unsynced;
use super::volume::{Survives, Volume};
use super::{EINVAL, error};
use crate::buffer::Buffer;
use crate::entropy::Entropy;
use crate::limits::BLOCK_BYTES;
use crate::sim::executor::Boot;
use crate::sim::fault::Fault;
use crate::units::ByteCount;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::rc::Rc;

const BLOCK: usize = BLOCK_BYTES.as_usize();
/// What a drive writes as a whole whatever happens.
const SECTOR: usize = 512;
const SECTORS: usize = BLOCK / SECTOR;

type Block = Rc<[u8; BLOCK]>;
/// Written blocks by number; all others are zeroes.
type Blocks = BTreeMap<u64, Block>;

pub(super) struct FileNode {
    pub linked: Cell<bool>,
    content: RefCell<Content>,
}

#[derive(Clone)]
struct Content {
    length: u64,
    current: Blocks,
    /// Blocks without space of their own.
    holes: BTreeSet<u64>,
    length_durable: u64,
    durable: Blocks,
    unsynced: Unsynced<Change>,
    /// Asked of the drive, and not answered.
    under_way: BTreeMap<u64, Change>,
    /// Names them.
    asked: u64,
}

#[derive(Clone)]
enum Change {
    Written { first: u64, blocks: Vec<Block> },
    Punched(Range<u64>),
}

impl Change {
    fn apply(self, to: &mut Blocks) {
        match self {
            Self::Written { first, blocks } => to.extend((first..).zip(blocks)),
            Self::Punched(range) => to.extract_if(range, |_, _| true).for_each(drop),
        }
    }
}

fn to_blocks(bytes: &[u8]) -> Vec<Block> {
    let block = |bytes: &[u8]| {
        let mut block = [0; BLOCK];
        block[..bytes.len()].copy_from_slice(bytes);
        Rc::new(block)
    };
    bytes.chunks(BLOCK).map(block).collect()
}

impl FileNode {
    /// A file of zeroes.
    pub fn new(length: ByteCount) -> Rc<Self> {
        Rc::new(Self {
            linked: Cell::new(true),
            content: RefCell::new(Content {
                length: length.get(),
                current: Blocks::new(),
                holes: BTreeSet::new(),
                length_durable: 0,
                durable: Blocks::new(),
                unsynced: Unsynced::default(),
                under_way: BTreeMap::new(),
                asked: 0,
            }),
        })
    }

    /// Another file like it. What is under way to this one may have come to that one, as any
    /// unsynced change.
    pub fn copy(&self) -> Rc<Self> {
        let mut content = self.content.borrow().clone();
        for change in std::mem::take(&mut content.under_way).into_values() {
            content.unsynced.push(change);
        }
        Rc::new(Self { linked: self.linked.clone(), content: RefCell::new(content) })
    }

    /// A file of these bytes, all durable.
    pub fn durable(bytes: &[u8]) -> Rc<Self> {
        let file = Self::new(ByteCount::of(bytes.len()));
        let mut content = file.content.borrow_mut();
        content.current.extend((0..).zip(to_blocks(bytes)));
        content.durable = content.current.clone();
        content.length_durable = content.length;
        drop(content);
        file
    }

    pub fn length(&self) -> ByteCount {
        ByteCount::new(self.content.borrow().length)
    }

    /// The space it takes.
    pub fn allocated(&self) -> ByteCount {
        let content = self.content.borrow();
        let holes = ByteCount::of(content.holes.len() * BLOCK);
        ByteCount::new(content.length).align_up(BLOCK_BYTES).saturating_sub(holes)
    }

    /// Fills `into` from `offset`, a multiple of the block. Returns how much of it, up to the end.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> usize {
        let content = self.content.borrow();
        let left = ByteCount::new(content.length.saturating_sub(offset));
        let length = left.as_usize().min(into.len());
        let first = offset / BLOCK_BYTES.get();
        for (number, part) in (first..).zip(into[..length].chunks_mut(BLOCK)) {
            match content.current.get(&number) {
                Some(block) => part.copy_from_slice(&block[..part.len()]),
                None => part.fill(0),
            }
        }
        length
    }

    /// A change is on its way; returns its name for [`FileNode::end`].
    fn begin(&self, change: Change) -> u64 {
        let content = &mut *self.content.borrow_mut();
        content.asked += 1;
        content.under_way.insert(content.asked, change);
        content.asked
    }

    /// The drive has answered. `None`: the power failed meanwhile.
    fn end(&self, name: u64) -> Option<Change> {
        self.content.borrow_mut().under_way.remove(&name)
    }

    fn write(&self, volume: &Volume, first: u64, blocks: Vec<Block>) -> io::Result<()> {
        let mut content = self.content.borrow_mut();
        let end = first + blocks.len() as u64;
        let filled = content.holes.range(first..end).count() as u64;
        let past_end = (end * BLOCK_BYTES.get())
            .saturating_sub(content.length.next_multiple_of(BLOCK_BYTES.get()));
        if self.linked.get() {
            volume.allocate(ByteCount::new(filled * BLOCK_BYTES.get() + past_end))?;
        }
        content.holes.extract_if(first..end, |_| true).for_each(drop);
        content.length = content.length.max(end * BLOCK_BYTES.get());
        content.change(Change::Written { first, blocks });
        Ok(())
    }

    fn punch(&self, volume: &Volume, range: Range<u64>) {
        let mut content = self.content.borrow_mut();
        let end = content.length / BLOCK_BYTES.get();
        let range = range.start.min(end)..range.end.min(end);
        let holes_before = content.holes.len();
        content.holes.extend(range.clone());
        let freed = content.holes.len() - holes_before;
        if self.linked.get() {
            volume.release(ByteCount::of(freed * BLOCK));
        }
        content.change(Change::Punched(range));
    }

    /// Makes the changes before `mark` durable; with `some_lost`, only those that luck has written
    /// already: the others are forgotten, so that no later sync can make them durable.
    fn make_durable(&self, mark: usize, length: u64, some_lost: Option<&Entropy>) {
        let content = &mut *self.content.borrow_mut();
        for change in content.unsynced.take_until(mark) {
            if some_lost.is_none_or(|entropy| entropy.below(2) == 0) {
                change.apply(&mut content.durable);
            }
        }
        if some_lost.is_none() {
            content.length_durable = content.length_durable.max(length);
        }
    }

    pub fn crash(&self, volume: &Volume, place: &str, survives: Survives) {
        let entropy = volume.entropy();
        let content = &mut *self.content.borrow_mut();
        content.under_way.clear();
        for change in content.unsynced.take_all() {
            match (survives.draw(entropy, 4), change) {
                (0, _) => volume.strike(Fault::LostWrite, place),
                (1, Change::Written { first, blocks }) => {
                    volume.strike(Fault::TornWrite, place);
                    content.tear(first, &blocks, entropy);
                }
                (_, change) => change.apply(&mut content.durable),
            }
        }
        if survives.draw(entropy, 2) == 0 {
            content.length = content.length_durable;
        }
        content.length_durable = content.length;
        content.current = content.durable.clone();
        let Content { holes, durable, .. } = content;
        holes.retain(|number| !durable.contains_key(number));
    }

    /// Flips these bits of a byte, on the medium.
    pub fn flip(&self, offset: u64, bits: u8) {
        let content = &mut *self.content.borrow_mut();
        assert!(offset < content.length, "the file ends before {offset}");
        let number = offset / BLOCK_BYTES.get();
        let position = usize::try_from(offset % BLOCK_BYTES.get()).expect("below a block");
        for blocks in [&mut content.current, &mut content.durable] {
            let block = blocks.entry(number).or_insert_with(|| Rc::new([0; BLOCK]));
            Rc::make_mut(block)[position] ^= bits;
        }
    }

    pub fn has_content(&self) -> bool {
        !self.content.borrow().durable.is_empty()
    }

    fn blocks(&self) -> u64 {
        self.content.borrow().length / BLOCK_BYTES.get()
    }

    /// Flips a bit of a block that was written, on the medium.
    pub fn rot(&self, entropy: &Entropy) {
        let written = self.content.borrow().durable.len() as u64;
        let drawn = usize::try_from(entropy.below(written.max(1))).expect("below a length");
        let number = self.content.borrow().durable.keys().nth(drawn).copied();
        let Some(number) = number else { return };
        let bit = entropy.below(BLOCK_BYTES.get() * 8);
        let offset = number * BLOCK_BYTES.get() + bit / 8;
        if offset < self.content.borrow().length {
            self.flip(offset, 1 << (bit % 8));
        }
    }

    /// Cuts it to `length`, on the medium.
    pub fn truncate(&self, length: u64) {
        let content = &mut *self.content.borrow_mut();
        let (first, kept) = (length.div_ceil(BLOCK_BYTES.get()), length % BLOCK_BYTES.get());
        for blocks in [&mut content.current, &mut content.durable] {
            blocks.extract_if(first.., |_, _| true).for_each(drop);
            if let Some(last) = blocks.get_mut(&(length / BLOCK_BYTES.get())) {
                let kept = usize::try_from(kept).expect("below a block");
                Rc::make_mut(last)[kept..].fill(0);
            }
        }
        (content.length, content.length_durable) = (length, length);
    }
}

impl Content {
    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.current);
        self.unsynced.push(change);
    }

    /// Of a write cut by a crash, what is new depends on the drive: all up to some sector, any of
    /// the blocks, or any of the sectors.
    fn tear(&mut self, first: u64, blocks: &[Block], entropy: &Entropy) {
        let kind = entropy.below(3);
        let reached = entropy.below((blocks.len() * SECTORS) as u64);
        let mut is_new = false;
        let positions = (first..).zip(blocks).flat_map(|(number, new)| {
            (0..BLOCK).step_by(SECTOR).map(move |start| (number, new, start..start + SECTOR))
        });
        for (count, (number, new, sector)) in (0..).zip(positions) {
            is_new = match kind {
                0 => count < reached,
                1 if sector.start > 0 => is_new,
                _ => entropy.below(2) == 0,
            };
            if is_new {
                let old = self.durable.entry(number).or_insert_with(|| Rc::new([0; BLOCK]));
                Rc::make_mut(old)[sector.clone()].copy_from_slice(&new[sector]);
            }
        }
    }
}

/// See [`crate::File`].
#[derive(Clone)]
pub struct File {
    pub(super) volume: Rc<Volume>,
    pub(super) boot: Rc<Boot>,
    pub(super) node: Rc<FileNode>,
    /// The name of its directory, for the count of faults.
    pub(super) place: Rc<str>,
}

/// The rules of direct I/O.
fn check_alignment(offset: u64, length: ByteCount) -> io::Result<()> {
    let block = BLOCK_BYTES.get();
    let aligned = offset.is_multiple_of(block) && length.get().is_multiple_of(block);
    let ends = offset.checked_add(length.get()).is_some();
    if aligned && ends { Ok(()) } else { Err(error(EINVAL)) }
}

impl File {
    pub(crate) async fn read_at(
        &self,
        offset: u64,
        mut buffer: Buffer,
    ) -> (Buffer, io::Result<usize>) {
        if let Err(error) = check_alignment(offset, ByteCount::of(buffer.len())) {
            return (buffer, Err(error));
        }
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let place = Rc::clone(&self.place);
        self.volume
            .submit(&self.boot, Operation::Read, &self.place, move |outcome| {
                let result = outcome.map(|()| node.read(offset, &mut buffer));
                if let Ok(read) = result {
                    volume.corrupt(&mut buffer[..read], &place);
                }
                (buffer, result)
            })
            .await
    }

    pub(crate) async fn write_at(&self, offset: u64, buffer: Buffer) -> (Buffer, io::Result<()>) {
        if let Err(error) = check_alignment(offset, ByteCount::of(buffer.len())) {
            return (buffer, Err(error));
        }
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let (first, blocks) = (offset / BLOCK_BYTES.get(), to_blocks(&buffer));
        let first = self.volume.misdirect(first, node.blocks(), &self.place).unwrap_or(first);
        let name = node.begin(Change::Written { first, blocks });
        self.volume
            .submit(&self.boot, Operation::Write, &self.place, move |outcome| {
                volume.note_written(&buffer);
                let change = node.end(name);
                // One that fails may have been written all the same.
                let happens = outcome.is_ok() || volume.entropy().below(2) == 0;
                let written = match change {
                    Some(Change::Written { first, blocks }) if happens => {
                        node.write(&volume, first, blocks)
                    }
                    _ => Ok(()),
                };
                (buffer, outcome.and(written))
            })
            .await
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        // Only what has completed by now is covered.
        let (mark, length) = {
            let content = self.node.content.borrow();
            (content.unsynced.mark(), content.length)
        };
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        self.volume
            .submit(&self.boot, Operation::Sync, &self.place, move |outcome| {
                let some_lost = outcome.is_err().then(|| volume.entropy());
                node.make_durable(mark, length, some_lost);
                outcome
            })
            .await
    }

    pub(crate) async fn punch(&self, offset: u64, length: ByteCount) -> io::Result<()> {
        check_alignment(offset, length)?;
        let first = offset / BLOCK_BYTES.get();
        let range = first..first + length.get() / BLOCK_BYTES.get();
        let (node, volume) = (Rc::clone(&self.node), Rc::clone(&self.volume));
        let name = node.begin(Change::Punched(range.clone()));
        self.volume
            .submit(&self.boot, Operation::Write, &self.place, move |outcome| {
                node.end(name);
                outcome.map(|()| node.punch(&volume, range))
            })
            .await
    }

    pub(crate) async fn length(&self) -> io::Result<ByteCount> {
        let node = Rc::clone(&self.node);
        let work = move |outcome: io::Result<()>| outcome.map(|()| node.length());
        self.volume.submit(&self.boot, Operation::Read, &self.place, work).await
    }

    pub(crate) async fn allocated(&self) -> io::Result<ByteCount> {
        let node = Rc::clone(&self.node);
        let work = move |outcome: io::Result<()>| outcome.map(|()| node.allocated());
        self.volume.submit(&self.boot, Operation::Read, &self.place, work).await
    }

    pub(crate) async fn is_linked(&self) -> io::Result<bool> {
        let node = Rc::clone(&self.node);
        let work = move |outcome: io::Result<()>| outcome.map(|()| node.linked.get());
        self.volume.submit(&self.boot, Operation::Read, &self.place, work).await
    }
}
