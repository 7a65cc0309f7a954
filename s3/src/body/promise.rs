//! What a request promises about its body: hashes and checksums, computed as it streams and
//! compared at its end.

use super::ChecksumOf;
use crate::checksum::{self, Algorithm, Running};
use crate::error::{Code, S3Error};
use crate::sigv4::HASH_BYTES;
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_meta::record::Checksum;
use hamster_net::http::Headers;
use md5::{Digest, Md5};

/// What a body turned out to be.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Digests {
    /// Its MD5, if wanted or promised.
    pub md5: Option<[u8; 16]>,
    /// The checksum that was promised.
    pub checksum: Option<Checksum>,
}

/// The promises of one request.
pub struct Promises {
    md5: Option<Md5>,
    content_md5: Option<[u8; 16]>,
    sha256: Option<(digest::Context, [u8; HASH_BYTES])>,
    checksum: Option<PromisedChecksum>,
    /// The one trailer that may and must come, if any: that of a checksum.
    trailer: Option<Algorithm>,
    digests: Option<Digests>,
}

struct PromisedChecksum {
    algorithm: Algorithm,
    running: Running,
    value: Value,
}

/// Where the promised value is.
enum Value {
    Header(String),
    Trailer,
    /// Nothing was promised, but it is wanted.
    Computed,
}

impl Promises {
    /// What `headers` promise, besides the SHA-256 of the signature.
    ///
    /// # Errors
    /// `InvalidDigest` for a malformed Content-MD5 or two of them, `InvalidRequest` for checksums
    /// and for trailers that are none.
    pub fn of(
        headers: &Headers,
        sha256: Option<[u8; HASH_BYTES]>,
        checksum: ChecksumOf,
    ) -> Result<Self, S3Error> {
        let content_md5 = promised_md5(headers)?;
        let trailer = headers.get("x-amz-trailer").map(declared_trailer).transpose()?;
        let header = match checksum {
            ChecksumOf::Body => checksum::promised(headers)?,
            ChecksumOf::Object => None,
        };
        let (algorithm, value) = match (header, trailer) {
            (Some(_), Some(_)) => return Err(checksum::several()),
            (Some((algorithm, value)), None) => (Some(algorithm), Value::Header(value)),
            (None, trailer) => (trailer, Value::Trailer),
        };
        if checksum == ChecksumOf::Body {
            check_announced(headers, algorithm)?;
        }
        Ok(Self {
            md5: content_md5.map(|_| Md5::new()),
            content_md5,
            sha256: sha256.map(|hash| (digest::Context::new(&digest::SHA256), hash)),
            checksum: algorithm.map(|algorithm| PromisedChecksum {
                algorithm,
                running: Running::new(algorithm),
                value,
            }),
            trailer,
            digests: None,
        })
    }

    /// Has the MD5 computed.
    pub fn want_md5(&mut self) {
        self.md5.get_or_insert_default();
    }

    /// Has this checksum computed, whether or not one was promised.
    ///
    /// # Errors
    /// `InvalidRequest` if another one was promised.
    pub fn want_checksum(&mut self, algorithm: Algorithm) -> Result<(), S3Error> {
        let wanted = || PromisedChecksum {
            algorithm,
            running: Running::new(algorithm),
            value: Value::Computed,
        };
        let promised = self.checksum.get_or_insert_with(wanted).algorithm;
        if promised == algorithm {
            return Ok(());
        }
        let message = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            algorithm.record_name(),
            promised.record_name()
        );
        Err(S3Error::new(Code::InvalidRequest, message))
    }

    /// The next bytes of payload.
    pub fn cover(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some((context, _)) = &mut self.sha256 {
            context.update(bytes);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.running.update(bytes);
        }
    }

    /// Compares at the end of the body.
    ///
    /// # Errors
    /// `XAmzContentSHA256Mismatch`, `BadDigest`, or `MalformedTrailerError` if other trailers came
    /// than the one promised, once.
    pub fn settle(&mut self, trailers: &[(String, String)]) -> Result<(), S3Error> {
        if let Some((context, promised)) = self.sha256.take() {
            let computed = context.finish();
            if computed.as_ref() != promised {
                return Err(S3Error::from(Code::XAmzContentSHA256Mismatch)
                    .with("ClientComputedContentSHA256", &hex::encode(promised))
                    .with("S3ComputedContentSHA256", &hex::encode(computed)));
            }
        }
        let md5: Option<[u8; 16]> = self.md5.take().map(|md5| md5.finalize().into());
        if self.content_md5.is_some() && self.content_md5 != md5 {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(S3Error::new(Code::BadDigest, message));
        }
        let trailer = match (self.trailer, trailers) {
            (None, []) => None,
            (Some(declared), [(name, value)]) if name == declared.header() => Some(value.as_str()),
            _ => return Err(Code::MalformedTrailerError.into()),
        };
        let checksum = self.checksum.take().map(|it| it.settle(trailer)).transpose()?;
        self.digests = Some(Digests { md5, checksum });
        Ok(())
    }

    /// What was computed.
    ///
    /// # Panics
    /// If the promises were not settled.
    pub fn into_digests(self) -> Digests {
        self.digests.expect("the body was read to its end")
    }
}

impl PromisedChecksum {
    fn settle(self, trailer: Option<&str>) -> Result<Checksum, S3Error> {
        let Self { algorithm, running, value } = self;
        let computed = running.finish();
        let promised = match &value {
            Value::Header(value) => value,
            Value::Trailer => trailer.ok_or(Code::MalformedTrailerError)?,
            Value::Computed => &computed,
        };
        if checksum::decode(algorithm, promised) != checksum::decode(algorithm, &computed) {
            let name = algorithm.name();
            let message =
                format!("The {name} you specified did not match the calculated checksum.");
            return Err(S3Error::new(Code::BadDigest, message));
        }
        Ok(Checksum {
            algorithm: algorithm.record_name().to_owned(),
            value: computed,
            composite: false,
        })
    }
}

/// The checksum that a client library says it computes must be the one that is promised.
///
/// # Errors
/// `InvalidRequest`.
fn check_announced(headers: &Headers, promised: Option<Algorithm>) -> Result<(), S3Error> {
    let Some(name) = headers.get("x-amz-sdk-checksum-algorithm") else { return Ok(()) };
    let message = match Algorithm::parse(name) {
        Some(announced) if promised == Some(announced) => return Ok(()),
        Some(_) => {
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
             x-amz-trailer headers were found."
        }
        None => "Value for x-amz-sdk-checksum-algorithm header is invalid.",
    };
    Err(S3Error::new(Code::InvalidRequest, message))
}

fn declared_trailer(name: &str) -> Result<Algorithm, S3Error> {
    Algorithm::of_header(name).ok_or_else(|| {
        let message = "The value specified in the x-amz-trailer header is not supported";
        S3Error::new(Code::InvalidRequest, message)
    })
}

fn promised_md5(headers: &Headers) -> Result<Option<[u8; 16]>, S3Error> {
    let mut values = headers.get_all("content-md5");
    let Some(first) = values.next() else { return Ok(None) };
    let bytes = BASE64_STANDARD.decode(first).ok().and_then(|bytes| bytes.try_into().ok());
    // Two of them are one value that is no MD5.
    let bytes = bytes.filter(|_| values.next().is_none());
    let message = "The Content-MD5 you specified was invalid.";
    bytes.map(Some).ok_or_else(|| S3Error::new(Code::InvalidDigest, message))
}
