//! Placement: from a partition and the layout to drives. Pure, in integers, the same on every node.
//!
//! `rank` orders all drives for a partition, `ladder` says how wide a version may be; a version
//! takes the prefix of the order that it needs, so profiles and full copies share one order.

mod ladder;
mod rank;

use crate::record::{Drive, DriveState, LayoutRecord, Node, Profile, ProfileChoice};
use hamster_core::ids::{DriveOrdinal, NodeId, Partition};
use hamster_core::limits;
use std::sync::OnceLock;

/// Which of the two shapes a body is stored in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// 1 + m full copies.
    Small,
    /// Stripes of k + m slices.
    Large,
}

/// Where a new version goes. `targets[i]` takes shard `i`; there are k + m.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Data slices; 1 for a small body.
    pub k: u8,
    /// Parity slices, or further copies.
    pub m: u8,
    /// The drives in shard order.
    pub targets: Vec<DriveOrdinal>,
}

/// A layout with its placements, computed as they are asked for. Shared by all cores of a node.
pub struct Layout {
    record: LayoutRecord,
    profile: Profile,
    rankings: Box<[OnceLock<Box<[DriveOrdinal]>>]>,
}

impl Layout {
    /// Placements of `record`.
    pub fn new(record: LayoutRecord) -> Self {
        let drives: Vec<&Drive> = record.drives.iter().filter(|drive| drive.exists()).collect();
        let profile = match record.profile {
            ProfileChoice::Pinned(profile) => profile,
            ProfileChoice::Auto => {
                ladder::widest(&record, &drives).unwrap_or(const { Profile::new(1, 0) })
            }
        };
        let rankings = (0..limits::PARTITIONS).map(|_| OnceLock::new()).collect();
        Self { record, profile, rankings }
    }

    /// The layout itself.
    pub fn record(&self) -> &LayoutRecord {
        &self.record
    }

    /// The drive of this ordinal.
    pub fn drive(&self, ordinal: DriveOrdinal) -> Option<&Drive> {
        self.record.drive(ordinal)
    }

    /// The node of this number.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        rank::find_node(&self.record, id)
    }

    /// The profile that new large bodies get while all drives of the layout live.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// All drives that are not lost, best first, for `partition`.
    ///
    /// # Panics
    /// If there is no such partition.
    pub fn ranking(&self, partition: Partition) -> &[DriveOrdinal] {
        self.rankings[usize::from(partition.get())]
            .get_or_init(|| rank::rank(&self.record, partition))
    }

    /// Where a new version in `partition` goes, given the drives that `live` accepts now (in service
    /// and not full). Steps down to the widest rung that they allow; `None` if none lives.
    pub fn plan(
        &self,
        partition: Partition,
        body: Body,
        live: impl Fn(DriveOrdinal) -> bool,
    ) -> Option<Planned> {
        let ranking = self.ranking(partition);
        let whole = ranking.get(..self.profile.width());
        if let Some(targets) =
            whole.filter(|targets| targets.iter().all(|at| self.takes(*at, &live)))
        {
            return Some(planned(self.profile, body, targets.iter().copied()));
        }
        let drives: Vec<&Drive> = ranking
            .iter()
            .filter(|ordinal| self.takes(**ordinal, &live))
            .filter_map(|ordinal| self.drive(*ordinal))
            .collect();
        // Why anew: with some drives missing, the order may crowd a node that the rung must survive.
        let spread = rank::interleave(&self.record, &drives);
        let profile = match self.record.profile {
            ProfileChoice::Pinned(pinned) if pinned.width() <= drives.len() => pinned,
            ProfileChoice::Pinned(pinned) => ladder::step_down(pinned, drives.len())?,
            ProfileChoice::Auto => {
                let widest = ladder::widest(&self.record, &drives)?;
                ladder::step_down(self.profile, widest.width())?
            }
        };
        Some(planned(profile, body, spread.iter().map(|drive| drive.ordinal)))
    }

    fn takes(&self, ordinal: DriveOrdinal, live: impl Fn(DriveOrdinal) -> bool) -> bool {
        self.drive(ordinal).is_some_and(|drive| drive.state == DriveState::Live) && live(ordinal)
    }
}

fn planned(profile: Profile, body: Body, targets: impl Iterator<Item = DriveOrdinal>) -> Planned {
    let k = match body {
        Body::Small => 1,
        Body::Large => profile.k,
    };
    let width = Profile::new(k, profile.m).width();
    Planned { k, m: profile.m, targets: targets.take(width).collect() }
}

#[cfg(test)]
mod tests;
