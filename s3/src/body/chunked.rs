//! The aws-chunked coding: payload in chunks, each perhaps signed, with trailers behind.
//!
//! Called by `body` with whatever bytes have come. Pure, bounded, and the same however the bytes
//! are cut. The coding ends where the HTTP body ends: nothing behind it is taken for a request.
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>)

use crate::error::{Code, S3Error};
use crate::sigv4::ChunkSigner;
use aws_lc_rs::digest;
use hamster_core::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

/// Decodes one body.
pub struct Decoder {
    state: State,
    /// A line whose end has not come yet.
    line: Vec<u8>,
    signing: Option<Signing>,
    trailers: Option<Trailers>,
}

/// Where in the coding we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// In the line before a chunk.
    Size,
    /// Within a chunk; so many bytes of payload are left.
    Payload(u64),
    /// In the end of line behind a chunk's payload.
    PayloadEnd,
    /// Behind the last chunk.
    Trailers,
}

/// A signed body's chain, and the chunk it is at.
struct Signing {
    signer: Box<ChunkSigner>,
    hash: digest::Context,
    signature: String,
}

/// Trailers read so far.
#[derive(Default)]
struct Trailers {
    lines: Vec<(String, String)>,
    bytes: usize,
    signature: Option<String>,
}

/// What the bytes at hand are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many bytes of framing: drop them.
    Framing(usize),
    /// So many bytes of payload.
    Payload(usize),
}

fn malformed(message: &'static str) -> S3Error {
    S3Error::new(Code::InvalidRequest, message)
}

impl Decoder {
    /// Decodes a body that is signed if there is a signer.
    pub fn new(signer: Option<Box<ChunkSigner>>, trailers: bool) -> Self {
        let signing = signer.map(|signer| Signing {
            signer,
            hash: digest::Context::new(&digest::SHA256),
            signature: String::new(),
        });
        Self {
            state: State::Size,
            line: Vec::new(),
            signing,
            trailers: trailers.then(Trailers::default),
        }
    }

    /// Takes a step into `bytes`, which are not empty.
    ///
    /// # Errors
    /// `InvalidRequest` or `MalformedTrailerError` for broken framing, `SignatureDoesNotMatch`.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, S3Error> {
        if let State::Payload(left) = self.state {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (payload, _) = bytes.split_at(count);
            if let Some(signing) = &mut self.signing {
                signing.hash.update(payload);
            }
            let left = left.saturating_sub(count as u64);
            self.state = if left > 0 { State::Payload(left) } else { State::PayloadEnd };
            return Ok(Step::Payload(count));
        }
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.extend_line(bytes)?;
            return Ok(Step::Framing(bytes.len()));
        };
        let (line, _) = bytes.split_at(end);
        self.extend_line(line)?;
        let line = std::mem::take(&mut self.line);
        self.take_line(&line)?;
        Ok(Step::Framing(end + 1))
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), S3Error> {
        if self.line.len() + bytes.len() > CHUNK_LINE_BYTES_MAX {
            return Err(malformed("A line of the aws-chunked coding is too long."));
        }
        self.line.extend(bytes);
        Ok(())
    }

    /// Acts on a line without its LF.
    fn take_line(&mut self, line: &[u8]) -> Result<(), S3Error> {
        let broken = || malformed("The aws-chunked coding is broken.");
        if self.state == State::Trailers {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            return self.take_trailer(std::str::from_utf8(line).map_err(|_| broken())?);
        }
        let line = line.strip_suffix(b"\r").ok_or_else(broken)?;
        match self.state {
            State::PayloadEnd if line.is_empty() => {
                self.check_chunk()?;
                self.state = State::Size;
                Ok(())
            }
            State::Size => self.take_size(std::str::from_utf8(line).map_err(|_| broken())?),
            _ => Err(broken()),
        }
    }

    /// `hexadecimal-size[;chunk-signature=…]`
    fn take_size(&mut self, line: &str) -> Result<(), S3Error> {
        let broken = || malformed("A chunk of the aws-chunked coding has no valid size.");
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = Some(size).filter(|_| digits).ok_or_else(broken)?;
        let size = u64::from_str_radix(size, 16).map_err(|_| broken())?;
        if let Some(signing) = &mut self.signing {
            let signature = extension.strip_prefix("chunk-signature=");
            signature
                .ok_or_else(|| malformed("A chunk lacks its chunk-signature."))?
                .clone_into(&mut signing.signature);
        }
        if size > 0 {
            self.state = State::Payload(size);
            return Ok(());
        }
        self.state = State::Trailers;
        self.check_chunk()
    }

    /// Checks the signature of the chunk that has just ended.
    fn check_chunk(&mut self) -> Result<(), S3Error> {
        let Some(signing) = &mut self.signing else { return Ok(()) };
        let hash = std::mem::replace(&mut signing.hash, digest::Context::new(&digest::SHA256));
        if signing.signer.accepts_chunk(&hash.finish(), &signing.signature) {
            return Ok(());
        }
        Err(Code::SignatureDoesNotMatch.into())
    }

    /// `name:value`; empty lines separate and end.
    fn take_trailer(&mut self, line: &str) -> Result<(), S3Error> {
        if line.is_empty() {
            return Ok(());
        }
        let refused = || S3Error::from(Code::MalformedTrailerError);
        let trailers = self.trailers.as_mut().ok_or_else(refused)?;
        trailers.bytes += line.len();
        let (name, value) = line.split_once(':').ok_or_else(refused)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if trailers.bytes > TRAILER_BYTES_MAX || name.is_empty() || trailers.signature.is_some() {
            return Err(refused());
        }
        if name == "x-amz-trailer-signature" {
            trailers.signature = Some(value);
        } else {
            trailers.lines.push((name, value));
        }
        Ok(())
    }

    /// Ends with the HTTP body. Gives the trailers, names in lower case, in the order sent.
    ///
    /// # Errors
    /// `IncompleteBody` if the last chunk has not come, `SignatureDoesNotMatch` for the trailers.
    pub fn finish(self) -> Result<Vec<(String, String)>, S3Error> {
        if self.state != State::Trailers || !self.line.is_empty() {
            return Err(Code::IncompleteBody.into());
        }
        let Some(trailers) = self.trailers else { return Ok(Vec::new()) };
        if let Some(mut signing) = self.signing {
            let canonical: String =
                trailers.lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            let signature = trailers.signature.ok_or(Code::MalformedTrailerError)?;
            if !signing.signer.accepts_trailers(canonical.as_bytes(), &signature) {
                return Err(Code::SignatureDoesNotMatch.into());
            }
        }
        Ok(trailers.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SigningTime;
    use aws_lc_rs::hmac;
    use aws_sigv4::sign::v4::generate_signing_key;
    use std::rc::Rc;
    use std::time::{Duration, SystemTime};

    type Decoded = Result<(Vec<u8>, Vec<(String, String)>), Code>;

    /// Decodes `wire`, fed in pieces of `piece` bytes.
    fn decode(mut decoder: Decoder, wire: &[u8], piece: usize) -> Decoded {
        let mut payload = Vec::new();
        for mut bytes in wire.chunks(piece) {
            while !bytes.is_empty() {
                let count = match decoder.step(bytes).map_err(|error| error.code())? {
                    Step::Framing(count) => count,
                    Step::Payload(count) => {
                        payload.extend(&bytes[..count]);
                        count
                    }
                };
                bytes = &bytes[count..];
            }
        }
        let trailers = decoder.finish().map_err(|error| error.code())?;
        Ok((payload, trailers))
    }

    /// The example of S3's documentation: 65 KiB of `a` in chunks of 64 KiB.
    fn documented_signer() -> Box<ChunkSigner> {
        let time = SigningTime::parse("20130524T000000Z").expect("good");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(time.at().secs());
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = generate_signing_key(secret, at, "us-east-1", "s3");
        let key = Rc::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        let seed = *b"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        Box::new(ChunkSigner::new(key, time, Rc::from("us-east-1"), seed))
    }

    fn documented_body(first: &str, second: &str, last: &str) -> Vec<u8> {
        let mut wire = format!("10000;chunk-signature={first}\r\n").into_bytes();
        wire.extend([b'a'; 65536]);
        wire.extend(format!("\r\n400;chunk-signature={second}\r\n").bytes());
        wire.extend([b'a'; 1024]);
        wire.extend(format!("\r\n0;chunk-signature={last}\r\n\r\n").bytes());
        wire
    }

    const FIRST: &str = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    const SECOND: &str = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
    const LAST: &str = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";

    #[test]
    fn the_documented_example_decodes_however_it_is_cut() {
        let wire = documented_body(FIRST, SECOND, LAST);
        for piece in [1, 7, 65536, 65619, 100_000] {
            let decoded = decode(Decoder::new(Some(documented_signer()), false), &wire, piece);
            assert_eq!(decoded, Ok((vec![b'a'; 66560], Vec::new())), "{piece}");
        }
    }

    #[test]
    fn each_signature_of_the_chain_is_checked() {
        for wire in [
            documented_body(SECOND, SECOND, LAST),
            documented_body(FIRST, FIRST, LAST),
            documented_body(FIRST, SECOND, FIRST),
        ] {
            let decoded = decode(Decoder::new(Some(documented_signer()), false), &wire, 9999);
            assert_eq!(decoded, Err(Code::SignatureDoesNotMatch));
        }
    }

    fn unsigned(wire: &str, trailers: bool) -> Decoded {
        let whole = decode(Decoder::new(None, trailers), wire.as_bytes(), usize::MAX);
        assert_eq!(decode(Decoder::new(None, trailers), wire.as_bytes(), 1), whole, "{wire:?}");
        whole
    }

    #[test]
    fn trailers_come_behind_the_last_chunk() {
        let trailer = vec![("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())];
        let good = Ok((b"abc".to_vec(), trailer));
        assert_eq!(unsigned("3\r\nabc\r\n0\r\nX-Amz-Checksum-Crc32:AAAAAA==\r\n\r\n", true), good);
        assert_eq!(unsigned("3\r\nabc\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\n\r\n", true), good);
    }

    #[test]
    fn broken_codings_are_refused() {
        let invalid = Err(Code::InvalidRequest);
        for wire in ["z\r\n", "\r\n", "-1\r\n", "+1\r\na\r\n", "3\nabc\r\n", "3\r\nabcd\r\n"] {
            assert_eq!(unsigned(wire, true), invalid, "{wire:?}");
        }
        assert_eq!(unsigned("11111111111111111\r\n", true), invalid);
        assert_eq!(unsigned(&"1".repeat(2000), true), invalid);
        for wire in ["", "3", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "0", "0\r\nx:y"] {
            assert_eq!(unsigned(wire, true), Err(Code::IncompleteBody), "{wire:?}");
        }
        assert_eq!(unsigned("0\r\nx:y\r\n\r\n", false), Err(Code::MalformedTrailerError));
        assert_eq!(unsigned("0\r\nnonsense\r\n\r\n", true), Err(Code::MalformedTrailerError));
    }
}
