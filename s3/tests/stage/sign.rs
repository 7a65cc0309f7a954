//! Requests signed by aws-sigv4: in every way, and by whoever a test wants.

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use hamster_core::WallTime;
use std::time::{Duration, SystemTime};

/// Where the signature is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Header,
    Query,
}

/// Who signs, and how.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    pub user: (&'a str, &'a str),
    pub at: WallTime,
    pub place: Place,
    /// What stands for the body's hash.
    pub payload: &'a str,
}

/// A target and headers.
pub type Signed = (String, Vec<(String, String)>);

impl Signing<'_> {
    /// The target and headers of a request to `hamster`, with the signature.
    pub fn sign(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Signed {
        let (access_key, secret) = self.user;
        let identity =
            aws_credential_types::Credentials::new(access_key, secret, None, None, "tests").into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        match self.place {
            Place::Header => settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256,
            Place::Query => {
                settings.signature_location = SignatureLocation::QueryParams;
                settings.expires_in = Some(Duration::from_secs(600));
            }
        }
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.at.secs()))
            .settings(settings)
            .build()
            .expect("complete")
            .into();
        let uri = format!("http://hamster{target}");
        let body = SignableBody::Precomputed(self.payload.to_owned());
        let request = SignableRequest::new(method, uri, headers.iter().copied(), body);
        let signed = sign(request.expect("signable"), &params).expect("signed");
        let (instructions, _) = signed.into_parts();
        let mut target = target.to_owned();
        for (name, value) in instructions.params() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&format!("{name}={}", encode(value.as_bytes())));
        }
        let own = headers.iter().copied();
        let all = own.chain(instructions.headers());
        (target, all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Percent-encodes all but unreserved characters.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
