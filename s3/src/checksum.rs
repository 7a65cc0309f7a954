//! S3's object checksums: the five algorithms, by the names they have in headers, in XML and in
//! metadata. Called by `body`, which computes them as bytes stream by, and by the verbs that
//! show them. Not to be taken for shard's own checksums, which guard what is stored.

use crate::error::{Code, S3Error};
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use hamster_core::checksum::Crc64State;
use hamster_meta::record::Checksum;
use hamster_net::http::Headers;

/// An algorithm of S3's object checksums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the variants are S3's own names")]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As in `x-amz-checksum-algorithm` and XML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer that carries a value.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element that carries a value.
    pub const fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// As metadata keeps it.
    pub fn record_name(self) -> &'static str {
        self.header().strip_prefix("x-amz-checksum-").expect("every header begins so")
    }

    /// The algorithm that metadata, a header or XML names, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm whose header or trailer this is.
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.header().eq_ignore_ascii_case(name))
    }

    /// Bytes of a value.
    pub const fn value_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether a value of the parts' values can stand for an object in parts.
    pub const fn composes(self) -> bool {
        !matches!(self, Self::Crc64Nvme)
    }

    /// Whether the parts' values combine to the value of the whole object.
    pub const fn combines(self) -> bool {
        self.crc().is_some()
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// The value of `bytes`, in base64.
    pub fn of(self, bytes: &[u8]) -> String {
        let mut running = Running::new(self);
        running.update(bytes);
        running.finish()
    }
}

/// A checksum under way.
pub enum Running {
    /// A CRC of 32 bits.
    Crc32(Crc),
    /// CRC-64/NVME.
    Crc64(Crc64State),
    /// SHA-1 or SHA-256.
    Hash(digest::Context),
}

impl Running {
    /// Nothing covered yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(Crc::new(CrcAlgorithm::Crc32IsoHdlc)),
            Algorithm::Crc32c => Self::Crc32(Crc::new(CrcAlgorithm::Crc32Iscsi)),
            Algorithm::Crc64Nvme => Self::Crc64(Crc64State::new()),
            Algorithm::Sha1 => Self::Hash(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
            Algorithm::Sha256 => Self::Hash(digest::Context::new(&digest::SHA256)),
        }
    }

    /// Covers `bytes` as well.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(crc) => crc.update(bytes),
            Self::Crc64(crc) => crc.update(bytes),
            Self::Hash(context) => context.update(bytes),
        }
    }

    /// The value as on the wire: base64 of its big-endian bytes.
    pub fn finish(self) -> String {
        match self {
            Self::Crc32(crc) => {
                let bytes = crc.finalize().to_be_bytes();
                BASE64_STANDARD.encode(&bytes[4..])
            }
            Self::Crc64(crc) => BASE64_STANDARD.encode(crc.finish().get().to_be_bytes()),
            Self::Hash(context) => BASE64_STANDARD.encode(context.finish()),
        }
    }
}

/// The value that `text` (base64) stands for, if it is one of `algorithm`.
pub fn decode(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.value_bytes())
}

/// The one checksum that `headers` promise for the body.
///
/// # Errors
/// `InvalidRequest` for two of them or one that is not a value of its algorithm.
pub fn promised(headers: &Headers) -> Result<Option<(Algorithm, String)>, S3Error> {
    the_one(headers, |algorithm, value| decode(algorithm, value).is_some())
}

/// As [`promised`], for an object in parts: a composite value may say of how many parts it is.
///
/// # Errors
/// As [`promised`].
pub fn promised_of_parts(headers: &Headers) -> Result<Option<(Algorithm, String)>, S3Error> {
    the_one(headers, |algorithm, value| {
        let (value, count) = value.split_once('-').unwrap_or((value, "1"));
        decode(algorithm, value).is_some() && count.parse::<u16>().is_ok()
    })
}

fn the_one(
    headers: &Headers,
    is_value: impl Fn(Algorithm, &str) -> bool,
) -> Result<Option<(Algorithm, String)>, S3Error> {
    let mut found = None;
    for (name, value) in headers.iter() {
        let Some(algorithm) = Algorithm::of_header(name) else { continue };
        if found.is_some() {
            return Err(several());
        }
        if !is_value(algorithm, value) {
            let message = format!("Value for {name} header is invalid.");
            return Err(S3Error::new(Code::InvalidRequest, message));
        }
        found = Some((algorithm, value.to_owned()));
    }
    Ok(found)
}

/// More than one checksum was promised.
pub fn several() -> S3Error {
    S3Error::new(
        Code::InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

/// The composite value of parts that have these values, in order: the checksum of the values'
/// bytes, and how many they are. `None` if a value is missing or malformed.
pub fn composite<'a>(
    algorithm: Algorithm,
    parts: impl ExactSizeIterator<Item = Option<&'a str>>,
) -> Option<Checksum> {
    let count = parts.len();
    let mut running = Running::new(algorithm);
    for value in parts {
        running.update(&decode(algorithm, value?)?);
    }
    Some(Checksum {
        algorithm: algorithm.record_name().to_owned(),
        value: format!("{}-{count}", running.finish()),
        composite: true,
    })
}

/// The value of a whole object from those of its parts (and their sizes), in order. `None` if the
/// algorithm cannot, or a value is missing or malformed.
pub fn combined<'a>(
    algorithm: Algorithm,
    parts: impl Iterator<Item = (Option<&'a str>, u64)>,
) -> Option<Checksum> {
    let crc = algorithm.crc()?;
    let mut whole = crc_fast::checksum(crc, b"");
    for (value, size) in parts {
        let bytes = decode(algorithm, value?)?;
        let value = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        whole = crc_fast::checksum_combine(crc, whole, value, size);
    }
    let bytes = whole.to_be_bytes();
    let value = BASE64_STANDARD.encode(bytes.get(8 - algorithm.value_bytes()..)?);
    Some(Checksum { algorithm: algorithm.record_name().to_owned(), value, composite: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_catalogues() {
        let of = |algorithm: Algorithm| decode(algorithm, &algorithm.of(b"123456789"));
        assert_eq!(of(Algorithm::Crc32), Some(0xcbf4_3926_u32.to_be_bytes().to_vec()));
        assert_eq!(of(Algorithm::Crc32c), Some(0xe306_9283_u32.to_be_bytes().to_vec()));
        assert_eq!(
            of(Algorithm::Crc64Nvme),
            Some(0xae8b_1486_0a79_9888_u64.to_be_bytes().to_vec())
        );
        assert_eq!(Algorithm::Sha1.of(b""), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        assert_eq!(Algorithm::Sha256.of(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts =
                [(algorithm.of(b"1234"), 4), (algorithm.of(b""), 0), (algorithm.of(b"56789"), 5)];
            let parts = parts.iter().map(|(value, size)| (Some(value.as_str()), *size));
            let whole = combined(algorithm, parts).map(|checksum| checksum.value);
            assert_eq!(whole, Some(algorithm.of(b"123456789")), "{algorithm:?}");
        }
        assert_eq!(combined(Algorithm::Sha1, std::iter::empty()), None);
    }

    #[test]
    fn a_composite_covers_the_parts_values() {
        let parts = ["AAAAAA==", "AAAAAQ=="];
        let value = composite(Algorithm::Crc32, parts.iter().map(|it| Some(*it)));
        let expected = Algorithm::Crc32.of(&[0, 0, 0, 0, 0, 0, 0, 1]) + "-2";
        assert_eq!(value.map(|checksum| checksum.value), Some(expected));
        assert_eq!(composite(Algorithm::Crc32, [None].into_iter()), None);
    }
}
