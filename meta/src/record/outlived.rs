//! A completed upload that is remembered although its version is gone.

use super::sequence::{SequenceWire, UploadId};
use super::{FORMAT, Malformed, Record, check_format};

/// The last ones are kept, each in the place of the one that went so many before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outlived {
    pub upload: UploadId,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct OutlivedWire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    upload: Option<SequenceWire>,
}

impl Record for Outlived {
    type Wire = OutlivedWire;
    const NAME: &'static str = "outlived upload";

    fn to_wire(&self) -> OutlivedWire {
        OutlivedWire { format: FORMAT, upload: Some(self.upload.0.into()) }
    }

    fn from_wire(wire: OutlivedWire) -> Result<Self, Malformed> {
        check_format(wire.format, Self::NAME)?;
        Ok(Self { upload: UploadId(wire.upload.ok_or(Malformed::Not(Self::NAME))?.into()) })
    }
}
