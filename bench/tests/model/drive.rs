//! One drive: segments of a few slots, what is durable in them and what a crash may still lose.

/// Data ids that a scope may name.
pub const DATA_IDS: usize = 6;
pub const SEGMENTS: usize = 3;
pub const SLOTS: usize = 2;

/// Number of a data id; never used twice.
pub type Data = usize;
/// Number of a boot, as applied.
pub type Boot = u8;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// A freed run stays until its segment is recycled.
    Small,
    /// A freed run is punched. Segments are not recycled.
    Bulk,
}

/// A run as its header names it; the same name always means the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Run {
    pub data: Data,
    /// The boot of the coordinator that wrote the shard first.
    pub boot: Boot,
    pub generation: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cell {
    Empty,
    Run(Run),
    /// The recovery scan steps over it.
    Punched,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot {
    pub durable: Cell,
    /// Written, not synced.
    pub pending: Option<Cell>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Segment {
    pub slots: [Slot; SLOTS],
    /// The generation of the durable header.
    pub header: u8,
    /// The generation new runs are written with.
    pub generation: u8,
    /// Slots in use, in memory.
    pub tail: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub segment: usize,
    pub slot: usize,
}

pub type Index = [Option<Place>; DATA_IDS];

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Drive {
    pub segments: [Segment; SEGMENTS],
    pub active: Option<usize>,
}

impl Drive {
    pub fn new() -> Self {
        let slot = Slot { durable: Cell::Empty, pending: None };
        let segment = Segment { slots: [slot; SLOTS], header: 1, generation: 1, tail: 0 };
        Self { segments: [segment; SEGMENTS], active: None }
    }

    /// What a read of `place` returns now.
    pub fn run_at(&self, place: Place) -> Option<Run> {
        let slot = self.segments[place.segment].slots[place.slot];
        match slot.pending.unwrap_or(slot.durable) {
            Cell::Run(run) => Some(run),
            Cell::Empty | Cell::Punched => None,
        }
    }

    pub fn is_free(&self, segment: usize) -> bool {
        self.active != Some(segment) && self.segments[segment].tail == 0
    }

    pub fn is_sealed(&self, segment: usize) -> bool {
        self.active != Some(segment) && self.segments[segment].tail > 0
    }

    /// Where the next run goes, if `reserve` segments stay free. Room in the active segment is no
    /// exception: after a crash it may hold the copies whose originals are back in the index.
    pub fn next_place(&self, reserve: usize) -> Option<Place> {
        let mut free = (0..SEGMENTS).filter(|&segment| self.is_free(segment));
        let segment = self.with_room().or_else(|| free.next())?;
        let place = Place { segment, slot: self.segments[segment].tail };
        (free.count() >= reserve).then_some(place)
    }

    /// The active segment, if it has room.
    pub fn with_room(&self) -> Option<usize> {
        self.active.filter(|&segment| self.segments[segment].tail < SLOTS)
    }

    pub fn append(&mut self, place: Place, data: Data, boot: Boot) {
        let segment = &mut self.segments[place.segment];
        let run = Run { data, boot, generation: segment.generation };
        segment.slots[place.slot].pending = Some(Cell::Run(run));
        segment.tail = place.slot + 1;
        self.active = Some(place.segment);
    }

    pub fn punch(&mut self, place: Place) {
        self.segments[place.segment].slots[place.slot].pending = Some(Cell::Punched);
    }

    pub fn is_dirty(&self, segment: usize) -> bool {
        self.segments[segment].slots.iter().any(|slot| slot.pending.is_some())
    }

    pub fn sync(&mut self, segment: usize) {
        for slot in &mut self.segments[segment].slots {
            if let Some(cell) = slot.pending.take() {
                slot.durable = cell;
            }
        }
    }

    pub fn is_durable(&self, place: Place) -> bool {
        self.segments[place.segment].slots[place.slot].pending.is_none()
    }

    /// Unsynced writes, in order.
    pub fn pending(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for segment in 0..SEGMENTS {
            for slot in 0..SLOTS {
                let place = Place { segment, slot };
                if !self.is_durable(place) {
                    places.push(place);
                }
            }
        }
        places
    }

    /// Power goes: of the unsynced writes only `kept` (a mask over [`Self::pending`]) were done.
    pub fn crash(&mut self, kept: u8) {
        for (position, place) in self.pending().into_iter().enumerate() {
            let slot = &mut self.segments[place.segment].slots[place.slot];
            let cell = slot.pending.take();
            if let Some(cell) = cell.filter(|_| kept & (1 << position) != 0) {
                slot.durable = cell;
            }
        }
        for segment in &mut self.segments {
            segment.generation = segment.header;
            segment.tail = 0;
        }
        self.active = None;
    }

    /// The runs that a recovery scan finds: up to the first slot that is empty or left over from
    /// an earlier generation.
    pub fn scan(&self) -> Vec<(Place, Run)> {
        let mut found = Vec::new();
        for (number, segment) in self.segments.iter().enumerate() {
            for (slot, cell) in segment.slots.iter().enumerate() {
                match cell.durable {
                    Cell::Run(run) if run.generation == segment.header => {
                        found.push((Place { segment: number, slot }, run));
                    }
                    Cell::Punched => {}
                    Cell::Run(_) | Cell::Empty => break,
                }
            }
        }
        found
    }

    /// Sets the tails from what is durable, and takes up again a segment that has room.
    pub fn recover(&mut self) {
        for segment in &mut self.segments {
            let header = segment.header;
            let is_there = |slot: &&Slot| match slot.durable {
                Cell::Run(run) => run.generation == header,
                Cell::Punched => true,
                Cell::Empty => false,
            };
            segment.tail = segment.slots.iter().take_while(is_there).count();
        }
        self.active = (0..SEGMENTS).find(|&number| {
            let tail = self.segments[number].tail;
            tail > 0 && tail < SLOTS
        });
    }
}
