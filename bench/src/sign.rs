//! Signature Version 4 as a client makes it: by header, by presigned query, and chunk by chunk.
//!
//! Called by the load generator and the tests' client. Written apart from the server's verifier on
//! purpose: the two must never share a mistake. Its own oracle is aws-sigv4 (tests below).
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>

use aws_lc_rs::{digest, hmac};
use hamster_core::WallTime;
use std::fmt::Write;

/// SHA-256 of no bytes, in hexadecimal: the payload of requests without a body.
pub const EMPTY_PAYLOAD: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// In place of a payload hash: the body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// In place of a payload hash: each chunk of the body carries its own signature.
pub const STREAMING_PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// An access key and its secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Shown in every request.
    pub access_key: String,
    /// Never sent.
    pub secret_key: String,
}

/// What is signed. Path and query are as sent: percent-encoded, the query sorted by name.
pub struct Unsigned<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Begins with a slash.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// The Host header.
    pub host: &'a str,
    /// Further headers to be signed: names in lower case, sorted; neither `host` nor the two that
    /// every signed request carries (`x-amz-content-sha256`, `x-amz-date`).
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body in hexadecimal, or one of the constants above.
    pub payload: &'a str,
}

/// Signs with one key pair. The derived key is kept for the day, the date for the second.
pub struct Signer {
    credentials: Credentials,
    region: String,
    second: u64,
    stamp: String,
    scope: String,
    key: hmac::Key,
    scratch: String,
    signed_headers: String,
}

impl Signer {
    /// A signer for `region`.
    pub fn new(credentials: Credentials, region: &str) -> Self {
        Self {
            credentials,
            region: region.to_owned(),
            second: u64::MAX,
            stamp: String::new(),
            scope: String::new(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &[]),
            scratch: String::with_capacity(1024),
            signed_headers: String::with_capacity(128),
        }
    }

    /// `x-amz-date` of requests signed at `now`.
    pub fn stamp(&mut self, now: WallTime) -> &str {
        self.turn_to(now);
        &self.stamp
    }

    /// The `Authorization` header of a request signed at `now`.
    pub fn authorization(&mut self, request: &Unsigned<'_>, now: WallTime) -> String {
        let signature = self.signature(request, now);
        self.header_of(&signature)
    }

    /// The `Authorization` header with the signature that was made last.
    pub fn header_of(&self, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={signature}",
            self.credential(),
            self.signed_headers
        )
    }

    /// Key and scope, as requests name them, of the time last asked about.
    pub fn credential(&self) -> String {
        format!("{}/{}", self.credentials.access_key, self.scope)
    }

    /// The signature of a form's policy (in base64), at the time last asked about.
    pub fn of_policy(&self, policy: &str) -> String {
        hex::encode(hmac::sign(&self.key, policy.as_bytes()))
    }

    /// The signature alone: where a chunked body's chain begins.
    pub fn signature(&mut self, request: &Unsigned<'_>, now: WallTime) -> String {
        self.turn_to(now);
        let mut headers: Vec<(&str, &str)> = Vec::with_capacity(request.headers.len() + 3);
        headers.extend([
            ("host", request.host),
            ("x-amz-content-sha256", request.payload),
            ("x-amz-date", self.stamp.as_str()),
        ]);
        headers.extend_from_slice(request.headers);
        headers.sort_unstable_by_key(|(name, _)| *name);
        join_names(&headers, &mut self.signed_headers);
        canonical(request, request.query, &headers, &self.signed_headers, &mut self.scratch);
        self.sign_scratch()
    }

    /// The query of a presigned URL made at `now`, good for `lifetime_seconds`. Of the headers only
    /// those of `request` and the host are signed; its payload is ignored.
    pub fn presign(
        &mut self,
        request: &Unsigned<'_>,
        now: WallTime,
        lifetime_seconds: u64,
    ) -> String {
        self.turn_to(now);
        let mut headers = vec![("host", request.host)];
        headers.extend_from_slice(request.headers);
        headers.sort_unstable_by_key(|(name, _)| *name);
        join_names(&headers, &mut self.signed_headers);
        let credential = self.credential();
        let mut pairs = vec![
            "X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned(),
            format!("X-Amz-Credential={}", encode(&credential, false)),
            format!("X-Amz-Date={}", self.stamp),
            format!("X-Amz-Expires={lifetime_seconds}"),
            format!("X-Amz-SignedHeaders={}", encode(&self.signed_headers, false)),
        ];
        pairs.extend(request.query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned));
        pairs.sort_unstable();
        let query = pairs.join("&");
        let request = Unsigned { payload: UNSIGNED_PAYLOAD, ..*request };
        canonical(&request, &query, &headers, &self.signed_headers, &mut self.scratch);
        format!("{query}&X-Amz-Signature={}", self.sign_scratch())
    }

    /// The signature of one chunk of a streamed body, in the second of the last signature.
    pub fn chunk(&self, previous: &str, chunk: &[u8]) -> String {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{EMPTY_PAYLOAD}\n{}",
            self.stamp,
            self.scope,
            payload_hash(chunk)
        );
        hex::encode(hmac::sign(&self.key, text.as_bytes()))
    }

    /// The signature of the trailers behind a streamed body: lines of `name:value`, each ended by a
    /// line feed.
    pub fn trailer(&self, previous: &str, lines: &str) -> String {
        let text = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{previous}\n{}",
            self.stamp,
            self.scope,
            payload_hash(lines.as_bytes())
        );
        hex::encode(hmac::sign(&self.key, text.as_bytes()))
    }

    /// Signs the canonical request in `scratch`.
    fn sign_scratch(&mut self) -> String {
        let hash = digest::digest(&digest::SHA256, self.scratch.as_bytes());
        let mut hexadecimal = [0u8; 64];
        hex::encode_to_slice(hash.as_ref(), &mut hexadecimal).expect("32 bytes are 64 digits");
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"AWS4-HMAC-SHA256\n");
        context.update(self.stamp.as_bytes());
        context.update(b"\n");
        context.update(self.scope.as_bytes());
        context.update(b"\n");
        context.update(&hexadecimal);
        hex::encode(context.sign())
    }

    fn turn_to(&mut self, now: WallTime) {
        if self.second == now.secs() {
            return;
        }
        self.second = now.secs();
        self.stamp = stamp(now);
        let date = &self.stamp[..8];
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        if scope == self.scope {
            return;
        }
        let mut key = format!("AWS4{}", self.credentials.secret_key).into_bytes();
        for part in [date, &self.region, "s3", "aws4_request"] {
            let step = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes());
            key = step.as_ref().to_vec();
        }
        self.key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.scope = scope;
    }
}

/// `YYYYMMDDTHHMMSSZ`.
fn stamp(now: WallTime) -> String {
    let seconds = i64::try_from(now.secs()).expect("before the year 292277026596");
    let time = jiff::Timestamp::from_second(seconds).expect("a wall clock shows a civil year");
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn join_names(headers: &[(&str, &str)], names: &mut String) {
    names.clear();
    for (name, _) in headers {
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
    }
}

fn canonical(
    request: &Unsigned<'_>,
    query: &str,
    headers: &[(&str, &str)],
    signed_headers: &str,
    text: &mut String,
) {
    text.clear();
    for line in [request.method, request.path, query] {
        text.push_str(line);
        text.push('\n');
    }
    for (name, value) in headers {
        text.push_str(name);
        text.push(':');
        text.push_str(value.trim());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(request.payload);
}

/// SHA-256 of `body` in hexadecimal.
pub fn payload_hash(body: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, body))
}

/// Percent-encodes as the signature demands: all but letters, digits and `-._~`; slashes stay where
/// `keep_slashes`.
pub fn encode(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if keep_slashes => encoded.push('/'),
            other => write!(encoded, "%{other:02X}").expect("a String takes all"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials as OracleCredentials;
    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    };
    use std::time::{Duration, UNIX_EPOCH};

    const NOW: u64 = 1_795_363_199;

    fn signer() -> Signer {
        let (access_key, secret_key) = ("hamster".to_owned(), "keep-this-one-secret".to_owned());
        Signer::new(Credentials { access_key, secret_key }, "eu-north-1")
    }

    /// What aws-sigv4 makes of the same request: the header, or the signature of a presigned URL.
    fn oracle(uri: &str, headers: &[(&str, &str)], body: SignableBody<'_>, query: bool) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        if query {
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(300));
        }
        let identity =
            OracleCredentials::new("hamster", "keep-this-one-secret", None, None, "test").into();
        let parameters = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-north-1")
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_secs(NOW))
            .settings(settings)
            .build()
            .expect("all parameters are given")
            .into();
        let request = SignableRequest::new("PUT", uri, headers.iter().copied(), body)
            .expect("the request can be signed");
        let (instructions, signature) =
            sign(request, &parameters).expect("signing works").into_parts();
        let (headers, _) = instructions.into_parts();
        let header = headers.iter().find(|header| header.name() == "authorization");
        header.map_or(signature, |header| header.value().to_owned())
    }

    #[test]
    fn headers_are_signed_as_aws_sigv4_does() {
        let path = format!("/bucket/{}", encode("a b/ü+%/c", true));
        let request = Unsigned {
            method: "PUT",
            path: &path,
            query: "partNumber=1&uploadId=x",
            host: "127.0.0.1:9000",
            headers: &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), ("x-amz-acl", "private")],
            payload: &payload_hash(b"body"),
        };
        let uri = format!("http://127.0.0.1:9000{path}?partNumber=1&uploadId=x");
        let expected = oracle(&uri, request.headers, SignableBody::Bytes(b"body"), false);
        assert_eq!(signer().authorization(&request, WallTime::from_secs(NOW)), expected);
    }

    #[test]
    fn queries_are_presigned_as_aws_sigv4_does() {
        let request = Unsigned {
            method: "PUT",
            path: "/bucket/key",
            query: "",
            host: "127.0.0.1:9000",
            headers: &[],
            payload: "",
        };
        let uri = "http://127.0.0.1:9000/bucket/key";
        let expected = oracle(uri, &[], SignableBody::UnsignedPayload, true);
        let query = signer().presign(&request, WallTime::from_secs(NOW), 300);
        assert!(query.ends_with(&format!("X-Amz-Signature={expected}")), "{query}");
    }

    #[test]
    fn the_key_follows_the_day() {
        let request = Unsigned {
            method: "GET",
            path: "/",
            query: "",
            host: "h",
            headers: &[],
            payload: EMPTY_PAYLOAD,
        };
        let mut kept = signer();
        kept.authorization(&request, WallTime::from_secs(NOW));
        let tomorrow = WallTime::from_secs(NOW + 86_400);
        assert_eq!(
            kept.authorization(&request, tomorrow),
            signer().authorization(&request, tomorrow)
        );
    }
}
