//! The commit sequence, and the ids that embed it.

use std::fmt;
use std::str::FromStr;

/// Where a command took effect: log index, then position among the commands of that entry. It alone
/// orders the versions of a key (DESIGN.md, invariant 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence {
    /// Index of the log entry.
    pub index: u64,
    /// Position of the command within it.
    pub position: u32,
}

impl Sequence {
    /// The sequence of the command at `position` of the entry at `index`.
    pub const fn new(index: u64, position: u32) -> Self {
        Self { index, position }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:08x}", self.index, self.position)
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.position)
    }
}

/// Not the text form of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an id of this cluster")]
pub struct NotAnId;

impl FromStr for Sequence {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // Why the check: from_str_radix takes capitals and a plus sign; an id has one spelling only.
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let Some((index, position)) = text.split_at_checked(16).filter(|_| digits) else {
            return Err(NotAnId);
        };
        if position.len() != 8 {
            return Err(NotAnId);
        }
        let index = u64::from_str_radix(index, 16).map_err(|_| NotAnId)?;
        let position = u32::from_str_radix(position, 16).map_err(|_| NotAnId)?;
        Ok(Self { index, position })
    }
}

/// Names a version of a key. As text, what S3 calls the version id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VersionId {
    /// The one version of a key that has no id of its own; `null` as text. Never sent as a version
    /// id for an unversioned bucket: rclone would ask for it (FACTS.md).
    Null,
    /// A version named by its commit sequence.
    Of(Sequence),
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Of(sequence) => fmt::Display::fmt(sequence, f),
        }
    }
}

impl FromStr for VersionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text {
            "null" => Ok(Self::Null),
            _ => text.parse().map(Self::Of),
        }
    }
}

/// Names a multipart upload: the commit sequence of its creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UploadId(pub Sequence);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for UploadId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self)
    }
}

/// A commit sequence within other messages.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct SequenceWire {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(uint32, tag = "2")]
    position: u32,
}

impl From<Sequence> for SequenceWire {
    fn from(sequence: Sequence) -> Self {
        Self { index: sequence.index, position: sequence.position }
    }
}

impl From<SequenceWire> for Sequence {
    fn from(wire: SequenceWire) -> Self {
        Self { index: wire.index, position: wire.position }
    }
}

impl VersionId {
    /// The id of the version committed at `sequence`.
    pub(crate) fn of(sequence: Sequence, null: bool) -> Self {
        if null { Self::Null } else { Self::Of(sequence) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        let id = VersionId::Of(Sequence::new(0x0123_4567_89ab_cdef, 0x42));
        assert_eq!(id.to_string(), "0123456789abcdef00000042");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("null".parse(), Ok(VersionId::Null));
        for text in ["", "Null", "0123456789ABCDEF00000042", "+123456789abcdef00000042", "0é"] {
            assert_eq!(text.parse::<VersionId>(), Err(NotAnId), "{text}");
        }
        assert_eq!("0123456789abcdef000000421".parse::<UploadId>(), Err(NotAnId));
    }
}
