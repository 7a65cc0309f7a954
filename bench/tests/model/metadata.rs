//! The replicated state and its commands, as far as reclaim is concerned.

use crate::drive::{Boot, Data};
use crate::plant::Plant;

pub const KEYS: usize = 3;

/// A set of data ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Set(u8);

impl Set {
    pub fn of(items: impl IntoIterator<Item = Data>) -> Self {
        let mut set = Self::default();
        items.into_iter().for_each(|item| set.insert(item));
        set
    }

    pub fn contains(self, item: Data) -> bool {
        self.0 & (1 << item) != 0
    }

    pub fn insert(&mut self, item: Data) {
        self.0 |= 1 << item;
    }

    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Data> {
        (0..8).filter(move |&item| self.contains(item))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Command {
    Commit { key: usize, data: Data, only_if_new: bool },
    Delete { key: usize },
    Bury { rows: Set },
}

/// A command on its way, with the boot of the process that proposed it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Proposal {
    pub boot: Boot,
    pub command: Command,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Metadata {
    pub boot: Boot,
    pub current: [Option<Data>; KEYS],
    pub dead: Set,
    /// Commits that were decided: the sessions.
    pub decided: Set,
}

impl Metadata {
    pub fn is_current(&self, data: Data) -> bool {
        self.current.contains(&Some(data))
    }

    /// Whether apply will let `proposal` take effect.
    pub fn accepts(&self, proposal: Proposal, plant: Option<Plant>) -> bool {
        let is_older_accepted = match proposal.command {
            Command::Commit { .. } => plant == Some(Plant::AcceptOlderCommit),
            Command::Delete { .. } | Command::Bury { .. } => false,
        };
        let is_repeated = match proposal.command {
            Command::Commit { data, .. } => {
                self.decided.contains(data) && plant != Some(Plant::ForgetSession)
            }
            Command::Delete { .. } | Command::Bury { .. } => false,
        };
        (proposal.boot == self.boot || is_older_accepted) && !is_repeated
    }

    pub fn apply(&mut self, command: Command) {
        match command {
            Command::Commit { key, data, only_if_new } => {
                self.decided.insert(data);
                if only_if_new && self.current[key].is_some() {
                    self.dead.insert(data);
                } else {
                    self.replace(key, Some(data));
                }
            }
            Command::Delete { key } => self.replace(key, None),
            Command::Bury { rows } => self.dead = self.dead.without(rows),
        }
    }

    fn replace(&mut self, key: usize, data: Option<Data>) {
        if let Some(former) = std::mem::replace(&mut self.current[key], data) {
            self.dead.insert(former);
        }
    }
}
