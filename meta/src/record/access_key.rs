//! An access key of a user, with its secret sealed: the clear one is never in the state, the log or a
//! snapshot, and nothing in this crate could open it.

use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::limits::{MASTER_KEY_NAME_BYTES_MAX, SEALED_SECRET_BYTES_MAX};
use std::fmt;

/// Characters of an access key, as AWS's have.
const ID_CHARACTERS: usize = 20;

/// A secret as it is stored. Whoever has the master key of this name opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The name of the master key that sealed it.
    pub master_key: String,
    /// What the sealing made.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret({} bytes by {})", self.bytes.len(), self.master_key)
    }
}

impl SealedSecret {
    pub(crate) fn is_within_bounds(&self) -> bool {
        (1..=MASTER_KEY_NAME_BYTES_MAX).contains(&self.master_key.len())
            && (1..=SEALED_SECRET_BYTES_MAX).contains(&self.bytes.len())
    }
}

/// An access key. Never changed once made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessKey {
    /// What a request names: 20 capitals and digits, minted by the proposer.
    pub id: String,
    /// The canonical id of its user.
    pub user: String,
    /// Its secret.
    pub secret: SealedSecret,
    /// When it was made.
    pub created: WallTime,
}

impl AccessKey {
    /// Whether this is an access key as they are minted.
    pub fn is_id(id: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        id.len() == ID_CHARACTERS && id.bytes().all(plain)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccessKeyWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(string, tag = "2")]
    id: String,
    #[prost(string, tag = "3")]
    user: String,
    #[prost(string, tag = "4")]
    master_key: String,
    #[prost(bytes = "vec", tag = "5")]
    sealed: Vec<u8>,
    #[prost(uint64, tag = "6")]
    created: u64,
}

impl Record for AccessKey {
    type Wire = AccessKeyWire;
    const NAME: &'static str = "access key";

    fn to_wire(&self) -> AccessKeyWire {
        AccessKeyWire {
            format: FORMAT,
            id: self.id.clone(),
            user: self.user.clone(),
            master_key: self.secret.master_key.clone(),
            sealed: self.secret.bytes.clone(),
            created: self.created.nanos(),
        }
    }

    fn from_wire(wire: AccessKeyWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        let AccessKeyWire { id, user, master_key, sealed, created, .. } = wire;
        let secret = SealedSecret { master_key, bytes: sealed };
        Ok(Self { id, user, secret, created: WallTime::from_nanos(created) })
    }
}
