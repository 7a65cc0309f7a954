//! The identity of a drive, in the file `drive.hamster` of its directory.

use crate::wire::{self, Envelope, WireReader, WireWriter};
use hamster_core::ByteCount;
use hamster_core::ids::{ClusterUuid, DriveOrdinal, DriveUuid, NodeId};
use hamster_core::limits::DRIVES_PER_NODE_MAX;

pub(super) const FILE_NAME: &str = "drive.hamster";
/// Any superblock of any version fits.
pub(super) const LENGTH_MAX: ByteCount = ByteCount::kib(64);
const ENVELOPE: Envelope = Envelope { magic: *b"HAMDRIVE", format: 1 };

/// Whose drive this is. Written at format and whenever the node changes one of its fields, always
/// as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// The cluster it belongs to.
    pub cluster: ClusterUuid,
    /// Its own identity.
    pub drive: DriveUuid,
    /// Its number in the layout.
    pub ordinal: DriveOrdinal,
    /// The node that holds it.
    pub node: NodeId,
    /// How often it was admitted anew (DESIGN.md, invariant 5).
    pub incarnation: u64,
    /// Where this node's metadata is mirrored. Opaque here.
    pub mirrors: MirrorSet,
}

/// The drives of a node that mirror its metadata, as of an epoch. The node writes it to all of its
/// drives; the highest epoch is right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MirrorSet {
    /// Counts the changes of the set. Zero until the founding ends.
    pub epoch: u64,
    /// The drives in it.
    pub drives: Vec<DriveOrdinal>,
}

impl Superblock {
    /// Whether the drive's cluster was founded to the end. If not, nothing was ever stored on it.
    pub fn is_founded(&self) -> bool {
        self.mirrors.epoch > 0
    }
}

/// What the bytes of a superblock file are.
pub(super) type Decoded = wire::Decoded<Superblock>;

impl Superblock {
    pub(super) fn encode(&self) -> Vec<u8> {
        assert!(self.mirrors.drives.len() <= DRIVES_PER_NODE_MAX, "more mirrors than drives");
        let count = u32::try_from(self.mirrors.drives.len()).expect("checked above");
        let mut fields = WireWriter::default()
            .bytes(&self.cluster.bytes())
            .bytes(&self.drive.bytes())
            .u32(self.ordinal.get())
            .u64(self.node.get())
            .u64(self.incarnation)
            .u64(self.mirrors.epoch)
            .u32(count);
        for drive in &self.mirrors.drives {
            fields = fields.u32(drive.get());
        }
        ENVELOPE.encode(&fields.finish())
    }

    pub(super) fn decode(bytes: &[u8]) -> Decoded {
        ENVELOPE.decode(bytes, read_fields)
    }
}

fn read_fields(fields: &mut WireReader) -> Option<Superblock> {
    Some(Superblock {
        cluster: ClusterUuid::from_bytes(fields.array()?),
        drive: DriveUuid::from_bytes(fields.array()?),
        ordinal: DriveOrdinal::new(fields.u32()?),
        node: NodeId::new(fields.u64()?),
        incarnation: fields.u64()?,
        mirrors: MirrorSet {
            epoch: fields.u64()?,
            drives: {
                let count = usize::try_from(fields.u32()?).ok()?;
                let ordinals = (0..count.min(DRIVES_PER_NODE_MAX)).map(|_| fields.u32());
                ordinals.map(|ordinal| ordinal.map(DriveOrdinal::new)).collect::<Option<_>>()?
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Superblock {
        Superblock {
            cluster: ClusterUuid::from_bytes([0xc1; 16]),
            drive: DriveUuid::from_bytes([0xd2; 16]),
            ordinal: DriveOrdinal::new(3),
            node: NodeId::new(7),
            incarnation: 2,
            mirrors: MirrorSet {
                epoch: 9,
                drives: vec![DriveOrdinal::new(0), DriveOrdinal::new(3)],
            },
        }
    }

    #[test]
    fn golden_bytes() {
        let hex: String = example().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "48414d4452495645", // magic
                "01000000",         // format, reserved
                "58000000",         // length without the checksum
                "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1",
                "d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
                "03000000",
                "0700000000000000",
                "0200000000000000",
                "0900000000000000",
                "02000000",
                "00000000",
                "03000000",
                "b393716afbbb9588",
            )
        );
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let bytes = example().encode();
        assert_eq!(Superblock::decode(&bytes), Decoded::Valid(example()));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let decoded = Superblock::decode(&flipped);
                assert!(!matches!(decoded, Decoded::Valid(_)), "byte {at} bit {bit}");
            }
            assert_eq!(Superblock::decode(&bytes[..at]), Decoded::Damaged, "length {at}");
        }
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut bytes = example().encode();
        bytes[8] = 2;
        assert_eq!(Superblock::decode(&bytes), Decoded::Newer(2));
    }
}
