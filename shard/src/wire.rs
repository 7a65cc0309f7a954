//! Fixed little-endian layouts: what the on-disk structures are written with and read from.
//!
//! Reading never panics: bytes from a disk are not trusted, so every field is an `Option`.

use hamster_core::checksum::Crc64;

/// Appends fields.
#[derive(Default)]
pub(crate) struct WireWriter(Vec<u8>);

impl WireWriter {
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn u8(self, number: u8) -> Self {
        self.bytes(&[number])
    }

    pub fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// Zeroes up to `length`: room for fields to come.
    pub fn pad_to(mut self, length: usize) -> Self {
        assert!(self.0.len() <= length, "a layout longer than its place");
        self.0.resize(length, 0);
        self
    }

    /// The checksum of everything so far.
    pub fn checksum(self) -> Self {
        let checksum = Crc64::of(&self.0);
        self.u64(checksum.get())
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// How a small file that is replaced as a whole is wrapped: magic, format, length; the fields; CRC-64
/// of all before it. A later version of the same format adds fields before the checksum; an earlier
/// one skips them by the length.
pub(crate) struct Envelope {
    pub magic: [u8; 8],
    /// Raised when an older version could misread the fields.
    pub format: u16,
}

/// What the bytes of such a file are.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Decoded<T> {
    Valid(T),
    /// Of a later version, with this format.
    Newer(u16),
    Damaged,
}

impl Envelope {
    /// Magic, format, reserved, length: the part that every version can read.
    const PREFIX_BYTES: usize = 16;

    pub fn encode(&self, fields: &[u8]) -> Vec<u8> {
        let length = Self::PREFIX_BYTES + fields.len();
        WireWriter::default()
            .bytes(&self.magic)
            .u16(self.format)
            .u16(0)
            .u32(u32::try_from(length).expect("a small file"))
            .bytes(fields)
            .checksum()
            .finish()
    }

    pub fn decode<T>(
        &self,
        bytes: &[u8],
        read: impl FnOnce(&mut WireReader) -> Option<T>,
    ) -> Decoded<T> {
        let mut prefix = WireReader::new(bytes);
        let (magic, format) = (prefix.array(), prefix.u16());
        if magic != Some(self.magic) {
            return Decoded::Damaged;
        }
        if let Some(format) = format.filter(|format| *format > self.format) {
            return Decoded::Newer(format);
        }
        let fields = || {
            let length = WireReader::new(bytes.get(12..)?).u32()?;
            let body = checked(bytes, usize::try_from(length).ok()?)?;
            read(&mut WireReader::new(body.get(Self::PREFIX_BYTES..)?))
        };
        fields().map_or(Decoded::Damaged, Decoded::Valid)
    }
}

/// Takes fields from the front.
pub(crate) struct WireReader<'a>(&'a [u8]);

impl<'a> WireReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub fn skip(&mut self, length: usize) -> Option<()> {
        self.0 = self.0.get(length..)?;
        Some(())
    }

    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The first `length` bytes, if the checksum that follows them is theirs.
pub(crate) fn checked(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let (body, rest) = bytes.split_at_checked(length)?;
    let checksum = WireReader::new(rest).u64()?;
    (Crc64::of(body).get() == checksum).then_some(body)
}
