//! What the unit tests share: requests made from text, and aws-sigv4 as the independent signer.

use crate::gate::Route;
use crate::target::Shape;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use hamster_core::WallTime;
use hamster_meta::record::{Content, Headers, Sequence, Version, VersionId, VersionKind};
use hamster_net::http::{Head, Request, RequestBody};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

/// The root pair of the tests: that of S3's documentation.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The region of the tests.
pub const REGION: &str = "us-east-1";
/// When the tests sign: 2013-05-24T00:00:00Z, as S3's documentation.
pub const NOW: WallTime = WallTime::from_secs(1_369_353_600);

/// A head with this first line and these headers.
pub fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Head {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let parsed = Head::parse(text.as_bytes()).expect("well formed");
    parsed.expect("complete").0
}

/// A request with a body that is already here.
pub fn request(head: Head, body: &[u8]) -> Request {
    let body = RequestBody::whole(Bytes::copy_from_slice(body));
    Request { head, body, peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), secure: false }
}

/// The target that a request for `route` has.
pub fn target_for(route: &Route) -> String {
    let path = match route.shape {
        Shape::Service => "/",
        Shape::Bucket => "/bucket",
        Shape::Object => "/bucket/key",
    };
    let query: Vec<_> = route.query.iter().map(|name| format!("{name}=1")).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// An unsigned request for `route`.
pub fn request_for(route: &Route) -> Request {
    let headers: Vec<_> = route.header.iter().map(|name| (*name, "bucket/key")).collect();
    request(head(route.method.as_str(), &target_for(route), &headers), b"")
}

/// How a request is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// By the Authorization header.
    Header,
    /// By the query, for this many seconds.
    Presigned(u64),
}

/// The target and headers of a request, signed by aws-sigv4. `payload` is what stands for the
/// body's hash.
pub fn signed(
    how: How,
    secret: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    payload: &str,
) -> (String, Vec<(String, String)>) {
    let identity = Credentials::new(ACCESS_KEY, secret, None, None, "tests").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    match how {
        How::Header => settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256,
        How::Presigned(seconds) => {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
    }
    let params = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("s3")
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.secs()))
        .settings(settings)
        .build()
        .expect("complete")
        .into();
    let uri = format!("http://localhost{target}");
    let body = SignableBody::Precomputed(payload.to_owned());
    let signable =
        SignableRequest::new(method, uri, headers.iter().copied(), body).expect("signable");
    let (instructions, _) = sign(signable, &params).expect("signed").into_parts();
    let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let added = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = own.chain(added).collect();
    let mut target = target.to_owned();
    for (name, value) in instructions.params() {
        target.push(if target.contains('?') { '&' } else { '?' });
        let mut encoded = Vec::new();
        crate::percent::encode(&mut encoded, value.as_bytes());
        target.push_str(&format!("{name}={}", String::from_utf8_lossy(&encoded)));
    }
    (target, headers)
}

/// An object of `size` bytes with this ETag.
pub fn version(etag: &str, size: u64) -> Version {
    Version {
        id: VersionId::Null,
        sequence: Sequence::new(1, 0),
        kind: VersionKind::Object,
        size,
        etag: etag.to_owned(),
        modified: NOW,
        content: Content::Nothing,
        headers: Headers::default(),
        checksums: Vec::new(),
        owner: "owner".to_owned(),
    }
}
