//! The order in which a partition prefers drives: weighted rendezvous, then interleaved so that
//! neighbours in the order share as little as they can.
//!
//! Every drive draws a number u in (0, 1] from partition and ordinal; least -log2(u) / weight wins.
//! Adding a drive moves only what it wins. All in integers: every node must agree to the last bit.

use crate::record::{Drive, LayoutRecord, Node};
use hamster_core::ids::{DriveOrdinal, NodeId, Partition};

/// All drives of `record` that are not lost, best first, for `partition`.
pub(super) fn rank(record: &LayoutRecord, partition: Partition) -> Box<[DriveOrdinal]> {
    let mut drives: Vec<&Drive> = record.drives.iter().filter(|drive| drive.exists()).collect();
    drives.sort_by_cached_key(|drive| Cost::of(partition, drive));
    interleave(record, &drives).iter().map(|drive| drive.ordinal).collect()
}

/// Reorders `drives` (best first): each next one is the best of those whose zone, then host, then
/// node was taken least often so far.
pub(super) fn interleave<'a>(record: &LayoutRecord, drives: &[&'a Drive]) -> Vec<&'a Drive> {
    let mut left: Vec<(&Drive, Place)> =
        drives.iter().map(|drive| (*drive, Place::of(record, drive.node))).collect();
    let mut taken: Vec<&Drive> = Vec::with_capacity(left.len());
    while let Some(best) = (0..left.len()).min_by_key(|at| left[*at].1.crowding) {
        let (drive, place) = left.remove(best);
        taken.push(drive);
        for (_, other) in &mut left {
            other.make_room(&place);
        }
    }
    taken
}

/// Where a drive is, and how many drives were taken from its zone, host and node.
struct Place<'a> {
    zone: &'a str,
    host: &'a str,
    node: NodeId,
    crowding: (usize, usize, usize),
}

impl<'a> Place<'a> {
    fn of(record: &'a LayoutRecord, id: NodeId) -> Self {
        let node = find_node(record, id);
        let (zone, host) = node.map_or(("", ""), |node| (&node.zone, &node.host));
        Self { zone, host, node: id, crowding: (0, 0, 0) }
    }

    fn make_room(&mut self, taken: &Place<'_>) {
        let zone = self.zone == taken.zone;
        // Why all three: two zones may name their hosts alike.
        let host = zone && self.host == taken.host;
        self.crowding.0 += usize::from(zone);
        self.crowding.1 += usize::from(host);
        self.crowding.2 += usize::from(self.node == taken.node);
    }
}

/// The node of this number.
pub(super) fn find_node(record: &LayoutRecord, id: NodeId) -> Option<&Node> {
    let at = record.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
    record.nodes.get(at)
}

/// -log2(u) / weight of one drive, ordered; ties go to the lower ordinal.
#[derive(PartialEq, Eq)]
struct Cost {
    negative_log: u64,
    weight: u32,
    ordinal: DriveOrdinal,
}

impl Cost {
    fn of(partition: Partition, drive: &Drive) -> Self {
        let name = (u64::from(partition.get()) << 32) | u64::from(drive.ordinal.get());
        let negative_log = negative_log2(mix(mix(name)));
        Self { negative_log, weight: drive.weight.max(1), ordinal: drive.ordinal }
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let this = u128::from(self.negative_log) * u128::from(other.weight);
        let that = u128::from(other.negative_log) * u128::from(self.weight);
        this.cmp(&that).then(self.ordinal.cmp(&other.ordinal))
    }
}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// One step of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// -log2((hash + 1) / 2^64) with 32 fractional bits: the fraction of the logarithm, bit by bit, by
/// squaring the mantissa.
fn negative_log2(hash: u64) -> u64 {
    const FRACTION_BITS: u32 = 32;
    let Some(number) = hash.checked_add(1) else {
        return 0;
    };
    let whole = number.ilog2();
    // The mantissa in [1, 2), with 63 bits behind the point.
    let mut mantissa = u128::from(number << (63 - whole));
    let mut log = u64::from(whole);
    for _ in 0..FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let bit = u64::from(mantissa >> 64 != 0);
        mantissa >>= bit;
        log = (log << 1) | bit;
    }
    (64 << FRACTION_BITS) - log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right_at_powers_of_two_and_between() {
        assert_eq!(negative_log2(u64::MAX), 0);
        assert_eq!(negative_log2((1 << 63) - 1), 1 << 32);
        assert_eq!(negative_log2(0), 64 << 32);
        // -log2(3/4) = 0.4150374992788...
        let expected = 1_782_572_486_u64;
        assert!(negative_log2((3 << 62) - 1).abs_diff(expected) < 4);
    }
}
