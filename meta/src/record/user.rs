//! A user, as the cluster knows it: one that was added by command, not one of a node's own file.

use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::limits::USER_NAME_BYTES_MAX;

/// Digits of a canonical id.
const ID_DIGITS: usize = 64;

/// A user. Never changed once made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The canonical id: 64 hexadecimal digits in lower case, minted by the proposer.
    pub id: String,
    /// The display name. No two users have the same.
    pub name: String,
    /// When it was added.
    pub created: WallTime,
    /// Whether everything is allowed. No command makes such a user in this version.
    pub root: bool,
}

impl User {
    /// Whether a user may be called so: as IAM has it, letters, digits and `+=,.@_-`.
    pub fn is_name(name: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        (1..=USER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
    }

    /// Whether this is a canonical id as they are minted.
    pub fn is_id(id: &str) -> bool {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        id.len() == ID_DIGITS && id.bytes().all(digit)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UserWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(string, tag = "2")]
    id: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(uint64, tag = "4")]
    created: u64,
    #[prost(bool, tag = "5")]
    root: bool,
}

impl Record for User {
    type Wire = UserWire;
    const NAME: &'static str = "user";

    fn to_wire(&self) -> UserWire {
        let Self { id, name, created, root } = self.clone();
        UserWire { format: FORMAT, id, name, created: created.nanos(), root }
    }

    fn from_wire(wire: UserWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let UserWire { id, name, created, root, .. } = wire;
        Ok(Self { id, name, created: WallTime::from_nanos(created), root })
    }
}
