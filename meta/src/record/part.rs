//! A part of a multipart upload, open or completed.

use super::version::{Checksum, ChecksumWire};
use super::{FORMAT, Malformed, Record, check_format};
use hamster_core::WallTime;
use hamster_core::ids::DataId;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its number: 1 to 10,000.
    pub number: u16,
    /// Bytes of it.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: WallTime,
    /// Where its bytes are; `None` for an empty part.
    pub data: Option<DataId>,
    /// Checksums that the client gave or asked for.
    pub checksums: Vec<Checksum>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint32, tag = "2")]
    number: u32,
    #[prost(uint64, tag = "3")]
    size: u64,
    #[prost(string, tag = "4")]
    etag: String,
    #[prost(uint64, tag = "5")]
    modified: u64,
    #[prost(bytes = "vec", tag = "6")]
    data: Vec<u8>,
    #[prost(message, repeated, tag = "7")]
    checksums: Vec<ChecksumWire>,
}

impl Record for Part {
    type Wire = PartWire;
    const NAME: &'static str = "part";

    fn to_wire(&self) -> PartWire {
        PartWire {
            format: FORMAT,
            number: u32::from(self.number),
            size: self.size,
            etag: self.etag.clone(),
            modified: self.modified.nanos(),
            data: self.data.map(|data| data.bytes().to_vec()).unwrap_or_default(),
            checksums: self.checksums.iter().map(Into::into).collect(),
        }
    }

    fn from_wire(wire: PartWire) -> Result<Self, Malformed> {
        const NOT: Malformed = Malformed::Not(Part::NAME);
        check_format(wire.format, Self::NAME)?;
        let data = match wire.data.as_slice() {
            [] => None,
            bytes => Some(DataId::from_bytes(bytes.try_into().map_err(|_| NOT)?)),
        };
        Ok(Self {
            number: u16::try_from(wire.number).map_err(|_| NOT)?,
            size: wire.size,
            etag: wire.etag,
            modified: WallTime::from_nanos(wire.modified),
            data,
            checksums: wire.checksums.into_iter().map(Into::into).collect(),
        })
    }
}
