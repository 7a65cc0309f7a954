//! What the process of the node has in memory: all of it is gone after a crash.

use crate::drive::{DATA_IDS, Data, Index, Place};
use crate::metadata::Set;

/// One reader per core.
pub const CORES: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    Down,
    /// The index is back; this boot's number is not applied yet.
    Booting,
    Serving,
}

/// The PUT that writes a data id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Put {
    Idle,
    /// Appended, not yet in the index; `leaving`: the client has gone.
    Appending {
        place: Place,
        leaving: bool,
    },
    /// Durable and in the index: the receipt.
    Written,
    Proposed,
    /// Decided, or given up: its writer holds it no more.
    Over,
}

/// A GET on one core.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reader {
    Idle,
    /// The look-up has read the state; `before`: it began before the page in work was taken.
    LookedUp {
        data: Data,
        before: bool,
    },
    Leased {
        data: Data,
    },
    Placed {
        data: Data,
        place: Place,
    },
}

impl Reader {
    pub fn lease(self) -> Option<Data> {
        match self {
            Self::Leased { data } | Self::Placed { data, .. } => Some(data),
            Self::Idle | Self::LookedUp { .. } => None,
        }
    }
}

/// The one task that empties the dead queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reclaimer {
    Idle,
    Asking { page: Set, held: Set, answered: [bool; CORES] },
    Freed { rows: Set },
    Burying,
}

/// The copy of one live run out of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Copy {
    pub data: Data,
    pub from: Place,
    pub to: Place,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Node {
    pub phase: Phase,
    pub index: Index,
    pub puts: [Put; DATA_IDS],
    pub readers: [Reader; CORES],
    pub reclaimer: Reclaimer,
    pub copy: Option<Copy>,
    /// The sweep found that no writer holds it and no version names it.
    pub doomed: Option<Data>,
}

impl Node {
    /// A crash: uploads under way are over, whatever becomes of their proposals.
    pub fn crash(&mut self) {
        for put in &mut self.puts {
            if *put != Put::Idle {
                *put = Put::Over;
            }
        }
        *self = Self { puts: self.puts, ..Self::down() };
    }

    pub fn down() -> Self {
        Self {
            phase: Phase::Down,
            index: [None; DATA_IDS],
            puts: [Put::Idle; DATA_IDS],
            readers: [Reader::Idle; CORES],
            reclaimer: Reclaimer::Idle,
            copy: None,
            doomed: None,
        }
    }
}
