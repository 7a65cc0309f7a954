//! A setting of a bucket: a document that its owner puts, gets and deletes as a whole.

use super::{FORMAT, Malformed, Record, check_format};

/// What a setting is about. A bucket has one of each kind at most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SettingKind {
    /// Which origins' scripts may use the bucket.
    Cors,
    /// The bucket's tags.
    Tagging,
}

impl SettingKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cors, Self::Tagging];

    /// As in keys and commands. On disk.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Cors => 1,
            Self::Tagging => 2,
        }
    }

    /// The kind of this number.
    pub(crate) fn of_number(number: u32) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|kind| u32::from(kind.number()) == number);
        found.ok_or(Malformed::Not("kind of setting"))
    }
}

/// A setting as its owner wrote it; `s3` has checked that it reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    pub document: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SettingWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(string, tag = "2")]
    document: String,
}

impl Record for Setting {
    type Wire = SettingWire;
    const NAME: &'static str = "setting";

    fn to_wire(&self) -> SettingWire {
        SettingWire { format: FORMAT, document: self.document.clone() }
    }

    fn from_wire(wire: SettingWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { document: wire.document })
    }
}
